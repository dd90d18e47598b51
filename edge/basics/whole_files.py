"""Files that are complete or absent, whatever happens, a power cut included.

A hidden temporary name beside the file, fsync, rename, fsync of the folder. The temporary file is locked while it is
written, so that what a power cut left can be told from what another program writes now
(`edge.saving.leftovers.clean_up`).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

PART_SUFFIX = ".edge.part"
"""Unlike what other programs call theirs: leftovers are removed by this name alone."""


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, so that they are still there after a power cut.

    Raises:
        OSError: it cannot be made.
    """
    missing = []
    above = folder
    while not above.exists() and above != above.parent:
        missing.append(above)
        above = above.parent
    folder.mkdir(parents=True, exist_ok=True)
    for made in reversed(missing):
        sync_folder(made.parent)


def write_whole(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write one file; `mode` is what its permissions may be at most."""
    with whole_file(path, mode) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Gives an open file that becomes `path` when the block ends; an exception in the block removes it.

    Args:
        mode: what its permissions may be at most, from its first moment on.
    """
    with _locked_part(path, mode) as file:
        yield file
        _flush_to_disk(file)
        part_of(path).replace(path)
    sync_folder(path.parent)


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write files into one folder, all of them or, where the disk is full, none.

    The last one tells that the others are there: an old one is removed before the first is replaced, and
    the new one comes last. All temporary files are on the disk before the first is renamed.
    """
    *_, last = contents
    with ExitStack() as parts:
        for path, content in contents.items():
            file = parts.enter_context(_locked_part(path))
            file.write(content)
            _flush_to_disk(file)
        if last.exists():
            last.unlink()
            sync_folder(last.parent)
        for path in contents:
            if path == last and len(contents) > 1:
                sync_folder(last.parent)
            part_of(path).replace(path)
    sync_folder(last.parent)


def part_of(path: Path) -> Path:
    """The temporary name of a file, or of a folder that is not complete."""
    return path.with_name(f".{path.name}{PART_SUFFIX}")


def whole_of(part: Path) -> Path:
    """The file that a temporary name stands for."""
    return part.with_name(part.name.removeprefix(".").removesuffix(PART_SUFFIX))


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(file: BinaryIO, *, wait: bool) -> bool:
    """Lock an open file until it is closed; whether it is ours. File systems without locks give it at once."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def _locked_part(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """The temporary file of `path`, empty; it is removed where the block fails."""
    part = part_of(path)
    with ExitStack() as files:
        file = _open_locked(part, files, mode)
        try:
            yield file
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise


def _open_locked(part: Path, files: ExitStack, mode: int) -> BinaryIO:
    while True:
        file = os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode), "w+b")
        lock(file, wait=True)
        # Who held it before may have renamed or removed it meanwhile.
        if _is_still(part, file):
            file.truncate(0)
            os.fchmod(file.fileno(), stat.S_IMODE(os.fstat(file.fileno()).st_mode) & mode)  # one that was left behind
            files.enter_context(file)
            return file
        file.close()


def _is_still(part: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(part.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _flush_to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
