"""Log lines of trouble that may come a thousand times a second: one of each kind in ten seconds."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable

GAP_S = 10.0


class Seldom:
    """Lets the first line of a kind through, counts those that follow it within `gap_s`, and tells their number later.

    Safe to call from any thread.

    Args:
        clock_s: seconds that only grow.
    """

    def __init__(
        self, log: logging.Logger, gap_s: float = GAP_S, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._log, self._gap_s, self._clock_s = log, gap_s, clock_s
        self._lock = threading.Lock()
        self._told: dict[str, tuple[float, int]] = {}

    def say(self, level: int, kind: str, message: str) -> None:
        """Log a message, unless one of this kind was logged just now.

        Args:
            kind: one of a few words that the program knows; never what comes from outside.
        """
        num_held = self.held_before(kind)
        if num_held is not None:
            self._log.log(level, "%s%s", message, f" ({num_held} more like it before)" if num_held else "")

    def held_before(self, kind: str) -> int | None:
        """How many of this kind were held back since the last one that was let through; None to hold this one too."""
        now_s = self._clock_s()
        with self._lock:
            told_s, num_held = self._told.get(kind, (-math.inf, 0))
            if now_s - told_s < self._gap_s:
                self._told[kind] = told_s, num_held + 1
                return None
            self._told[kind] = now_s, 0
            return num_held
