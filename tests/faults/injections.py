"""The faults: each begins when its block is entered and ends when it is left."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.faults.unit import Unit

Injection = Callable[[Unit], contextlib.AbstractContextManager[None]]


@dataclass(frozen=True)
class Fault:
    """Attributes:
    group: two faults of one group never come at once.
    seconds: shortest and longest.
    ends_program: the program may end by it and is started again.
    """

    name: str
    group: str
    inject: Injection
    seconds: tuple[float, float] = (0.3, 2.0)
    ends_program: bool = False

    @property
    def needs_engine(self) -> bool:
        """Whether it is about the engine, and so wants one that runs."""
        return self.group == "engine" or "worker" in self.name


FAULTS: dict[str, Fault] = {}


class Expected(AssertionError):
    """A fault's own check found something wrong."""


def fault(
    name: str, group: str, seconds: tuple[float, float] = (0.3, 2.0), *, ends_program: bool = False
) -> Callable[[Callable[[Unit], Iterator[None]]], Callable[[Unit], Iterator[None]]]:
    def added(work: Callable[[Unit], Iterator[None]]) -> Callable[[Unit], Iterator[None]]:
        FAULTS[name] = Fault(name, group, contextmanager(work), seconds, ends_program)
        return work

    return added


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


# ---- configuration


def _reloads(name: str, spoil: Callable[[Unit], Callable[[], None]], *, accepted: bool) -> None:
    """Spoil something, ask for a reload, and see it refused (or taken) whole."""

    @fault(name, "config", (0.0, 0.3))
    def work(unit: Unit) -> Iterator[None]:
        count = unit.reload_count()
        if count is None:
            raise Expected("/health tells of no reloads, or does not answer")
        pid = unit.program.pid
        mend = spoil(unit)
        try:
            os.kill(pid, signal.SIGHUP)
            yield
            record = unit.reloaded(count)
        finally:
            mend()
        if record is None and pid == unit.program.pid:
            raise Expected("SIGHUP was not answered within 30 s")
        if record is not None and record["ok"] != accepted:
            raise Expected(f"a reload that should be {'taken' if accepted else 'refused'}: {record}")


def _with_text(change: Callable[[str], str]) -> Callable[[Unit], Callable[[], None]]:
    def spoil(unit: Unit) -> Callable[[], None]:
        unit.write_config(change(unit.config_text))
        return lambda: unit.write_config(unit.config_text)

    return spoil


def _with_bytes(name: str) -> Callable[[Unit], Callable[[], None]]:
    """A model's file with some bytes altered, put in its place whole as an update would."""

    def spoil(unit: Unit) -> Callable[[], None]:
        path = unit.models / "live" / name
        good = path.read_bytes()
        middle = len(good) // 2
        _replace(path, good[:middle] + bytes(64) + good[middle + 64 :])
        return lambda: _replace(path, good)

    return spoil


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.campaign")
    fresh.write_bytes(content)
    fresh.replace(path)


_reloads("reload: not TOML", _with_text(lambda text: text + "\n[engine\n"), accepted=False)
_reloads("reload: unknown key", _with_text(lambda text: text + "[web]\nlisten_to = 3\n"), accepted=False)
_reloads("reload: out of range", _with_text(lambda text: text + "[web]\njpeg_quality = 900\n"), accepted=False)
_reloads(
    "reload: no such profile",
    _with_text(lambda text: text.replace("[engine]", '[engine]\nprofile = "absent"')),
    accepted=False,
)
_reloads("reload: model altered", _with_bytes("model.onnx"), accepted=False)
_reloads("reload: dehazer altered", _with_bytes("dehaze.onnx"), accepted=False)
_reloads("reload: right", _with_text(lambda text: text), accepted=True)
