"""What the picture does while engines fail, with real processes."""

import gc
import os
import signal
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from edge.config import Config, EngineConfig
from edge.frames.frame import Frame
from edge.guard import process
from edge.guard.order import engine_setup
from edge.guard.shared_frames import SharedFrames
from edge.guard.supervisor import Supervisor
from edge.health.record import Health
from edge.models.profile import load_profile
from tests.doubles.children import children_before, new_children  # noqa: F401 - a fixture
from tests.doubles.scripted_worker import ORDERS, SCRIPTED
from tests.doubles.uncritical_judge import Uncritical
from tests.doubles.waiting import GUARD_S, wait_until
from tests.paths import REPOSITORY


@pytest.fixture
def real(monkeypatch):
    monkeypatch.setattr(process, "WORKER_COMMAND", [sys.executable, str(SCRIPTED)])
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setattr("edge.guard.supervisor.OutputJudge", lambda: Uncritical())
    health, frames = Health(), SharedFrames()
    supervisor = Supervisor(engine_setup(Config(engine=EngineConfig(backend="cpu"))), health, frames)
    supervisor.start()

    def show(number=200):
        begin = time.monotonic()
        raw = Frame(np.full((1080, 1920, 3), number, np.uint8), 0, time.monotonic_ns())
        made = supervisor.correct_and_enhance(raw)
        shown = raw if made is None else supervisor.judge(raw, made)
        return shown.mode, time.monotonic() - begin

    def until(mode):
        deadline = time.monotonic() + GUARD_S
        while show()[0] != mode:
            assert time.monotonic() < deadline
            time.sleep(0.03)

    def no_more_than(before):
        """What reads a process's lines ends shortly after the process, and a climb while frames come."""
        show()
        gc.collect()
        return all(now <= was for now, was in zip(held(), before, strict=True))

    def held():
        return psutil.Process().num_fds(), threading.active_count()

    try:
        until("enhanced")
        gc.collect()
        before = held()
        yield SimpleNamespace(show=show, until=until, health=health)
        wait_until(lambda: no_more_than(before))
    finally:
        supervisor.close()
        frames.close()
    _, alive = psutil.wait_procs(new_children(), timeout=GUARD_S)
    assert alive == []


@pytest.mark.parametrize(
    "what",
    [
        "hang",
        "kill",
        "lose",
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("exit", "segfault", "stop")),  # 2 s of work each
    ],
)
def test_whatever_happens_to_the_process_raw_comes_at_once_and_enhanced_again(real, what):
    pid = real.health.snapshot(0)["ladder"]["engine_pid"]
    if what in ("kill", "stop"):
        os.kill(pid, signal.SIGKILL if what == "kill" else signal.SIGSTOP)
        mode, _ = real.show()
    else:
        mode, _ = real.show(ORDERS[what])
    assert mode == "raw"
    real.until("enhanced")
    assert real.health.snapshot(0)["ladder"]["engine_pid"] != pid
    deadline = time.monotonic() + GUARD_S
    while psutil.pid_exists(pid):
        real.show()
        assert time.monotonic() < deadline


def test_the_profile_of_the_package_is_what_runs():
    setup = engine_setup(Config())
    assert setup.order(0).sha256 == load_profile("live").sha256
