"""How threads share the processor."""

from __future__ import annotations

import contextlib
import os
import threading

NICE = 10
"""About a tenth of the time of a thread that does not give way, and all that the others leave over (sched(7))."""


def give_way() -> None:
    """Let every other thread go first from now on; on Linux niceness is a thread's own."""
    with contextlib.suppress(OSError):  # forbidden: it works all the same
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
