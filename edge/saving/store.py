"""The store: what is kept, how much it may take, and what goes when it is more.

Recordings go, the oldest first; a picture goes only when somebody removes it, or where there is a limit in days, which
is for all that is kept: a picture without a patient session may show a patient too. What a recording that runs takes
counts.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edge.basics.errors import EdgeError, InputOutputError, NotNow
from edge.basics.folders import open_folder
from edge.basics.threads import give_way
from edge.config import PrivacyConfig, SaveConfig
from edge.health.disk import disk_state, nearest
from edge.health.news import Board, RecordingChanged, Removed, Saved
from edge.saving.at_rest import PLAIN, AtRest
from edge.saving.listing import Item, Listing
from edge.saving.removal import remove_item
from edge.saving.retention import BY_AGE, Retention

log = logging.getLogger(__name__)

LOOKS_EVERY_S = 5.0
BY_LIMIT = "the limit of the store"


class NotRemoved(NotNow):
    """Something is not removed, and is there as before."""


class Store:
    """Safe to use from any thread; keeps the limit in a thread of its own.

    Args:
        running: name and bytes of the recording that runs, None where none does.
        held: names of what must stay -> why, in words that follow a name; "" where only the unit itself must not remove
            it, as a person may. May raise InputOutputError.
        unwritten: the same of recordings whose record the disk has not taken.
        on_full: called in the store's thread where nothing is left that may go, and a recording still grows.
    """

    def __init__(
        self, config: SaveConfig, board: Board, at_rest: AtRest = PLAIN, privacy: PrivacyConfig | None = None
    ) -> None:
        self.listing = Listing(config.path, at_rest)
        self.running: Callable[[], tuple[str, int] | None] = lambda: None
        self.held: Callable[[], Mapping[str, str]] = dict
        self.unwritten: Callable[[], Mapping[str, str]] = dict
        self.on_full: Callable[[str], None] = lambda reason: None
        self._limit_gib = config.limit_gib
        self.retention = Retention(self.listing, 0 if privacy is None else privacy.retention_days)
        self._board = board
        self._seen: Mapping[str, int | None] = {"free_bytes": None, "used_bytes": None}
        self._removing = threading.Lock()
        self._changed, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        board.read(Saved, lambda news: self._changed.set())
        board.read(RecordingChanged, lambda news: self._changed.set())

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def use(self, config: SaveConfig, privacy: PrivacyConfig | None = None) -> None:
        """Another folder or other limits from now on."""
        if config.path != self.listing.folder:
            self.listing.use(config.path)
        self._limit_gib = config.limit_gib
        self.retention.use(0 if privacy is None else privacy.retention_days)
        self._changed.set()

    @property
    def folder(self) -> Path:
        return self.listing.folder

    @property
    def limit_bytes(self) -> int | None:
        return round(self._limit_gib * 2**30) or None

    def used_bytes(self) -> int:
        """Of pairs and recordings, the running one too; raises InputOutputError."""
        running = self.running()
        items = [item for item in self.listing.items() if running is None or item.name != running[0]]
        return sum(item.num_bytes for item in items) + (running[1] if running else 0)

    def record(self) -> dict[str, Any]:
        """`free_bytes` of the disk, `used_bytes`, `limit_bytes`, as last looked at; None for what cannot be told."""
        return {**self._seen, "limit_bytes": self.limit_bytes}

    def look(self) -> None:
        """See what is free and what is used now."""
        try:
            free, used = shutil.disk_usage(nearest(self.folder)).free, self.used_bytes()
        except (OSError, InputOutputError):
            self._seen = {"free_bytes": None, "used_bytes": None}
        else:
            self._seen = {"free_bytes": free, "used_bytes": used}

    def refusal(self) -> str:
        """Why no recording may begin now; "" where it may."""
        state, _, reason = disk_state(self.folder)
        if state == "failed":
            return reason
        return "" if self._make_room(spare_newest=False) else self._full()

    def remove(self, item: Item, why: str) -> None:
        """Remove all of a pair or recording.

        Raises:
            NotRemoved: it runs, or is held.
            InputOutputError: the disk does not take it.
        """
        reason = self._staying().get(item.name)
        if reason:
            raise NotRemoved(f"{item.name}: {reason}")
        running = self.running()
        if running is not None and running[0] == item.name:
            raise NotRemoved(f"{item.name}: is recorded at this moment; stop it first")
        self._remove(item.name, why)

    def _staying(self) -> Mapping[str, str]:
        return {**self.held(), **self.unwritten()}

    def _remove(self, name: str, why: str) -> None:
        with self._removing:
            try:
                with open_folder(self.folder) as folder:
                    remove_item(folder, name)
            except OSError as error:
                raise InputOutputError(f"{error.filename or self.folder}: {error.strerror or error}") from error
        log.info("removed %s: %s", name, why)
        self._board.post(Removed(name, why))

    def _run(self) -> None:
        give_way()
        while not self._closed.is_set():
            try:
                if self.limit_bytes and not self._make_room(spare_newest=True) and self.running() is not None:
                    self.on_full(self._full())
                for name in self.retention.due(self.running, self._staying):
                    self._remove(name, BY_AGE)
                self.look()
            except EdgeError as error:  # of a disk that fails: the next look may find it well
                log.error("store: %s", error)
            if self._changed.wait(LOOKS_EVERY_S):
                self.retention.hurry()
            self._changed.clear()

    def _make_room(self, *, spare_newest: bool) -> bool:
        """Remove the oldest recordings until the limit is kept; whether it is. Raises InputOutputError.

        Args:
            spare_newest: the last recording stays until another one begins: somebody has only just made it.
        """
        limit = self.limit_bytes
        if limit is None:
            return True
        over = self.used_bytes() - limit
        if over <= 0:
            return True
        running, held = self.running(), self._staying()
        recordings = [item for item in self.listing.items() if item.kind == "recording"]
        for item in reversed(recordings[1:] if spare_newest and running is None else recordings):
            if item.name not in held and (running is None or item.name != running[0]):
                self.remove(item, BY_LIMIT)
                over -= item.num_bytes
                if over <= 0:
                    return True
        return False

    def _full(self) -> str:
        return (
            f"{self.folder}: [save] limit_gib = {self._limit_gib:g} is reached, and there is no older recording that "
            "may go; remove pictures, or allow more"
        )
