"""Landlock: what files a thread, and those that it starts from then on, may reach. By its three system calls.

The numbers are those of linux/landlock.h, alike on every architecture.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_OF_FIRST = (1 << 13) - 1
"""Executing, reading, writing, making and removing: what the first version knows."""
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_TCP = 0b11
"""Binding and connecting."""
_SCOPES = 0b11
"""Abstract sockets and signals of processes outside."""
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
"""What a rule for anything but a folder may allow."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What stays reachable: everything below these paths; those that do not exist are passed over.

    Attributes:
        executable: programs that may be started, and what the kernel starts them by.
    """

    readable: tuple[Path, ...]
    writable: tuple[Path, ...] = ()
    executable: tuple[Path, ...] = ()


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def landlock_version() -> int:
    """Version of the kernel's Landlock, 0 where it has none or does not use it."""
    return max(0, _call(_CREATE_RULESET, None, 0, _VERSION_FLAG))


def restrict_files(reach: Reach) -> None:
    """Take everything but `reach` from this thread, for good. No new privileges must be set before.

    Raises:
        OSError: this kernel has no Landlock, or refuses.
    """
    descriptor = ruleset_of(reach)
    try:
        _checked(_RESTRICT_SELF, descriptor, 0)
    finally:
        os.close(descriptor)


def ruleset_of(reach: Reach) -> int:
    """A descriptor by which a thread takes on the restriction, here or in another process; for the caller to close.

    Raises:
        OSError: this kernel has no Landlock, or refuses.
    """
    version = landlock_version()
    if not version:
        raise OSError(0, "this kernel has no Landlock")
    handled = _OF_FIRST
    for least, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        handled |= right if version >= least else 0
    ruleset = _Ruleset(handled, _TCP, _SCOPES)
    size = 8 if version < 4 else 16 if version < 6 else 24
    descriptor = _checked(_CREATE_RULESET, ctypes.byref(ruleset), size, 0)
    try:
        _allow(descriptor, reach.readable, _READ_FILE | _READ_DIR)
        _allow(descriptor, reach.writable, handled & ~_EXECUTE)
        _allow(descriptor, reach.executable, _READ_FILE | _EXECUTE)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _allow(ruleset: int, paths: Iterable[Path], rights: int) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                allowed = rights if path.is_dir() else rights & _OF_FILES
                rule = _PathBeneath(allowed, opened)
                _checked(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
            finally:
                os.close(opened)


def _checked(number: int, *arguments: object) -> int:
    answer = _call(number, *arguments)
    if answer < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return answer


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return int(libc.syscall(ctypes.c_long(number), *map(_whole, arguments)))


def _whole(argument: object) -> object:
    """Numbers as wide as a register, else the upper half is left to chance."""
    return ctypes.c_long(argument) if isinstance(argument, int) else argument
