"""Waiting for what another thread or process does, with an end to it.

A test waits for a state and never judges by the time that a machine takes: it may have other things to do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

GUARD_S = 300
"""Seconds after which what was waited for will not come: only a test that fails waits so long."""


def wait_until(done: Callable[[], object]) -> None:
    pause, end_s = threading.Event(), time.monotonic() + GUARD_S
    while time.monotonic() < end_s:
        if done():
            return
        pause.wait(0.01)
    raise AssertionError("what was waited for did not come")
