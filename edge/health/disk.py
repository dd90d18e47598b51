"""The unit's disk: one that takes nothing is told."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from edge.health.news import Board, NotSaved, Saved

log = logging.getLogger(__name__)

StorageState = Literal["ok", "degraded", "failed"]

LOW_BYTES = 500 * 2**20
FULL_BYTES = 32 * 2**20
"""Two pairs: with less, the next one is likely to be refused."""
CHECK_EVERY_NS = 5_000_000_000


class StorageWatch:
    """Whether the folder for pictures takes more, asked of the file system; nothing is written to find out.

    What the saver met with is news of the disk, so it is read on the board.

    Attributes:
        free_bytes: for others than root, when it was looked last; None where that cannot be told.

    Args:
        on_state: called with the state and its reason ("" for ok) at the first tick and at each change; in the thread
            that calls `tick` or posts the news.
    """

    def __init__(self, folder: Path, board: Board, on_state: Callable[[StorageState, str], None]) -> None:
        self._folder, self._on_state = folder, on_state
        board.read(Saved, self._on_saved)
        board.read(NotSaved, self._on_not_saved)
        self._lock = threading.Lock()
        self._state: StorageState | None = None
        self._kind = ""
        self._refused = ""
        self._next_ns = 0
        self.free_bytes: int | None = None

    def tick(self, now_ns: int) -> None:
        """Look again, every five seconds at most."""
        if self._state is None or now_ns >= self._next_ns:
            self._next_ns = now_ns + CHECK_EVERY_NS
            self._look()

    def _on_not_saved(self, news: NotSaved) -> None:
        """Failed at once where the disk is to blame, until a picture is saved or the disk itself tells more."""
        if not news.by_disk:
            return
        with self._lock:
            self._refused = news.reason
        self._look()

    def _on_saved(self, news: Saved) -> None:
        with self._lock:
            refused, self._refused = self._refused, ""
        if refused:
            self._look()

    def set_folder(self, folder: Path) -> None:
        """Watch another folder from the next tick on."""
        with self._lock:
            self._folder, self._refused, self._next_ns = folder, "", 0

    def _look(self) -> None:
        with self._lock:
            state, kind, reason = disk_state(self._folder)
            self.free_bytes = free_bytes_of(self._folder)
            if self._refused and state != "failed":
                state, kind, reason = "failed", self._refused, self._refused
            if (state, kind) != (self._state, self._kind):
                self._state, self._kind = state, kind
                self._on_state(state, reason)


def disk_state(folder: Path) -> tuple[StorageState, str, str]:
    """State, a word for its cause, and the reason with figures; of the nearest folder that exists."""
    there = nearest(folder)
    try:
        disk = os.statvfs(there)
    except OSError as error:
        return "failed", "error", f"{folder}: {error.strerror or error}; check the disk"
    free_bytes = disk.f_bavail * disk.f_frsize
    if disk.f_flag & os.ST_RDONLY:
        return "failed", "read-only", f"{folder}: the file system is read-only; mount it for writing, or check the disk"
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return "failed", "access", f"{folder}: may not be written; choose another [save] folder, or change its owner"
    if free_bytes < FULL_BYTES or (disk.f_files and not disk.f_favail):
        return "failed", "full", f"{folder}: the disk is full ({free_bytes / 2**20:.0f} MiB free); make room"
    if free_bytes < LOW_BYTES:
        return "degraded", "low", f"{folder}: {free_bytes / 2**20:.0f} MiB free; make room"
    return "ok", "", ""


def free_bytes_of(folder: Path) -> int | None:
    """Left on its disk for others than root; None where that cannot be told."""
    try:
        disk = os.statvfs(nearest(folder))
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize


def nearest(folder: Path) -> Path:
    """The folder, or what there is of the way to it."""
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    return there
