"""The engine of a files run, with real processes: what happens to one costs a restart or the GPU, never the run."""

import contextlib
import gc
import json
import logging
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.basics.errors import DeviceMissing, EngineFailed, EngineLost, ModelError
from edge.batch.run import enhance_files
from edge.batch.workers.in_thread import InThread
from edge.config import EngineConfig
from edge.engines.cpu import open_cpu_engine
from edge.guard import files as files_engine
from edge.guard import process as engine_process
from edge.guard.files import FilesEngine
from edge.guard.process import EngineGone
from edge.models.profile import SHIPPED, load_profile
from edge.pictures.files import read_picture
from edge.pictures.geometry import FRAME_SHAPE
from tests.doubles.children import children_before, new_children  # noqa: F401 - a fixture
from tests.doubles.scripted_worker import ORDERS, SCRIPTED
from tests.doubles.waiting import GUARD_S
from tests.paths import REPOSITORY


def opened_of(kind):
    """What this process has open of a kind, such as `socket:` or `/memfd:`; what a test before left may be closed."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if str(link.readlink()).startswith(kind):
                found.add((link.stat().st_dev, link.stat().st_ino))
    return found


@pytest.fixture
def scripted(monkeypatch):
    """Opens the engine around the scripted process; afterwards neither processes nor descriptors may be left."""
    monkeypatch.setattr(engine_process, "WORKER_COMMAND", [sys.executable, str(SCRIPTED)])
    monkeypatch.setattr(engine_process, "refuse_absent", lambda runtime: None)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    before = opened_of("socket:")
    made = []

    def begin(backend="cpu", opening=""):
        monkeypatch.setenv("OPENING", opening)
        made.append(FilesEngine(load_profile("live"), EngineConfig(backend=backend)))
        made[-1].open(threading.Event())
        return made[-1]

    yield begin
    for one in made:
        one.close()
    assert not new_children()
    assert opened_of("socket:") <= before


def picture(order=200):
    return np.full(FRAME_SHAPE, ORDERS.get(order, order), np.uint8)


def is_right(engine, image):
    return np.array_equal(engine.enhance(image).image, 255 - image)


def pid_of(engine):
    return engine._process.pid


def warnings(caplog):
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_picture_comes_back_right_and_its_parts_keep_their_names(scripted):
    engine = scripted()
    out = np.empty(FRAME_SHAPE, np.uint8)
    made = engine.enhance(picture(), out)
    assert made.image is out and np.array_equal(out, 255 - picture())
    assert (dict(made.stage_ms), engine.device) == ({"invert": 1.0}, "cpu")


def test_the_shipped_profile_gives_the_pixels_that_it_gives_in_this_process():
    profile = load_profile("live")
    image = np.random.default_rng(1).integers(0, 255, FRAME_SHAPE, np.uint8)
    here = open_cpu_engine(profile)
    expected = here.enhance(image)
    here.close()
    gc.collect()  # frames of a test before this one may wait for it
    before = opened_of("/memfd:")
    engine = FilesEngine(profile, EngineConfig(backend="cpu"))
    try:
        made = engine.enhance(image)
        assert np.array_equal(made.image, expected.image)
        assert set(made.stage_ms) == set(expected.stage_ms)
        assert engine.device.startswith("cpu")
        assert opened_of("/memfd:") - before
    finally:
        engine.close()
    assert not new_children()
    del engine, made
    gc.collect()
    assert opened_of("/memfd:") <= before


def test_a_picture_may_take_longer_than_live_has(scripted, monkeypatch):
    monkeypatch.setattr(engine_process, "DEADLINE_S", 0.05)
    assert is_right(scripted(), picture("late"))


def test_the_results_that_a_clip_holds_stay_as_they_are(scripted):
    engine = scripted()
    held = [engine.enhance(picture(level)).image for level in range(100, 106)]
    assert is_right(engine, picture())
    assert [int(image[5, 5, 0]) for image in held] == [155, 154, 153, 152, 151, 150]


def short_until_started_again(monkeypatch):
    """The process that runs is given up soon; the one that is started in its place is waited for."""
    start = FilesEngine._start

    def started(engine):
        monkeypatch.setattr(files_engine, "LEAST_WAIT_S", GUARD_S)
        return start(engine)

    monkeypatch.setattr(files_engine, "LEAST_WAIT_S", 2.5)
    monkeypatch.setattr(FilesEngine, "_start", started)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_a_process_that_dies_or_hangs_is_replaced_and_the_picture_is_right(scripted, how, caplog, monkeypatch):
    engine = scripted()
    pid = pid_of(engine)
    short_until_started_again(monkeypatch)
    os.kill(pid, how)
    assert is_right(engine, picture())
    (expected_text,) = warnings(caplog)
    assert expected_text.endswith("it starts again")
    assert pid_of(engine) != pid
    assert is_right(engine, picture(201))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "what"), [("cpu", "segfault"), ("cpu", "exit"), ("cpu", "hang"), ("auto", "segfault")]
)
def test_a_picture_that_ends_the_engine_each_time_fails_alone(scripted, backend, what, monkeypatch):
    engine = scripted(backend)
    assert is_right(engine, picture())
    device = engine.device
    with monkeypatch.context() as short, pytest.raises(EngineFailed, match="2 times with this picture") as caught:
        short.setattr(files_engine, "LEAST_WAIT_S", 2.1)
        engine.enhance(picture(what))
    assert not isinstance(caught.value, EngineGone)
    assert "\n" not in str(caught.value)
    assert is_right(engine, picture(201))
    assert engine.device == device, "a GPU is not given up for a picture that the CPU fails at as well"


@pytest.mark.parametrize(
    ("what", "expected_text"), [("fail", "this frame failed"), ("defect", "ZeroDivisionError: a defect")]
)
def test_a_frame_that_fails_costs_no_process(scripted, what, expected_text):
    engine = scripted()
    pid = pid_of(engine)
    with pytest.raises(EngineFailed, match=expected_text):
        engine.enhance(picture(what))
    assert is_right(engine, picture())
    assert pid_of(engine) == pid


@pytest.mark.slow
@pytest.mark.parametrize(("what", "num_warnings"), [("lose gpu", 1), ("crash gpu", 2)], ids=["lost", "crashing twice"])
def test_a_gpu_that_goes_hands_its_picture_to_the_cpu_which_stays(scripted, caplog, what, num_warnings):
    engine = scripted("auto")
    assert is_right(engine, picture())
    assert engine.device == "gpu"
    assert is_right(engine, picture(what))
    assert engine.device == "cpu"
    expected_text = warnings(caplog)
    assert len(expected_text) == num_warnings and expected_text[-1].startswith("the CPU engine runs: the ")
    assert is_right(engine, picture())
    assert (engine.device, len(warnings(caplog))) == ("cpu", num_warnings)


def test_a_gpu_that_went_stays_away_though_the_cpu_fails_at_the_picture_as_well(scripted):
    engine = scripted("auto")
    with pytest.raises(EngineFailed, match="SIGSEGV, 2 times"):
        engine.enhance(picture("lose gpu, crash cpu"))
    assert is_right(engine, picture())
    assert engine.device == "cpu"


@pytest.mark.parametrize(
    ("opening", "is_there", "level", "expected_text"),
    [
        ("no gpu", True, "INFO", "no GPU"),
        ("no gpu", False, "DEBUG", "no GPU"),
        ("lost gpu", True, "WARNING", "the GPU does not answer"),
        ("no plan", True, "WARNING", "/engines: no engine for profile live; run: edge-export engine live"),
    ],
)
def test_a_gpu_that_cannot_be_had_leaves_the_cpu_and_one_line(
    scripted, caplog, monkeypatch, opening, is_there, level, expected_text
):
    monkeypatch.setattr("edge.guard.files.has_gpu", lambda: is_there)
    with caplog.at_level(logging.DEBUG, "edge.guard.files"):
        engine = scripted("auto", opening)
    assert is_right(engine, picture())
    assert engine.device == "cpu"
    (record,) = caplog.records
    assert (record.levelname, record.message) == (level, f"the CPU engine runs: {expected_text}")


def test_a_runtime_that_is_not_installed_leaves_the_cpu_and_one_line(scripted, caplog, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setattr("edge.guard.files.has_gpu", lambda: True)
    with caplog.at_level(logging.INFO):
        engine = FilesEngine(load_profile("live"), EngineConfig())
    engine.close()
    (record,) = caplog.records
    assert record.levelname == "INFO"
    assert record.message.startswith("the CPU engine runs: tensorrt is not installed; ")


@pytest.mark.slow
def test_who_insists_on_a_gpu_gets_no_cpu(scripted, monkeypatch):
    for opening, error in (("no gpu", DeviceMissing), ("lost gpu", EngineLost), ("no plan", ModelError)):
        with pytest.raises(error):
            scripted("tensorrt", opening)
    engine = scripted("tensorrt")
    with pytest.raises(EngineFailed, match="the GPU is gone, 2 times"):
        engine.enhance(picture("lose gpu"))
    assert is_right(engine, picture())
    assert engine.device == "gpu"
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(DeviceMissing, match="tensorrt is not installed"):
        FilesEngine(load_profile("live"), EngineConfig(backend="tensorrt"))


def test_a_gpu_that_went_is_not_called_again_where_the_cpu_cannot_be_opened(scripted, monkeypatch):
    engine = scripted("auto")
    monkeypatch.setenv("OPENING", "model")
    with pytest.raises(ModelError, match=r"model\.onnx: is wrong"):
        engine.enhance(picture("lose gpu"))
    monkeypatch.setenv("OPENING", "")
    assert is_right(engine, picture())
    assert engine.device == "cpu"


def test_opening_is_not_waited_for_once_it_is_stopped(scripted, monkeypatch):
    stop = threading.Event()
    stop.set()
    monkeypatch.setattr(files_engine, "POLL_S", 0.01)
    monkeypatch.setenv("OPENING", "hang")
    engine = FilesEngine(load_profile("live"), EngineConfig(backend="cpu"))
    try:
        engine.open(stop)
    finally:
        engine.close()


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["cpu", "auto"])
def test_an_engine_that_ends_each_time_while_it_opens_is_told(scripted, caplog, backend):
    with pytest.raises(EngineGone, match="exit code 9"):
        scripted(backend, "crash")
    assert len(warnings(caplog)) == (1 if backend == "cpu" else 3)


def test_a_profile_of_another_unit_is_run_as_it_is(tmp_path):
    """Files are not corrected, so nobody asks whose they are."""
    shutil.copytree(SHIPPED / "live", tmp_path / "live")
    path = tmp_path / "live" / "model.json"
    about = {"unit": "A-1", "camera_mode": "1920x1080 demo", "made_at": "2026-03-01T00:00:00+00:00"}
    calibration = {**about, "sha256": "0" * 64}
    path.write_text(json.dumps({**json.loads(path.read_text()), "calibration": calibration}))
    engine = FilesEngine(load_profile("live", (tmp_path,)), EngineConfig(models=str(tmp_path), keys=""))
    engine.open(threading.Event())
    engine.close()


@pytest.mark.slow
def test_each_sidecar_names_the_device_and_a_bad_picture_fails_alone(scripted, tmp_path, caplog):
    """A folder whose second picture loses the GPU, and whose fourth ends any process."""
    originals, output = tmp_path / "in", tmp_path / "out"
    originals.mkdir()
    for number, order in enumerate((200, "lose gpu", 201, "segfault", 202)):
        cv2.imwrite(str(originals / f"{number}.png"), picture(order))
    profile, stop = load_profile("live"), threading.Event()
    report = enhance_files([originals], output, InThread(scripted("auto"), profile, stop), profile, stop=stop)
    assert [path.name for path in report.done] == ["0.png", "1.png", "2.png", "4.png"]
    (failure,) = report.failed
    assert failure.path.name == "3.png"
    expected_text = "the engine failed: the engine's process was ended by SIGSEGV, 2 times with this picture"
    assert str(failure.error) == f"{failure.path}: {expected_text}"
    assert "the CPU engine runs: the GPU is gone" in warnings(caplog)
    devices = {}
    for path in report.done:
        raw, enhanced = (read_picture(output / f"{path.stem}-{mode}.png") for mode in ("raw", "enhanced"))
        assert np.array_equal(enhanced, 255 - raw)
        devices[path.stem] = json.loads((output / f"{path.stem}-enhanced.png.json").read_text())["model"]["device"]
    assert devices == {"0": "gpu", "1": "cpu", "2": "cpu", "4": "cpu"}
