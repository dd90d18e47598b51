"""How much a view may spend where a viewer's network loses packets."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

LOSSY, CLEAN = 0.08, 0.02
"""Shares of lost packets: above the first less is sent, below the second more."""
LEAST_KBITS = 500
_LESS, _MORE = 0.7, 1.15
_LESS_EACH_S, _MORE_EACH_S = 2.0, 5.0
"""Reports come each second and tell of what was sent before."""


class Thrift:
    """Of one view, whose encoder serves all who look: the worst of their networks counts.

    Args:
        clock_s: seconds that only grow.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._share = 1.0
        self._changed_s = clock_s()

    def kbits(self, most_kbits: int, losses: Collection[float]) -> int:
        """What to spend now.

        Args:
            most_kbits: what is spent where nothing is lost.
            losses: share of packets that each WebRTC viewer lost lately; none where there is none.
        """
        worst, now_s = max(losses, default=0.0), self._clock_s()
        since_s = now_s - self._changed_s
        if worst > LOSSY and since_s >= _LESS_EACH_S:
            self._share, self._changed_s = max(self._share * _LESS, LEAST_KBITS / most_kbits), now_s
        elif worst < CLEAN and since_s >= _MORE_EACH_S and self._share < 1.0:
            self._share, self._changed_s = min(1.0, self._share * _MORE), now_s
        return max(min(LEAST_KBITS, most_kbits), round(most_kbits * self._share))
