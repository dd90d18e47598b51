"""What the work on pictures and on clips shares: ends that are told apart, and reading ahead."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from edge.basics.errors import EdgeError, InputOutputError
from edge.basics.texts import one_line

T = TypeVar("T")

_DECODED_AHEAD = 4
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_HOPELESS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO})


class OutputFolderError(InputOutputError):
    """The output folder takes nothing more: what comes after would fail as well."""


class NoEngine(EdgeError):
    """There is no engine to be had, so that no picture can be made; the exit code is the reason's."""

    def __init__(self, reason: str, exit_code: int = EdgeError.exit_code) -> None:
        super().__init__(reason, exit_code)
        self.exit_code = exit_code

    def __str__(self) -> str:
        return one_line(str(self.args[0]))


class Stopped(Exception):
    """A result was left unfinished because `stop` was set; nothing of it stays."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tells a failed write in one line, and whether it makes sense to go on."""
    try:
        yield
    except OSError as error:
        kind = OutputFolderError if error.errno in _HOPELESS else InputOutputError
        reason = error.strerror or error
        raise kind(f"{path}: cannot be written: {reason}; free space or choose another --output") from error


def new_file(path: Path) -> BinaryIO:
    """A scratch file for its owner alone, never one that was there: that may be a link to another's, and only goes."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, _NEW, 0o600), "w+b")


def read_ahead(read: Callable[[], T | None]) -> Generator[T, None, None]:
    """What `read` gives until None, in order, read in a thread up to four items ahead. Close it to end early."""
    with ThreadPoolExecutor(1, "decode") as pool:
        waiting: deque[Future[T | None]] = deque(pool.submit(read) for _ in range(_DECODED_AHEAD))
        try:
            while (item := waiting.popleft().result()) is not None:
                waiting.append(pool.submit(read))
                yield item
        finally:
            pool.shutdown(cancel_futures=True)
