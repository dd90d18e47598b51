"""Counts what the live picture is like, once a second, and keeps it by the day."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path

from edge.basics.errors import InputOutputError
from edge.basics.threads import give_way
from edge.config import UsageConfig
from edge.frames.frame import FramePair
from edge.frames.slot import Slot
from edge.usage.days import Days, read_days
from edge.usage.measures import measured

log = logging.getLogger(__name__)

EVERY_S, WRITE_EVERY_S = 1.0, 300.0


class UsageWatch:
    """A sink. It looks at one pair a second in a thread that gives way, and only while it is on.

    Args:
        rung: of the ladder, in words, that enhances now.
        today: by the unit's clock, UTC.
    """

    def __init__(
        self,
        config: UsageConfig,
        rung: Callable[[], str],
        today: Callable[[], date] = lambda: datetime.now(timezone.utc).date(),
    ) -> None:
        self._config, self._rung, self._today = config, rung, today
        self._slot: Slot[FramePair] = Slot()
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
        self._is_closed = threading.Event()
        self._days: Days | None = None
        self._path: Path | None = None
        self._is_told = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def use(self, config: UsageConfig) -> None:
        """Count or not, and keep it there, from the next second on."""
        self._config = config

    def publish(self, pair: FramePair) -> None:
        if self._config.path is not None:
            self._slot.put(pair)

    def close(self) -> None:
        """Write what was counted since the last time."""
        self._is_closed.set()
        self._slot.close()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _run(self) -> None:
        give_way()
        written_s = time.monotonic()
        while not self._is_closed.is_set():
            pair = self._slot.take(EVERY_S)
            if pair is not None and (path := self._config.path) is not None:
                if path != self._path:
                    self._write()
                    self._path, self._days = path, self._read(path)
                if self._days is not None:
                    self._days.add(self._today(), measured(pair, self._rung()), EVERY_S)
                del pair  # its memory is lent
                self._is_closed.wait(EVERY_S)
            if time.monotonic() - written_s >= WRITE_EVERY_S:
                self._write()
                written_s = time.monotonic()
        self._write()

    def _read(self, path: Path) -> Days | None:
        """None where it is not to be written over."""
        try:
            return read_days(path)
        except InputOutputError as error:
            log.warning("statistics of use are not kept: %s", error)
            return None

    def _write(self) -> None:
        if self._days is None or self._path is None or not self._days.days:
            return
        try:
            self._days.write(self._path)
        except OSError as error:
            if not self._is_told:
                log.warning("statistics of use are not kept: %s: %s", self._path, error.strerror or error)
            self._is_told = True
        else:
            self._is_told = False
