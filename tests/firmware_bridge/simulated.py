"""A simulated head on a pseudo terminal in this process, and `edge-bridge` beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firmware_bridge.cli import parser, run
from firmware_bridge.device.device import PythonDevice
from firmware_bridge.device.interface import Identity
from firmware_bridge.device.simulator import Simulator, Switches


@contextmanager
def simulated(path: Path, identity: Identity = Identity(num_leds=2)) -> Iterator[Simulator]:  # noqa: B008  frozen
    with Simulator(PythonDevice(identity), path, switches=Switches(fps=0)) as simulator:
        yield simulator


def edge_bridge(*words: str) -> int:
    """Run one command in this process; what `main` would print of an error is raised."""
    return run(parser().parse_args(list(words)))
