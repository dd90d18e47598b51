"""Waiting for what another thread does, with an end to it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.doubles.http_viewer import GUARD_S


def wait_until(done: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(GUARD_S * 100):
        if done():
            return
        pause.wait(0.01)
    raise AssertionError("what was waited for did not come")
