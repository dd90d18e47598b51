"""The way to a folder, gone step by step from the root, so that no link leads root where another user wants it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

MAX_LINKS = 40
"""As the kernel's own limit."""

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class NotPlain(OSError):
    """What bears the name is no plain file, or no folder of its own; `strerror` says what it is."""


def kind_of(mode: int) -> str:
    """What a person calls an object of this mode: a file, a link, a folder, a named pipe, a socket, a device."""
    return next((words for is_one, words in _KINDS if is_one(mode)), "a file")


def is_not(mode: int, expected: str, path: object) -> NotPlain:
    return NotPlain(errno.EINVAL, f"is {kind_of(mode)}, expected {expected}", str(path))


def walked(path: Path, make: int | None, *, nearest: bool = False) -> int:
    """The descriptor of a folder (O_PATH); see `edge.basics.folders.open_folder`.

    Args:
        nearest: where it is missing, give the nearest one above it.
    """
    left = [part for part in reversed(path.parts) if part != "/"]
    at = os.open("/" if path.is_absolute() else ".", _STEP & ~os.O_NOFOLLOW)
    others_write, num_links = _others_write(os.fstat(at)), 0
    try:
        while left:
            name = left.pop()
            step = _step(at, name, make, nearest, path)
            if step < 0:
                break
            about = os.fstat(step)
            if not stat.S_ISLNK(about.st_mode):
                os.close(at)
                at = step
                if not stat.S_ISDIR(about.st_mode):
                    raise is_not(about.st_mode, "a folder", path)
                others_write = _others_write(about)
                continue
            try:
                target = os.readlink("", dir_fd=step)
            finally:
                os.close(step)
            num_links += 1
            if os.geteuid() == 0 and (others_write or about.st_uid != 0):
                words = f"{name!r} in it is a link that another user can set; name the real folder"
                raise NotPlain(errno.ELOOP, words, str(path))
            if num_links > MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
            left += [part for part in reversed(Path(target).parts) if part != "/"]
            if target.startswith("/"):
                os.close(at)
                at = os.open("/", _STEP)
                others_write = False
        return at
    except BaseException:
        os.close(at)
        raise


def _step(at: int, name: str, make: int | None, nearest: bool, path: Path) -> int:
    """Open the next part of a path; -1 where it is missing and the folder before it is what is wanted."""
    try:
        return os.open(name, _STEP, dir_fd=at)
    except FileNotFoundError as error:
        if nearest:
            return -1
        if make is None:
            error.filename = str(path)
            raise
    except OSError as error:
        error.filename = str(path)
        raise
    try:
        with contextlib.suppress(FileExistsError):  # another program made it meanwhile
            os.mkdir(name, make, dir_fd=at)
        _sync(at)
        return os.open(name, _STEP, dir_fd=at)
    except OSError as error:
        error.filename = str(path)
        raise


def _sync(folder: int) -> None:
    try:
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    except PermissionError:  # it may be passed through and not read
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _others_write(about: os.stat_result) -> bool:
    """Whether somebody who is not root can put a link into a folder, or move one there; in /tmp only their own."""
    if about.st_uid != 0:
        return True
    by_others = about.st_mode & stat.S_IWOTH or (about.st_mode & stat.S_IWGRP and about.st_gid != 0)
    return bool(by_others) and not about.st_mode & stat.S_ISVTX
