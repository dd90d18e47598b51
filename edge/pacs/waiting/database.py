"""An SQLite database with a write-ahead log: what was committed is on the disk, and a damaged one is put aside."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.basics.errors import InputOutputError
from edge.basics.folders import Folder, open_folder
from edge.basics.whole_files import PRIVATE_FILE, PRIVATE_FOLDER

log = logging.getLogger(__name__)

BESIDE = ("-wal", "-shm")
"""Endings of what SQLite keeps beside it."""
_BUSY_S = 10.0


class DatabaseFailed(InputOutputError):
    """It cannot be read or written at this moment."""


class Database:
    """Safe to use from any thread, and beside another process that has it open. Every method may raise DatabaseFailed.

    Args:
        path: its folder is made where it is missing, for its owner and its group alone.
        version: of its tables; one of another version counts as damaged.
        tables: the statements that make them.
    """

    def __init__(self, path: Path, version: int, tables: str) -> None:
        self._path, self._version, self._tables = path, version, tables
        self._lock = threading.RLock()
        self._open: sqlite3.Connection | None = None
        self._num_opened = 0
        self.all("SELECT 1")

    def close(self) -> None:
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    def all(self, statement: str, *values: Any) -> list[Any]:
        """Every row that a statement gives."""
        with self._guarded() as connection:
            return connection.execute(statement, values).fetchall()

    def seen_of_others(self) -> tuple[int, int]:
        """Another value where anybody else has changed something, or it was opened anew."""
        with self._guarded() as connection:
            return self._num_opened, int(connection.execute("PRAGMA data_version").fetchone()[0])

    def do(self, statement: str, *values: Any) -> int:
        """Change something; how many rows."""
        with self.transaction() as connection:
            return connection.execute(statement, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of a block or nothing; on the disk when it ends."""
        with self._guarded() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def _guarded(self) -> Iterator[sqlite3.Connection]:
        """The open database; after an error it is opened anew, which tells whether it is damaged."""
        with self._lock:
            try:
                if self._open is None:
                    self._open = self._opened()
                    self._num_opened += 1
                yield self._open
            except (sqlite3.Error, OSError) as error:
                self.close()
                reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                raise DatabaseFailed(f"{self._path}: {reason}; make room, or correct its folder") from error

    def _opened(self) -> sqlite3.Connection:
        with open_folder(self._path.parent, PRIVATE_FOLDER) as folder:
            self._make(folder)
            try:
                return self._connected()
            except sqlite3.DatabaseError as error:
                if type(error) is not sqlite3.DatabaseError:  # a full disk, a lock: nothing is wrong with the file
                    raise
                self._put_aside(folder, str(error))
            self._make(folder)
            return self._connected()

    def _make(self, folder: Folder) -> None:
        """SQLite follows links and chooses other modes: what it opens is there before, a plain file of ours."""
        if folder.about(self._path.name) is None:
            folder.create(self._path.name, PRIVATE_FILE).close()
            folder.sync()
        folder.open(self._path.name).close()

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
                connection.execute(f"PRAGMA {pragma}").fetchall()
            told = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            connection.execute("BEGIN IMMEDIATE")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in self._tables.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {self._version}")
            connection.execute("COMMIT")
            if told != "ok" or version not in (0, self._version):
                raise sqlite3.DatabaseError(told if told != "ok" else f"version {version}, expected {self._version}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _put_aside(self, folder: Folder, why: str) -> None:
        name = self._path.name
        aside = f"{name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}"
        for ending in ("", *BESIDE):
            if folder.about(name + ending) is not None:
                folder.rename(name + ending, aside + ending)
        folder.sync()
        log.error("%s: damaged (%s): kept as %s, and made anew", self._path, why.splitlines()[0], aside)
