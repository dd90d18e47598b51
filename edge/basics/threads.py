"""How threads share the processor."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable

NICE = 10
"""About a tenth of the time of a thread that does not give way, and all that the others leave over (sched(7))."""


def give_way() -> None:
    """Let every other thread go first from now on; on Linux niceness is a thread's own."""
    let_give_way(threading.get_native_id())


def let_give_way(number: int) -> None:
    """The same for another thread, or for a process that has just begun and has one alone: later ones inherit it."""
    with contextlib.suppress(OSError):  # forbidden: it works all the same
        os.setpriority(os.PRIO_PROCESS, number, NICE)


class Ration:
    """A share of one core for a thread whose work could wait, as long as there is too little for what cannot.

    To give way is not enough on few cores: whoever works takes cache, memory and the interpreter's lock from others.

    Args:
        share: of a core.
        is_scarce: whether there is too little now. It counts as scarce for `SCARCE_S` more, so that the ration does not
            come and go with its own effect.
        longest_s: rest at a time, however much was done.
    """

    SCARCE_S = 10.0

    def __init__(
        self,
        share: float,
        is_scarce: Callable[[], bool],
        longest_s: float,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share, self._is_scarce, self._longest_s, self._clock_s = share, is_scarce, longest_s, clock_s
        self._scarce_until_s = self._rested_at_s = 0.0

    def worked(self, processor_s: float) -> None:
        """Count a piece of work, after it."""
        self._rested_at_s = self._clock_s() + min(processor_s / self._share, self._longest_s)

    def rest_s(self) -> float:
        """How long to rest before the next piece."""
        now_s = self._clock_s()
        if self._is_scarce():
            self._scarce_until_s = now_s + self.SCARCE_S
        return max(0.0, self._rested_at_s - now_s) if now_s < self._scarce_until_s else 0.0
