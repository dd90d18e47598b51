"""Folders held open, so that what is done in one is done in that one, whatever its name comes to mean meanwhile.

Names in it are single words, and none is followed where it is a link; nothing but a plain file is opened as one. So a
command of root's, in a folder that another user may write, harms that folder alone: links, pipes, devices and names
that are swapped between two calls lead nowhere else.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from edge.basics.walk import is_not, walked

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Folder:
    """An open folder.

    Every method raises OSError, which names the whole path; a name that is no single word is a ValueError.

    Attributes:
        path: what it was called when it was opened; for messages.
        descriptor: of the folder.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self.descriptor = path, descriptor

    def __enter__(self) -> Folder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def names(self) -> list[str]:
        """Of all that is in it, in order."""
        with self._named():
            return sorted(os.listdir(self.descriptor))  # noqa: PTH208 - a descriptor is no path

    def about(self, name: str) -> os.stat_result | None:
        """What bears a name, itself and not what it may lead to; None where nothing does."""
        try:
            return os.stat(_word(name), dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def owner(self) -> os.stat_result:
        return os.fstat(self.descriptor)

    def is_file(self, name: str) -> bool:
        about = self.about(name)
        return about is not None and stat.S_ISREG(about.st_mode)

    def is_folder(self, name: str) -> bool:
        about = self.about(name)
        return about is not None and stat.S_ISDIR(about.st_mode)

    def link(self, name: str) -> str | None:
        """Where a link leads, as it says; None for what is no link."""
        about = self.about(name)
        if about is None or not stat.S_ISLNK(about.st_mode):
            return None
        with self._named(name):
            return os.readlink(_word(name), dir_fd=self.descriptor)

    def folder(self, name: str) -> Folder:
        """A folder in it; raises NotPlain for a link to one."""
        with self._named(name, "a folder"):
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            return Folder(self.path / name, os.open(_word(name), flags, dir_fd=self.descriptor))

    def open(self, name: str) -> BinaryIO:
        """A plain file, to read. Never waits; raises NotPlain for anything else."""
        with self._named(name, "a plain file"):
            before = os.stat(_word(name), dir_fd=self.descriptor, follow_symlinks=False)
            if not stat.S_ISREG(before.st_mode):  # a device may do something when it is opened
                raise is_not(before.st_mode, "a plain file", self.path / name)
            return _plain(os.open(name, _READ, dir_fd=self.descriptor), self.path / name, "rb")

    def read(self, name: str, most: int) -> bytes:
        """All of a plain file; one of more than `most` bytes raises OSError (EFBIG)."""
        with self.open(name) as file:
            return read_at_most(file, most, self.path / name)

    def create(self, name: str, mode: int) -> BinaryIO:
        """A new file, to write; raises FileExistsError for whatever bears the name.

        Args:
            mode: less what the umask takes away.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with self._named(name):
            return os.fdopen(os.open(_word(name), flags, mode, dir_fd=self.descriptor), "w+b")

    def shorten(self, name: str, num_bytes: int) -> None:
        """Cut a plain file after so many bytes, and bring that to the disk. Never waits; raises as `open`."""
        with self._named(name, "a plain file"):
            descriptor = os.open(_word(name), _READ | os.O_RDWR, dir_fd=self.descriptor)
            with _plain(descriptor, self.path / name, "r+b") as file:
                if file.seek(0, os.SEEK_END) > num_bytes:
                    file.truncate(num_bytes)
                    os.fsync(file.fileno())

    def append(self, name: str, content: bytes) -> None:
        """Append to a plain file, and bring that to the disk. Never waits; raises as `open`."""
        with self._named(name, "a plain file"):
            descriptor = os.open(_word(name), _READ | os.O_RDWR | os.O_APPEND, dir_fd=self.descriptor)
            with _plain(descriptor, self.path / name, "r+b") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())

    def make_folder(self, name: str, mode: int) -> None:
        with self._named(name):
            os.mkdir(_word(name), mode, dir_fd=self.descriptor)

    def make_link(self, name: str, target: str) -> None:
        with self._named(name):
            os.symlink(target, _word(name), dir_fd=self.descriptor)

    def rename(self, name: str, new: str) -> None:
        """Give something another name; a file or link that had it is gone."""
        with self._named(name):
            os.replace(_word(name), _word(new), src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def unlink(self, name: str) -> None:
        """Remove a name: of a file, a link or anything but a folder."""
        with self._named(name):
            os.unlink(_word(name), dir_fd=self.descriptor)

    def remove_folder(self, name: str, last: str = "", levels: int = 2) -> None:
        """Remove a folder and all in it.

        Args:
            last: a name in it that goes last, so that a removal which is cut short is seen to be one.
            levels: of folders that it may have, itself one; one that is deeper raises OSError.
        """
        if levels < 1:
            raise OSError(errno.ENOTEMPTY, "has more folders in it than this program makes", str(self.path / name))
        with self.folder(name) as inner:
            for found in sorted(inner.names(), key=lambda one: one == last):
                if inner.is_folder(found):
                    inner.remove_folder(found, levels=levels - 1)
                else:
                    inner.unlink(found)
        with self._named(name):
            os.rmdir(_word(name), dir_fd=self.descriptor)

    def sync(self) -> None:
        """Bring its names to the disk."""
        with self._named():
            os.fsync(self.descriptor)

    @contextlib.contextmanager
    def _named(self, name: str = "", expected: str = "") -> Iterator[None]:
        """Errors that name the whole path; a link where something else was expected says so."""
        path = self.path / name if name else self.path
        try:
            yield
        except OSError as error:
            about = self.about(name) if name and expected and error.errno in (errno.ELOOP, errno.ENOTDIR) else None
            if about is not None:
                raise is_not(about.st_mode, expected, path) from error
            error.filename, error.filename2 = str(path), None
            raise


def _word(name: str) -> str:
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} is no name of a file")
    return name


def _plain(descriptor: int, path: object, mode: str) -> BinaryIO:
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        raise is_not(about.st_mode, "a plain file", path)
    return os.fdopen(descriptor, mode)  # type: ignore[return-value]


def open_plain(path: Path) -> BinaryIO:
    """A plain file that a person named, to read; a link is followed, and a pipe or device refused and not waited for.

    Raises:
        NotPlain: it is none. OSError: it cannot be opened.
    """
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise is_not(about.st_mode, "a plain file", path)
    return _plain(os.open(path, _READ & ~os.O_NOFOLLOW), path, "rb")


def read_plain(path: Path, most: int) -> bytes:
    """All of a plain file, as `open_plain`; one of more than `most` bytes raises OSError (EFBIG)."""
    with open_plain(path) as file:
        return read_at_most(file, most, path)


def read_at_most(file: BinaryIO, most: int, path: object) -> bytes:
    """What is left of a file; more than `most` bytes raise OSError (EFBIG)."""
    content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"has more than {most} bytes", str(path))
    return content


def open_folder(path: Path, make: int | None = None) -> Folder:
    """Open a folder, step by step from the root.

    For root, links on the way are followed only where no other user can have put them there: a link that belongs to
    another, or lies in a folder that another may write, is refused. Others follow what they like: they have no rights
    that are not theirs.

    Args:
        make: mode of those on the way that are missing, made and brought to the disk; None: a missing one is an error.

    Raises:
        NotPlain: a step is such a link, or no folder. OSError: it cannot be opened or made.
    """
    descriptor = walked(path, make)
    try:
        return Folder(path, os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor))
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        os.close(descriptor)


def owner_of(path: Path) -> os.stat_result:
    """Who owns a folder, or the nearest one above it that is there; raises as `open_folder`."""
    descriptor = walked(path, None, nearest=True)
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)
