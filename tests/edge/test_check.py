"""`--check` beside a running unit tells what its health record tells; without one it tries each part."""

import dataclasses
import os
import subprocess
import sys
import time
from urllib.parse import urlsplit

import numpy as np
import pytest

from edge.calibration.file import write_calibration
from edge.check import check_unit
from edge.config import Config, EngineConfig, PrivacyConfig, SaveConfig, SourceConfig, UnitConfig, WebConfig
from edge.frames.frame import Frame, FramePair
from edge.health.record import Health
from edge.health.state import EngineFacts
from edge.models.profile import load_profile
from tests.doubles.calibrations import NEUTRAL
from tests.doubles.studio import web_sink
from tests.doubles.waiting import GUARD_S


@pytest.fixture
def unit(monkeypatch, tmp_path):
    """A web sink that answers as a unit would, its health record, and the configuration that names it."""
    monkeypatch.setattr("edge.updates.running_unit._is_live", lambda pid: pid == os.getpid())
    health = Health()
    health.track("pid", os.getpid)
    health.set_source("camera:/dev/video7")
    sink = web_sink("127.0.0.1:0", health)
    sink.start()
    config = Config(
        source=SourceConfig("camera:/dev/video7"),
        engine=EngineConfig(backend="cpu"),
        web=WebConfig(listen=urlsplit(sink.url).netloc),
        save=SaveConfig(str(tmp_path)),
    )
    yield health, config
    sink.close()


def show(health):
    frame = Frame(np.zeros((9, 16, 3), np.uint8), 1, time.monotonic_ns() + 10**12)
    health.captured(frame)
    health.published(FramePair(frame, frame.enhanced(frame.image, "live", {})), frame.t_capture_ns)


def check(config, capsys):
    code = check_unit(config, lambda config: load_profile(config.engine.profile))
    return code, {line.split()[0]: line[9:] for line in capsys.readouterr().out.splitlines()}


def test_a_running_unit_tells_of_its_own_parts(unit, capsys):
    health, config = unit
    show(health)
    health.set_engine(EngineFacts("live", "ab" * 32, "cpu (2 threads)"))
    health.enter("engine", "ok")
    health.enter("storage", "ok")
    code, lines = check(config, capsys)
    assert code == 0, lines
    assert f"as process {os.getpid()}, live, enhanced" in lines["unit"]
    assert lines["engine"].startswith("ok      live on cpu (2 threads), ok for ")
    assert lines["camera"].startswith("ok      camera:/dev/video7, ok for ")
    assert lines["bridge"] == "ok      not configured"


@pytest.mark.parametrize(
    ("part", "line", "reason"),
    [
        ("engine", "engine", "live, bicubic: the engine hangs"),
        ("source", "camera", "/dev/video7: the camera went away"),
        ("bridge", "bridge", "camera head not connected"),
        ("storage", "disk", "the disk is full"),
        ("heat", "heat", "GPU at 88 C"),
    ],
)
def test_a_part_in_trouble_fails_the_check_with_the_reason_of_health(unit, capsys, part, line, reason):
    health, config = unit
    show(health)
    health.enter(part, "failed", reason)
    code, lines = check(config, capsys)
    assert code == 1
    assert lines[line].startswith("FAILED  failed for ") and lines[line].endswith(reason)
    assert health.snapshot(time.monotonic_ns())["parts"][part]["reason"] == reason


def test_without_a_unit_each_part_is_tried(tmp_path, capsys):
    config = Config(
        source=SourceConfig("demo:?pace=free"),
        engine=EngineConfig(backend="cpu"),
        web=WebConfig(listen="127.0.0.1:1"),
        save=SaveConfig(str(tmp_path)),
    )
    code, lines = check(config, capsys)
    assert code == 0, lines
    assert lines["unit"] == "ok      not running; each part is tried here"
    assert "first frame in" in lines["engine"]
    assert "gives pictures" in lines["camera"]


ABOUT = {"asked": "1920x1080 MJPG at 30 fps", "granted": "1280x960 YUYV at 10 fps", "controls": {"exposure": 250.0}}


def test_what_a_camera_granted_is_said_against_what_was_asked(unit, capsys):
    health, config = unit
    show(health)
    told = "source is 1280x960: cropped to 16:9, 25% of its height is cut away; resized to 1920x1080"
    health.track("camera", lambda: {**ABOUT, "picture": {"told": told}, "not_as_calibrated": []})
    _, lines = check(config, capsys)
    assert lines["camera"].startswith("ok ")
    assert lines["camera"].endswith(f"; asked for {ABOUT['asked']}, granted {ABOUT['granted']}; {told}")


def test_a_camera_that_is_not_as_calibrated_fails_the_check(unit, capsys):
    health, config = unit
    show(health)
    health.track("camera", lambda: {**ABOUT, "not_as_calibrated": ["exposure is 250, calibrated at 120"]})
    code, lines = check(config, capsys)
    assert code == 1
    words = "not as calibrated: exposure is 250, calibrated at 120; set it with [source] controls"
    assert lines["camera"] == f"FAILED  {words}"


class Tried:
    """A camera that is opened by the check itself."""

    uri, fps, camera_mode = "camera:/dev/video7", 10.0, "1280x960 YUYV"

    def read(self):
        return Frame(np.zeros((9, 16, 3), np.uint8), 1, 0)

    def about(self):
        return dict(ABOUT)

    def close(self):
        pass


def test_without_a_unit_the_camera_is_held_to_the_calibration(unit, capsys, monkeypatch, tmp_path):
    config = dataclasses.replace(unit[1], web=WebConfig(listen="127.0.0.1:1"))
    monkeypatch.setattr("edge.sources.open.open_wished", lambda wish: Tried())
    _, lines = check(config, capsys)
    assert lines["camera"].endswith(f"; asked for {ABOUT['asked']}, granted {ABOUT['granted']}")
    path = tmp_path / "unit.calib"
    write_calibration(path, dataclasses.replace(NEUTRAL, camera_mode="1280x960 YUYV", controls={"exposure": 120.0}))
    _, lines = check(dataclasses.replace(config, unit=UnitConfig("A-1", str(path))), capsys)
    assert lines["camera"].startswith("FAILED  not as calibrated: exposure is 250, calibrated at 120")


def test_a_network_camera_says_what_it_gives_and_what_tells_its_age(unit, capsys):
    health, config = unit
    show(health)
    health.track("camera", lambda: {"granted": "H.264 over RTSP (TCP)", "clock": "camera's time of day"})
    _, lines = check(config, capsys)
    assert lines["camera"].endswith("; gives H.264 over RTSP (TCP), age by camera's time of day")


@pytest.mark.slow
def test_the_model_runs_in_another_process_than_the_check():
    code = "import sys; from edge.cli import main; main(['--check']); print('onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=GUARD_S)
    assert "engine   ok" in done.stdout, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "False"


def test_a_key_of_privacy_that_cannot_be_read_fails_the_check(tmp_path, capsys):
    config = Config(source=SourceConfig("demo:"), privacy=PrivacyConfig(key=str(tmp_path / "privacy.key")))
    code, lines = check(config, capsys)
    assert code == 1 and lines["privacy"].startswith("FAILED  privacy.key = ")
