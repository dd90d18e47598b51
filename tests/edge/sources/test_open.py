"""Source URIs: what opens what, and one line for what cannot be."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.basics.errors import DeviceMissing, EdgeError, InputOutputError, UsageError
from edge.config import SourceConfig
from edge.frames.lending import nothing_lent
from edge.sources.clip import ClipSource
from edge.sources.judgement import FrameJudge
from edge.sources.open import SourceWish, open_source, open_wished, wish_of
from edge.sources.stills import StillSource


def write_picture(path):
    assert cv2.imwrite(str(path), np.full((36, 64, 3), 200, np.uint8))
    return path


def write_clip(path, *, fps=20.0):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 36))
    for level in (0, 200):
        writer.write(np.full((36, 64, 3), level, np.uint8))
    writer.release()
    return path


@pytest.fixture
def folder(tmp_path):
    """A clip, a picture, a folder of pictures, an empty folder, and two files with awkward names."""
    write_clip(tmp_path / "throat.avi")
    write_picture(tmp_path / "throat.png")
    write_picture(tmp_path / "why?fps=5.png")
    write_clip(tmp_path / "take:2.avi")
    (tmp_path / "pictures").mkdir()
    write_picture(tmp_path / "pictures" / "1.png")
    (tmp_path / "empty").mkdir()
    return tmp_path


class Recorder:
    """Stands in for a source class, and keeps what it was made with."""

    def __init__(self, *args, **options):
        self.args, self.options = args, options


@pytest.mark.parametrize(
    ("uri", "device", "options"),
    [
        pytest.param("camera:/dev/video2", "/dev/video2", {"pixel_format": "MJPG", "fps": 30.0}, id="plain"),
        pytest.param("/dev/video0", "/dev/video0", {"pixel_format": "MJPG", "fps": 30.0}, id="path"),
        pytest.param(
            "camera:/dev/v4l/by-id/usb-throat?format=YUYV&fps=12.5", "/dev/v4l/by-id/usb-throat",
            {"pixel_format": "YUYV", "fps": 12.5}, id="options",
        ),
        pytest.param("/dev/video1?fps=6", "/dev/video1", {"pixel_format": "MJPG", "fps": 6.0}, id="bare"),
    ],
)  # fmt: skip
def test_camera_uri(monkeypatch, uri, device, options):
    monkeypatch.setattr("edge.sources.camera.CameraSource", Recorder)
    source = open_source(uri, lend=nothing_lent)
    assert source.args == (uri, device)
    assert source.options == {**options, "fit": "crop", "controls": {}, "judge": None, "lend": nothing_lent}


def test_what_source_says_reaches_the_camera(monkeypatch):
    monkeypatch.setattr("edge.sources.camera.CameraSource", Recorder)
    config = SourceConfig("/dev/video0", fit="pad", controls=("gain=2", "auto_exposure=1", "exposure=120"))
    judge = FrameJudge()
    given = open_wished(wish_of(config), judge=judge).options
    assert (given["fit"], given["judge"]) == ("pad", judge)
    assert [*given["controls"].items()] == [("auto_exposure", 1.0), ("exposure", 120.0), ("gain", 2.0)]


def test_a_network_camera_is_opened_as_the_configuration_says(monkeypatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials")
    monkeypatch.setattr("edge.sources.network.open.open_network_camera", Recorder)
    config = SourceConfig(
        "rtsp://host/a", fit="pad", password_file="$CREDENTIALS_DIRECTORY/p", ca="/c", camera_clock=False
    )
    given = open_wished(wish_of(config)).options
    expected = {"fit": "pad", "password_file": Path("/run/credentials/p"), "ca": Path("/c"), "camera_clock": False}
    assert {name: given[name] for name in expected} == expected


def test_a_clip_can_be_padded(folder):
    frame = open_wished(SourceWish(str(folder / "throat.avi"), "pad"), live=False).read()
    assert frame.image.shape == (1080, 1920, 3)


def test_controls_of_what_is_no_camera_are_told_as_unused(folder, caplog):
    open_wished(SourceWish(str(folder / "throat.png"), "pad", {"gain": 1.0}))
    assert "[source] controls are not used" in caplog.text


DEMO_DEFAULTS = {"seed": 0, "fps": 30.0, "paced": False, "timed": True, "clean": False}


@pytest.mark.parametrize(
    ("uri", "live", "options"),
    [
        pytest.param("demo:", True, {}, id="as fast as frames are taken"),
        pytest.param("demo:", False, {"timed": False}, id="files mode has no pace"),
        pytest.param("demo:?seed=7&fps=15", True, {"seed": 7, "fps": 15.0, "paced": True}, id="seed and fps"),
        pytest.param("demo:?pace=camera", True, {"paced": True}, id="a camera's pace"),
        pytest.param("demo:seed=7", True, {"seed": 7}, id="without a question mark"),
        pytest.param("demo:?pace=free&clean=1", True, {"timed": False, "clean": True}, id="free and clean"),
    ],
)
def test_demo_uri(monkeypatch, uri, live, options):
    monkeypatch.setattr("edge.sources.demo.source.DemoSource", Recorder)
    source = open_source(uri, live=live)
    assert source.args == (uri,)
    assert source.options == DEMO_DEFAULTS | options


@pytest.mark.parametrize("uri", ["rtsp://host/a?b=c", "rtsps://host/a", "http://host/a.mjpg", "https://host/a"])
def test_stream_uri_goes_whole_to_the_camera(monkeypatch, uri):
    monkeypatch.setattr("edge.sources.network.open.open_network_camera", Recorder)
    assert open_source(uri).args == (uri,)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "fps"),
    [
        pytest.param("throat.avi", ClipSource, 20.0, id="clip at its own rate"),
        pytest.param("throat.avi?fps=10", ClipSource, 10.0, id="clip at another rate"),
        pytest.param("take:2.avi", ClipSource, 20.0, id="colon in the name"),
        pytest.param("take:2.avi?fps=10", ClipSource, 10.0, id="colon in the name, options"),
        pytest.param("throat.png", StillSource, 30.0, id="picture"),
        pytest.param("why?fps=5.png", StillSource, 30.0, id="question mark in the name"),
        pytest.param("why?fps=5.png?fps=5", StillSource, 5.0, id="question mark in the name, options"),
        pytest.param("pictures", StillSource, 30.0, id="folder"),
        pytest.param("pictures?fps=25", StillSource, 25.0, id="folder, options"),
    ],
)
def test_file_uri(folder, monkeypatch, name, kind, fps):
    monkeypatch.chdir(folder)
    source = open_source(name)
    assert isinstance(source, kind)
    assert source.fps == fps
    assert source.uri == name
    assert source.paced
    assert source.read().image.shape == (1080, 1920, 3)
    source.close()


def count_frames(source, most):
    return sum(source.read() is not None for _ in range(most))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["throat.avi", "throat.png", "pictures"])
@pytest.mark.parametrize(
    ("query", "live", "paced", "loops"),
    [
        pytest.param("", True, True, True, id="live"),
        pytest.param("?pace=free", True, False, True, id="live, free"),
        pytest.param("?pace=free&loop=0", True, False, False, id="live, once"),
        pytest.param("", False, False, False, id="files mode"),
        pytest.param("?pace=camera&loop=1", False, False, False, id="files mode has neither pace nor loop"),
    ],
)
def test_pace_and_loop(folder, name, query, live, paced, loops):
    source = open_source(f"{folder / name}{query}", live=live)
    assert source.paced == paced
    if not paced:
        assert (count_frames(source, 40) == 40) == loops
    source.close()


@pytest.mark.parametrize(
    ("uri", "error", "exit_code", "words"),
    [
        pytest.param("", UsageError, 2, ["empty", "camera:/dev/video0"], id="empty"),
        pytest.param("camra:/dev/video0", UsageError, 2, ["camra:", "expected camera:"], id="unknown scheme"),
        pytest.param("camera:", UsageError, 2, ["names no camera"], id="camera without path"),
        pytest.param("camera:/dev/video93", DeviceMissing, 69, ["/dev/video93"], id="no such camera"),
        pytest.param("/dev/video93", DeviceMissing, 69, ["/dev/video93"], id="no such camera, bare"),
        pytest.param("csi:", UsageError, 2, ["csi:", "names no sensor", "csi:0"], id="csi without a sensor"),
        pytest.param("csi:x", UsageError, 2, ["names no sensor"], id="csi with a name"),
        pytest.param("csi:0?gain=0-8", UsageError, 2, ["gain", "'0-8'", "1 to 256"], id="csi gain"),
        pytest.param("csi:0?exposure=9-8", UsageError, 2, ["exposure", "'9-8'", "LOW-HIGH"], id="csi exposure turned"),
        pytest.param("csi:0?fps=60&exposure=20000", UsageError, 2, ["20000 us", "16666", "60 fps"], id="csi too long"),
        pytest.param("csi:0?width=8000", UsageError, 2, ["width", "'8000'", "64 to 4096"], id="csi width"),
        pytest.param("csi:0?mode=-1", UsageError, 2, ["mode", "'-1'"], id="csi mode"),
        pytest.param("csi:0?size=4", UsageError, 2, ["'size'", "fps"], id="csi unknown option"),
        pytest.param("gst: ", UsageError, 2, ["names no pipeline", "v4l2src"], id="gst without a pipeline"),
        pytest.param("camera:/dev/video0?size=4", UsageError, 2, ["'size'", "'4'", "format, fps"], id="unknown option"),
        pytest.param("camera:/dev/video0?format=H264", UsageError, 2, ["H264", "MJPG or YUYV"], id="format"),
        pytest.param("demo:?seed=-1", UsageError, 2, ["seed", "'-1'", "whole number"], id="seed"),
        pytest.param("demo:?clean=yes", UsageError, 2, ["clean", "'yes'", "0 or 1"], id="switch"),
        pytest.param("demo:?fps", UsageError, 2, ["'fps'", "key=value"], id="no value"),
        pytest.param("demo:?fps=3&fps=4", UsageError, 2, ["'fps=4'", "twice"], id="twice"),
        pytest.param("throat.avi?fps=fast", UsageError, 2, ["fps", "'fast'", "1 to 240"], id="fps not a number"),
        pytest.param("throat.avi?fps=0", UsageError, 2, ["fps", "'0'", "1 to 240"], id="fps zero"),
        pytest.param("throat.avi?fps=nan", UsageError, 2, ["fps", "'nan'", "1 to 240"], id="fps nan"),
        pytest.param("throat.avi?pace=slow", UsageError, 2, ["pace", "camera or free"], id="pace"),
        pytest.param("throat.avi?seed=1", UsageError, 2, ["'seed'", "fps, pace, loop"], id="option of another"),
        pytest.param("missing.mp4", InputOutputError, 74, ["missing.mp4", "no such file"], id="no such clip"),
        pytest.param("missing.png", InputOutputError, 74, ["missing.png", "no such file"], id="no such picture"),
        pytest.param("missing", InputOutputError, 74, ["missing", "no such file"], id="no such folder"),
        pytest.param("empty", InputOutputError, 74, ["empty", ".png"], id="folder without pictures"),
    ],
)
def test_what_cannot_be_is_one_line(folder, monkeypatch, uri, error, exit_code, words):
    monkeypatch.chdir(folder)
    with pytest.raises(EdgeError) as caught:
        open_source(uri)
    assert type(caught.value) is error
    assert caught.value.exit_code == exit_code
    message = str(caught.value)
    assert "\n" not in message
    assert [word for word in [uri.partition("?")[0].removeprefix("camera:"), *words] if word not in message] == []


def test_a_mistyped_kind_is_named_as_it_was_typed() -> None:
    with pytest.raises(UsageError, match=r"^dmo: unknown kind of source 'dmo:'; .*did you mean 'demo'"):
        open_source("dmo:")
