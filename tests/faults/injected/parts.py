"""Faults of the camera, the engine, the processes and the camera head."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import psutil

from tests.faults.injected.registry import fault
from tests.faults.unit import Unit

# ---- camera and engine: by switches


def _switched(name: str, which: str, mode: str, seconds: tuple[float, float]) -> None:
    @fault(name, which, seconds)
    def work(unit: Unit) -> Iterator[None]:
        switch = unit.source if which == "source" else unit.engine
        switch.set(mode=mode)
        yield
        switch.set(mode="ok")


for _mode in ("gone", "silent", "slow", "garbage", "small"):
    _switched(f"camera {_mode}", "source", _mode, (0.3, 3.0))
_switched("camera repeats", "source", "repeats", (1.0, 3.0))
for _mode in ("raises", "fails", "lost", "slow", "black", "constant", "nan", "inverted", "previous"):
    _switched(f"engine {_mode}", "engine", _mode, (0.5, 2.0))
_switched("engine hangs", "engine", "hangs", (1.0, 3.0))
_switched("engine eats memory", "engine", "eats-memory", (0.5, 2.0))


def _once(name: str, mode: str) -> None:
    """The engine's process ends at its next frame, and the one that comes after it is well."""

    @fault(name, "engine", (0.3, 0.6))
    def work(unit: Unit) -> Iterator[None]:
        before = unit.worker()
        unit.engine.set(mode=mode)
        if before is not None:
            with contextlib.suppress(psutil.TimeoutExpired):
                before.wait(2.0)
        unit.engine.set(mode="ok")
        yield


for _mode in ("exits", "segfault", "aborts"):
    _once(f"engine {_mode}", _mode)


# ---- processes


@fault("kill main", "process", (0.0, 0.0), ends_program=True)
def kill_main(unit: Unit) -> Iterator[None]:
    os.kill(unit.program.pid, signal.SIGKILL)
    yield


@fault("kill worker", "process", (0.0, 0.1))
def kill_worker(unit: Unit) -> Iterator[None]:
    worker = unit.worker()
    if worker is not None:
        with contextlib.suppress(psutil.Error):
            worker.kill()
    yield


@fault("stop main", "process", (3.0, 3.0))
def stop_main(unit: Unit) -> Iterator[None]:
    pid = unit.program.pid
    os.kill(pid, signal.SIGSTOP)
    yield
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


@fault("stop worker", "process", (3.0, 3.0))
def stop_worker(unit: Unit) -> Iterator[None]:
    worker = unit.worker()
    with contextlib.suppress(psutil.Error):
        if worker is not None:
            worker.suspend()
    yield
    with contextlib.suppress(psutil.Error):
        if worker is not None:
            worker.resume()


# ---- camera head


def _ordered(name: str, begin: str, end: str) -> None:
    @fault(name, "bridge", (0.3, 3.0))
    def work(unit: Unit) -> Iterator[None]:
        assert unit.head is not None, "these faults are left out without a head"
        unit.head.order(begin)
        unit.head.order("press")
        yield
        if end:
            unit.head.order(end)


_ordered("bridge noise", "noise", "quiet")
_ordered("bridge unplugged", "unplug", "plug")
_ordered("bridge resets", "reboot", "")
_ordered("bridge hangs", "hang", "go-on")
_ordered("bridge NAK storm", "storm", "calm")
