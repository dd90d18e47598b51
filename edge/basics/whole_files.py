"""Files that are complete or absent, whatever happens, a power cut included.

A hidden temporary name beside the file, fsync, rename, fsync of the folder. The temporary file is locked while it is
written, so that what a power cut left can be told from what another program writes now
(`edge.saving.leftovers.clean_up`).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import math
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from edge.basics.folders import Folder, open_folder, open_plain
from edge.basics.walk import NotPlain

PART_SUFFIX = ".edge.part"
"""Unlike what other programs call theirs: leftovers are removed by this name alone."""
ENCRYPTED = b"edge-enhance encrypted file "
"""How a file begins that a unit encrypted (`edge.saving.sealing.sealed`)."""
IS_ENCRYPTED = "is encrypted by a unit; edge-enhance privacy decrypt makes it readable"
PRIVATE_FILE, PRIVATE_FOLDER = 0o640, 0o750
"""Modes of what may show a patient: for its owner, and to be read by the owner's group."""
ROOT_WAITS_S, _POLL_S = 10.0, 0.05
_never = threading.Event()


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder and those above it that are missing, so that they are still there after a power cut.

    Args:
        mode: of those that are made, less what the umask takes away.

    Raises:
        OSError: it cannot be made.
    """
    open_folder(folder, mode).close()


def write_whole(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write one file.

    Args:
        mode: less what the umask takes away.
    """
    with whole_file(path, mode) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Gives an open file that becomes `path` when the block ends; an exception in the block removes it."""
    with open_folder(path.parent) as folder, whole_file_in(folder, path.name, mode) as file:
        yield file


@contextmanager
def whole_file_in(folder: Folder, name: str, mode: int = 0o666) -> Iterator[BinaryIO]:
    """As `whole_file`, in a folder that is open."""
    with _locked_part(folder, name, mode) as file:
        yield file
        _flush_to_disk(file)
        folder.rename(part_name(name), name)
    folder.sync()


def write_together(contents: Mapping[Path, bytes | Path], mode: int = 0o666) -> None:
    """Write files into one folder, all of them or, where the disk is full, none.

    The last one tells that the others are there: an old one is removed before the first is replaced, and
    the new one comes last. All temporary files are on the disk before the first is renamed.

    Args:
        contents: of each file, or where it lies whole, to be moved from there.
    """
    *_, last = (path.name for path in contents)
    (parent,) = {path.parent for path in contents}
    with open_folder(parent) as folder:
        with ExitStack() as parts:
            for path, content in contents.items():
                parts.enter_context(_whole_part(folder, path.name, content, mode))
            if folder.about(last) is not None:
                folder.unlink(last)
                folder.sync()
            for path in contents:
                if path.name == last and len(contents) > 1:
                    folder.sync()
                folder.rename(part_name(path.name), path.name)
        folder.sync()


def remove_file(path: Path) -> None:
    """Remove a file, if it is there."""
    with open_folder(path.parent) as folder, contextlib.suppress(FileNotFoundError):
        folder.unlink(path.name)


def part_name(name: str) -> str:
    """The temporary name of a file, or of a folder that is not complete."""
    return f".{name}{PART_SUFFIX}"


def is_part(name: str) -> bool:
    return name.startswith(".") and name.endswith(PART_SUFFIX) and len(name) > len(PART_SUFFIX) + 1


def whole_name(part: str) -> str:
    """The name that a temporary one stands for."""
    return part.removeprefix(".").removesuffix(PART_SUFFIX)


def part_of(path: Path) -> Path:
    """`part_name` of a path."""
    return path.with_name(part_name(path.name))


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(file: BinaryIO, *, wait: bool) -> bool:
    """Lock an open file until it is closed; whether it is ours. File systems without locks give it at once.

    Root waits for ten seconds at most: a lock may be held by anybody who can read the file, and for ever.
    """
    left_s = 0.0 if not wait else ROOT_WAITS_S if os.geteuid() == 0 else math.inf
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if left_s == math.inf else fcntl.LOCK_NB))
        except BlockingIOError:
            if left_s <= 0:
                return False
        except OSError:
            return True
        else:
            return True
        left_s -= _POLL_S
        _never.wait(_POLL_S)


@contextmanager
def _locked_part(folder: Folder, name: str, mode: int) -> Iterator[BinaryIO]:
    """The temporary file of a name, new and empty; it is removed where the block fails."""
    part = part_name(name)
    with ExitStack() as files:
        file = files.enter_context(_created_locked(folder, part, mode))
        try:
            yield file
        except BaseException:
            with contextlib.suppress(OSError):
                folder.unlink(part)
            raise


@contextmanager
def _whole_part(folder: Folder, name: str, content: bytes | Path, mode: int) -> Iterator[None]:
    """The temporary file of a name, with its content and on the disk; it is removed where the block fails."""
    if isinstance(content, Path) and _is_moved(content, folder, part_name(name)):
        with folder.open(part_name(name)) as file:
            try:
                lock(file, wait=True)
                os.fsync(file.fileno())
                yield
            except BaseException:
                with contextlib.suppress(OSError):
                    folder.unlink(part_name(name))
                raise
        return
    with _locked_part(folder, name, mode) as file:
        if isinstance(content, Path):
            with open_plain(content) as source:
                shutil.copyfileobj(source, file, 1 << 20)
        else:
            file.write(content)
        _flush_to_disk(file)
        yield


def _is_moved(path: Path, folder: Folder, name: str) -> bool:
    """Move a file into a folder; False where that is on another file system."""
    try:
        os.replace(path, name, dst_dir_fd=folder.descriptor)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return False
    return True


def _created_locked(folder: Folder, part: str, mode: int) -> BinaryIO:
    while True:
        try:
            file = folder.create(part, mode)
        except FileExistsError:
            _remove_leftover(folder, part)
            continue
        # Who came between, and took it for a leftover, may hold it.
        if lock(file, wait=True) and _is_still(folder, part, file):
            return file
        file.close()


def _remove_leftover(folder: Folder, part: str) -> None:
    """Make room for a temporary file: one that another program writes is waited for, what is no file goes at once.

    Never written into: it may be a link, or a second name of another file.
    """
    with contextlib.suppress(FileNotFoundError):
        try:
            file = folder.open(part)
        except NotPlain:
            folder.unlink(part)
            return
        with file:
            if not lock(file, wait=True):
                raise BlockingIOError(errno.EWOULDBLOCK, "another program writes it now", str(folder.path / part))
            if _is_still(folder, part, file):
                folder.unlink(part)


def _is_still(folder: Folder, part: str, file: BinaryIO) -> bool:
    about = folder.about(part)
    return about is not None and os.path.samestat(about, os.fstat(file.fileno()))


def _flush_to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def file_sha256(path: Path, most: int | None = None) -> str:
    """SHA-256 of a plain file.

    Args:
        most: bytes that it may have; a larger one raises OSError (EFBIG), however little of the disk it takes.
    """
    with open_plain(path) as file:
        if most is not None and os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, f"has more than {most} bytes", str(path))
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
