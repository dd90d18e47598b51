"""How old a picture is on the screen, and how soon the screen is covered when the program stands still.

    python -m benchmarks.runtime.screen [--sink ximagesink] [--seconds 20] [--stops 10]

Pictures with a time code go through the screen's sink to a window of Xvfb at 1920x1080, whose frame buffer is read.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from edge.health.figures import quantiles
from firmware_bridge.command_line import Parser
from tests.doubles.network_camera.timecode import is_of_one_moment, timecode_ns
from tests.doubles.x_screen import XScreen, served

_LOOK_S = 0.004


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sink", default="ximagesink")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--stops", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), "1920x1080") as screen:
        command = [sys.executable, "-m", "tests.doubles.screen_unit", args.sink]
        unit = subprocess.Popen(command, env={**os.environ, "DISPLAY": screen.name}, stdout=subprocess.DEVNULL)
        try:
            while not screen.is_live():
                time.sleep(0.1)
            ages_ms = ages(screen, args.seconds)
            print(
                f"age of a picture when it is first seen on the screen: {quantiles(ages_ms, {'p50': 0.5, 'p95': 0.95})}"
            )
            print(f"pictures: {len(ages_ms) / args.seconds:.1f} /s of 20")
            covered_ms = [until_covered(screen, unit.pid) for _ in range(args.stops)]
            print(f"from SIGSTOP to the cover: median {median(covered_ms):.0f} ms, longest {max(covered_ms):.0f} ms")
        finally:
            unit.kill()
            unit.wait()


def ages(screen: XScreen, seconds: float) -> list[float]:
    """Of each picture when it is first seen, in ms; reading the frame buffer takes some of it."""
    found: dict[int, float] = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now_ns, picture = time.monotonic_ns(), screen.look()
        if is_of_one_moment(picture):
            taken_ns = timecode_ns(picture)
            found.setdefault(taken_ns, (now_ns - taken_ns) / 1e6)
        time.sleep(_LOOK_S)
    return list(found.values())


def until_covered(screen: XScreen, pid: int) -> float:
    """Stop the program, in ms until the cover is there; then let it go on until it is live again."""
    os.kill(pid, signal.SIGSTOP)
    begin = time.monotonic()
    while not screen.is_covered():
        time.sleep(_LOOK_S)
    took_ms = (time.monotonic() - begin) * 1e3
    os.kill(pid, signal.SIGCONT)
    while not screen.is_live():
        time.sleep(0.05)
    time.sleep(0.3 + begin % 0.1)
    return took_ms


if __name__ == "__main__":
    main()
