"""One process sends: it holds a lock beside the queue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.basics.errors import EdgeError
from edge.basics.folders import open_folder
from edge.basics.whole_files import PRIVATE_FILE, PRIVATE_FOLDER, lock

_LOCK = "sender.lock"


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock for the block; raises EdgeError where another process has it, or where there can be none.

    Args:
        path: the queue's folder; it is made where it is missing.
    """
    try:
        with open_folder(path, PRIVATE_FOLDER) as folder:
            if folder.about(_LOCK) is None:
                folder.create(_LOCK, PRIVATE_FILE).close()
            file = folder.open(_LOCK)
    except OSError as error:
        raise EdgeError(f"{error.filename or path}: {error.strerror or error}") from error
    with file:
        if not lock(file, wait=False):
            raise EdgeError(f"{path}: another process sends from there")
        yield
