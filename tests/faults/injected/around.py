"""Faults of what is around the program: disk, clock, memory, descriptors, viewers."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.faults.injected.registry import Expected, fault
from tests.faults.unit import Unit

# ---- disk


def _press(unit: Unit) -> None:
    if unit.head is not None:
        unit.head.order("press")


@fault("disk full", "disk", (0.8, 2.0))
def disk_full(unit: Unit) -> Iterator[None]:
    if not unit.has_disk:
        with _limited(unit.program.pid, resource.RLIMIT_FSIZE, 100_000):
            _press(unit)
            yield
        return
    balloon = unit.pictures / "balloon"
    with contextlib.suppress(OSError), balloon.open("wb") as file:
        while True:
            file.write(bytes(1 << 16))
            file.flush()
    _press(unit)
    yield
    balloon.unlink(missing_ok=True)


@fault("disk read-only", "disk", (0.8, 2.0))
def disk_read_only(unit: Unit) -> Iterator[None]:
    if unit.has_disk:
        _remount(unit.pictures, "ro")
    else:
        unit.pictures.chmod(0o555)
    _press(unit)
    yield
    if unit.has_disk:
        _remount(unit.pictures, "rw")
    else:
        unit.pictures.chmod(0o755)


def _remount(folder: Path, how: str) -> None:
    """A file that is being written keeps the disk busy for a moment."""
    for _ in range(50):
        command = ["mount", "-o", f"remount,{how}", str(folder)]
        if subprocess.run(command, check=False, capture_output=True).returncode == 0:
            return
        time.sleep(0.05)
    raise Expected(f"{folder} could not be made {how}: a file stays open")


@fault("power cut while saving", "process", (0.0, 0.0), ends_program=True)
def cut_while_saving(unit: Unit) -> Iterator[None]:
    _press(unit)
    time.sleep(0.15 + unit.random.random() * 0.5)
    os.kill(unit.program.pid, signal.SIGKILL)
    yield


# ---- clock and memory


def _jump(name: str, offset_s: float) -> None:
    @fault(name, "clock")
    def work(unit: Unit) -> Iterator[None]:
        unit.clock.set(offset_s=offset_s)
        _press(unit)
        yield
        unit.clock.set(offset_s=0.0)


_jump("clock a day ahead", 86400.0)
_jump("clock a year back", -365 * 86400.0)


@contextmanager
def _limited(pid: int, which: int, soft: int) -> Iterator[None]:
    """Lower one limit of a running process and put it back."""
    try:
        old = resource.prlimit(pid, which)
        resource.prlimit(pid, which, (soft, old[1]))
    except (ProcessLookupError, PermissionError):
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            resource.prlimit(pid, which, old)


def _squeezed(name: str, *, main: bool) -> None:
    @fault(name, "memory", (0.3, 1.5), ends_program=main)
    def work(unit: Unit) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(unit.program.pid) if main else unit.worker()
                if process is not None:
                    room = unit.random.choice((0, 4 << 20, 16 << 20))
                    size = process.memory_info().vms + room
                    stack.enter_context(_limited(process.pid, resource.RLIMIT_AS, size))
            yield


_squeezed("no memory for main", main=True)
_squeezed("no memory for worker", main=False)


@fault("no descriptors", "descriptors", (0.3, 1.5), ends_program=True)
def no_descriptors(unit: Unit) -> Iterator[None]:
    crowd = unit.crowd()
    try:
        used = psutil.Process(unit.program.pid).num_fds()
    except psutil.Error:
        used = 64
    with _limited(unit.program.pid, resource.RLIMIT_NOFILE, used + 2):
        crowd.flood(10)
        yield
    crowd.close()


# ---- viewers


@fault("viewers stall", "viewers", (0.5, 3.0))
def viewers_stall(unit: Unit) -> Iterator[None]:
    crowd = unit.crowd()
    crowd.stall(10)
    yield
    crowd.close()


@fault("viewers flood", "viewers", (0.5, 2.0))
def viewers_flood(unit: Unit) -> Iterator[None]:
    crowd = unit.crowd()
    crowd.flood(50)
    yield
    crowd.close()


@fault("viewers vanish", "viewers", (0.3, 1.0))
def viewers_vanish(unit: Unit) -> Iterator[None]:
    crowd = unit.crowd()
    work = threading.Thread(target=crowd.vanish, args=(20,))
    work.start()
    yield
    work.join()
    crowd.close()


@fault("viewers read", "viewers", (0.5, 2.0))
def viewers_read(unit: Unit) -> Iterator[None]:
    crowd = unit.crowd()
    crowd.read(3)
    yield
    crowd.close()
