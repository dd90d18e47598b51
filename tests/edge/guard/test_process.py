"""The engine's process: frames go by memory, and whatever happens to it reaches the program as one error."""

import contextlib
import errno
import os
import resource
import signal
import sys
import time

import numpy as np
import psutil
import pytest

from edge.basics.errors import DeviceMissing, EngineFailed, EngineLost, ModelError
from edge.config import EngineConfig, UnitConfig
from edge.engines.rungs import Rung
from edge.guard import process as engine_process
from edge.guard.order import EngineOrder
from edge.guard.process import EngineBusy, EngineGone, EngineLate, EngineProcess
from edge.guard.shared_frames import SharedFrames
from edge.models.profile import load_profile
from edge.pictures.geometry import FRAME_SHAPE
from tests.doubles.scripted_worker import ORDERS, SCRIPTED
from tests.doubles.waiting import GUARD_S, wait_until
from tests.paths import REPOSITORY


def order(backend="cpu", sha256=""):
    return EngineOrder(Rung("live", backend), sha256 or load_profile("live").sha256, EngineConfig(), UnitConfig())


def frame(number=200):
    return np.full(FRAME_SHAPE, number, np.uint8)


def opened(process):
    while process.poll_opened(1.0) is None:
        pass
    return process


@pytest.fixture
def frames():
    shared = SharedFrames(num_frames=8)
    yield shared
    shared.close()


@pytest.fixture
def start(frames, monkeypatch):
    """Starts the scripted process; all of them are ended."""
    monkeypatch.setattr(engine_process, "WORKER_COMMAND", [sys.executable, str(SCRIPTED)])
    monkeypatch.setattr(engine_process, "refuse_absent", lambda runtime: None)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    started = []

    def begin(opening="", backend="cpu", sha256=""):
        monkeypatch.setenv("OPENING", opening)
        started.append(EngineProcess(order(backend, sha256), frames))
        return started[-1]

    yield begin
    for one in started:
        one.close(GUARD_S)
        assert not psutil.pid_exists(one.pid)


def test_no_descriptors_left_is_told_as_an_engine_that_cannot_start(start, monkeypatch):
    def refused(*kind):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(engine_process.socket, "socketpair", refused)
    with pytest.raises(EngineGone, match="cannot be started: Too many open files"):
        start()


def test_descriptors_beyond_1024_are_no_trouble(start):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1200:
        pytest.skip(f"this machine allows {hard} descriptors only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    spare = [os.dup(0) for _ in range(1100)]
    try:
        assert opened(start()).enhance(frame(), GUARD_S).image[0, 0, 0] == 55
    finally:
        for descriptor in spare:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def stop(monkeypatch):
    """Stops a process, which answers nothing until it may go on, and is not given up for that."""
    monkeypatch.setattr(engine_process, "HUNG_S", GUARD_S)

    def stopped(process):
        os.kill(process.pid, signal.SIGSTOP)
        wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)

    return stopped


def num_free(frames):
    taken = []
    while (one := frames.take()) is not None:
        taken.append(one)
    return len(taken)


def test_the_shipped_profile_enhances_in_a_process_of_its_own(frames, monkeypatch):
    monkeypatch.setattr(engine_process, "HUNG_S", GUARD_S)
    process = EngineProcess(order(), frames)
    try:
        facts = opened(process).opened
        assert (facts.profile, facts.model_sha256) == ("live", order().sha256)
        assert 0 < facts.frame_ms < 10_000
        assert facts.device.startswith("cpu")
        image = frames.copied(frame(90))
        result = process.enhance(image, GUARD_S)
        assert frames.index_of(result.image) is not None
        assert set(result.stage_ms) == {"shrink", "dehaze", "guided", "handover"}
        process.prove()
    finally:
        process.close(GUARD_S)


def test_frames_come_and_go_by_shared_memory_and_are_lent_again(frames, start):
    process = opened(start())
    for image in (frames.copied(frame(200)), frame(201)):
        result = process.enhance(image, GUARD_S)
        assert np.array_equal(result.image, 255 - image)
        assert result.stage_ms["invert"] == 1.0
    del image, result
    assert num_free(frames) == 8


@pytest.mark.parametrize(
    ("what", "error", "message"),
    [
        ("fail", EngineFailed, "this frame failed"),
        ("defect", EngineFailed, "ZeroDivisionError: a defect of two lines"),
        ("lose", EngineLost, "the GPU is gone"),
    ],
)
def test_a_failed_frame_is_told_and_the_next_one_is_well(start, what, error, message):
    process = opened(start())
    with pytest.raises(error, match=message):
        process.enhance(frame(ORDERS[what]), GUARD_S)
    assert process.enhance(frame(), GUARD_S).image[0, 0, 0] == 55


@pytest.mark.parametrize(("what", "message"), [("exit", "exit code 7"), ("segfault", "SIGSEGV")])
def test_a_crash_is_told_at_once(start, what, message):
    process = opened(start())
    begin = time.monotonic()
    with pytest.raises(EngineGone, match=message):
        process.enhance(frame(ORDERS[what]), GUARD_S)
    assert time.monotonic() - begin < GUARD_S, "not when its time is over"


def once_free(process, image, **options):
    """What comes of a picture as soon as the one before is answered."""
    made = []

    def is_free():
        with contextlib.suppress(EngineBusy):
            made.append(process.enhance(image, GUARD_S, **options))
        return made

    wait_until(is_free)
    return made.pop()


def test_a_late_picture_is_left_behind_and_never_shown(frames, start, stop):
    process = opened(start())
    stop(process)
    with pytest.raises(EngineLate):
        process.enhance(frame(100))
    with pytest.raises(EngineBusy):
        process.enhance(frame())
    assert num_free(frames) == 7, "nobody else may write where the late picture will land"
    os.kill(process.pid, signal.SIGCONT)
    assert once_free(process, frame()).image[0, 0, 0] == 55
    raw, made = process.take_late()
    assert (raw[0, 0, 0], made[0, 0, 0]) == (100, 155)
    assert process.take_late() is None
    del raw, made
    assert num_free(frames) == 8


def test_a_late_answer_is_kept_whole_however_much_of_it_was_to_be_shown(start, stop):
    process = opened(start())
    stop(process)
    with pytest.raises(EngineLate):
        process.enhance(frame(100), strength=0.5)
    os.kill(process.pid, signal.SIGCONT)
    once_free(process, frame(), strength=0.5)
    _, whole = process.take_late()
    assert whole[0, 0, 0] == 155


def test_who_can_wait_gets_the_late_picture(start):
    process = opened(start())
    assert process.enhance(frame(ORDERS["late"]), GUARD_S).image[0, 0, 0] == 255 - ORDERS["late"]


@pytest.mark.slow
def test_who_waits_longer_hears_of_a_hang_once(start):
    process = opened(start())
    with pytest.raises(EngineGone, match="the engine hangs: no answer for"):
        process.enhance(frame(ORDERS["hang"]), engine_process.HUNG_S + 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["hang", "stop"])
def test_a_process_that_hangs_is_given_up(start, how, monkeypatch):
    process = opened(start())
    if how == "stop":
        os.kill(process.pid, signal.SIGSTOP)
    with monkeypatch.context() as patient, pytest.raises(EngineLate):
        patient.setattr(engine_process, "HUNG_S", GUARD_S)
        process.enhance(frame(ORDERS["hang"]))
    end = time.monotonic() + GUARD_S
    with pytest.raises(EngineGone, match="hangs"):
        while time.monotonic() < end:
            try:
                process.enhance(frame())
            except EngineBusy:
                time.sleep(0.05)


@pytest.mark.parametrize(
    ("opening", "error", "message"),
    [("crash", EngineGone, "exit code 9"), ("model", ModelError, "model.onnx: is wrong")],
)
def test_what_goes_wrong_while_it_opens_is_told(start, opening, error, message):
    process = start(opening)
    with pytest.raises(error, match=message):
        opened(process)


def test_an_engine_that_does_not_open_in_time_is_given_up(start, monkeypatch):
    monkeypatch.setattr(engine_process, "CPU_OPENING_S", 0.5)
    with pytest.raises(EngineGone, match="did not open"):
        opened(start("hang"))


def test_an_engine_that_does_not_answer_the_golden_frame_is_given_up(start, monkeypatch):
    monkeypatch.setattr(engine_process, "PROVING_S", 0.5)
    with pytest.raises(ModelError, match="did not answer the golden frame"):
        opened(start("golden hangs"))


def test_a_gpu_that_is_there_runs(start):
    assert opened(start("", "auto")).opened.device == "gpu"


@pytest.mark.parametrize(
    ("opening", "error", "message"),
    [
        ("no gpu", DeviceMissing, "no GPU"),
        ("lost gpu", EngineLost, "the GPU does not answer"),
        ("no plan", ModelError, "run: edge-export engine live"),
    ],
)
def test_a_gpu_that_cannot_be_had_is_told_and_nothing_runs_in_its_place(start, opening, error, message):
    process = start(opening, "auto")
    with pytest.raises(error, match=message) as caught:
        opened(process)
    assert type(caught.value) is error


def test_a_runtime_that_is_not_installed_takes_no_process_to_find_out(frames, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setattr(engine_process, "WORKER_COMMAND", ["/nowhere"])
    with pytest.raises(DeviceMissing, match="tensorrt is not installed") as caught:
        EngineProcess(order("auto"), frames)
    assert not isinstance(caught.value, EngineGone)


def test_an_engine_that_takes_its_time_is_timed_by_its_proof_alone(start):
    assert opened(start("slow")).opened.frame_ms == 40_000.0


def test_another_model_than_was_meant_is_refused(start):
    with pytest.raises(ModelError, match="another model lies there"):
        opened(start(sha256="0" * 64))


def test_a_ctrl_c_while_it_starts_is_left_to_the_program(start):
    process = start()
    while process.poll_opened() is None:
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.01)
    assert process.enhance(frame(), GUARD_S).image[0, 0, 0] == 55


def test_who_can_wait_lets_it_open_for_longer(frames, start, monkeypatch):
    monkeypatch.setattr(engine_process, "CPU_OPENING_S", 0.0)
    monkeypatch.setattr(engine_process, "PROVING_S", 0.0)
    process = EngineProcess(order(), frames, GUARD_S)
    try:
        assert opened(process).enhance(frame(), GUARD_S).image[0, 0, 0] == 55
    finally:
        process.close(GUARD_S)


def test_the_process_ends_with_the_program_that_started_it(start):
    process = opened(start())
    process._socket.close()
    assert psutil.Process(process.pid).wait(GUARD_S) is not None or not psutil.pid_exists(process.pid)


def test_so_much_of_the_enhancement_comes_back_as_is_asked_for(start):
    process = opened(start())
    assert process.enhance(frame(200), GUARD_S).image[0, 0, 0] == 55
    weaker = process.enhance(frame(200), GUARD_S, strength=0.5)
    assert (weaker.image[0, 0, 0], weaker.whole[0, 0, 0]) == (128, 55)
    none = process.enhance(frame(200), GUARD_S, strength=0.0)
    assert (none.image[0, 0, 0], none.whole) == (200, None)
    assert process.enhance(frame(200), GUARD_S).image[0, 0, 0] == 55
