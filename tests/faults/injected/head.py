"""The simulated camera head: `firmware_bridge`'s own simulator on a pseudo terminal, in a process that takes orders."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import IO

from firmware_bridge.device.faulty_line import LineFaults
from firmware_bridge.device.interface import Identity
from firmware_bridge.device.simulator import Simulator
from firmware_bridge.simulate_command import made_device
from tests.faults.program import REPOSITORY

NOISY = LineFaults(drop=0.05, corrupt=0.05, duplicate=0.05, repeat=0.1, delay_ms=2, jitter_ms=10)


class Head:
    """The campaign's end: one word a line orders a fault or its end."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.injected.head", str(path)], stdin=subprocess.PIPE, cwd=REPOSITORY
        )

    def order(self, word: str) -> None:
        pipe: IO[bytes] | None = self._process.stdin
        assert pipe is not None, "a pipe was asked for"
        pipe.write(word.encode() + b"\n")
        pipe.flush()

    def close(self) -> None:
        assert self._process.stdin is not None, "a pipe was asked for"
        self._process.stdin.close()
        self._process.wait(10)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    args = parser.parse_args()
    with Simulator(made_device("python", Identity("SIM-0007", 4)), args.path, seed=1) as head:
        orders = {
            "noise": lambda: head.set_faults(NOISY),
            "quiet": lambda: head.set_faults(LineFaults()),
            "unplug": head.unplug,
            "plug": head.plug,
            "reboot": head.reboot,
            "hang": lambda: setattr(head.switches, "hang", True),
            "go-on": lambda: setattr(head.switches, "hang", False),
            "storm": lambda: setattr(head.switches, "nak_storm", True),
            "calm": lambda: setattr(head.switches, "nak_storm", False),
            "press": lambda: head.press(0.12),
        }
        for line in sys.stdin:
            orders[line.strip()]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
