"""How long what is kept stays, where somebody set a limit: `[privacy] retention_days`."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection
from typing import Any

from edge.saving.ages import Ages
from edge.saving.listing import Listing

log = logging.getLogger(__name__)

BY_AGE = "older than [privacy] retention_days"
_EVERY_S = 60.0
_FIGURES = re.compile(r"[\d.]+")


class Retention:
    """Belongs to the store's thread, but for `record`, `use` and `hurry`.

    Args:
        days: 0: nothing is ever too old.
    """

    def __init__(self, listing: Listing, days: int) -> None:
        self._listing, self._days = listing, days
        self._ages = Ages(listing.folder)
        self._next_s = 0.0
        self._told: dict[str, Any] = {"waiting": 0, "notice": ""}

    def use(self, days: int) -> None:
        """Another limit from now on."""
        self._days = days
        self.hurry()

    def hurry(self) -> None:
        """Look at the next opportunity: something has changed."""
        self._next_s = 0.0

    def record(self) -> dict[str, Any]:
        """For `/health`: `days`, how many that are older wait for the PACS, and what a person should know."""
        return {"days": self._days, **self._told}

    def due(self, running: Callable[[], tuple[str, int] | None], held: Callable[[], Collection[str]]) -> list[str]:
        """Names of what is to be removed now, the oldest first; looks once a minute.

        Args:
            running: the recording that runs, which stays.
            held: what waits for the PACS, which stays too.

        Raises:
            InputOutputError: the folder cannot be read, or nobody can say what waits.
        """
        if time.monotonic() < self._next_s:
            return []
        self._next_s = time.monotonic() + _EVERY_S
        days, folder = self._days, self._listing.folder
        if not self._ages.is_of(folder):
            self._ages = Ages(folder)
        names, unwritten = self._listing.names() if days else {}, ""
        try:
            if not days or not folder.is_dir():
                self._ages.forget()
                self._tell()
                return []
            self._ages.look(names)
        except OSError as error:  # a full disk, which what is removed now makes room on
            unwritten = f"{error.filename or folder}: {error.strerror or error}"
        old = self._ages.older_than(days)
        if not old:
            num, left_s = self._ages.soon(days)
            self._tell(unwritten, f"{num} are older: removed after {left_s / 3600:.1f} h of running" if num else "")
            return []
        stay = {*held()}
        num_waiting = sum(name in stay for name in old)
        waiting = f"{num_waiting} are older and stay: they wait for the PACS" if num_waiting else ""
        self._tell(unwritten, waiting, num_waiting=num_waiting)
        recorded = running()
        return [name for name in old if name not in stay and (recorded is None or name != recorded[0])]

    def _tell(self, *notices: str, num_waiting: int = 0) -> None:
        told = "; ".join(filter(None, (*notices, self._ages.doubt)))
        if told and _FIGURES.sub("", told) != _FIGURES.sub("", self._told["notice"]):
            log.warning("retention: %s", told)
        self._told = {"waiting": num_waiting, "notice": told}
