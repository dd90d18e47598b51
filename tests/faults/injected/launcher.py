"""Starts the real program with a breakable camera, engine and clock: `-m tests.faults.injected.launcher`.

Everything is put in from outside, at the seams where the program opens its parts; product code knows nothing of it.
"""

from __future__ import annotations

import datetime as datetimes
import os
import sys
import time
from typing import Any

from tests.faults.injected.switches import Switch

FPS_VARIABLE = "EDGE_FAULTS_FPS"


def break_camera() -> None:
    import edge.sources.open
    from tests.faults.injected.source import FaultyCamera

    fps = float(os.environ[FPS_VARIABLE])
    edge.sources.open.open_wished = lambda wish, **options: FaultyCamera(wish.uri, fps, options.get("judge"))


def break_engine() -> None:
    """Another worker, and a ladder that forgives sooner: a thousand faults in an hour must meet an engine that runs."""
    import edge.guard.process
    from edge.guard import ladder

    edge.guard.process.WORKER_COMMAND[:] = [sys.executable, "-m", "tests.faults.injected.faulty_worker"]
    ladder.FIRST_WAIT_NS = ladder.LONGEST_WAIT_NS = ladder.NS_PER_S
    ladder.RESTART_WINDOW_NS = 6 * ladder.NS_PER_S


def break_clock() -> None:
    """Add what the switch `clock` says to the wall clock, as when NTP or a person sets it."""
    switch, real_time, real_time_ns = Switch("clock"), time.time, time.time_ns

    def offset_s() -> float:
        return float(switch.get().get("offset_s", 0.0))

    class JumpingDatetime(datetimes.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return super().now(tz) + datetimes.timedelta(seconds=offset_s())

    time.time = lambda: real_time() + offset_s()
    time.time_ns = lambda: real_time_ns() + int(offset_s() * 1e9)
    datetimes.datetime = JumpingDatetime  # type: ignore[misc]


def main() -> int:
    break_clock()
    if FPS_VARIABLE in os.environ:  # else the camera stands outside and can be broken there
        break_camera()
    break_engine()
    from edge.cli import main as program

    return program(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
