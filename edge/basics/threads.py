"""How threads share the processor."""

from __future__ import annotations

import contextlib
import os
import threading

NICE = 10
"""About a tenth of the time of a thread that does not give way, and all that the others leave over (sched(7))."""


def give_way() -> None:
    """Let every other thread go first from now on; on Linux niceness is a thread's own."""
    let_give_way(threading.get_native_id())


def let_give_way(number: int) -> None:
    """The same for another thread, or for a process that has just begun and has one alone: later ones inherit it."""
    with contextlib.suppress(OSError):  # forbidden: it works all the same
        os.setpriority(os.PRIO_PROCESS, number, NICE)
