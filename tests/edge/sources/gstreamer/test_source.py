"""The runtime's side of a pipeline, before a process that speaks as GStreamer's does and breaks as asked."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from edge.basics.errors import CameraLost, DeviceMissing, UsageError
from edge.gstreamer import child as child_module
from edge.gstreamer import program
from edge.gstreamer.program import NoGStreamer
from edge.guard.shared_frames import SharedFrames
from edge.pictures.geometry import FRAME_SHAPE
from edge.sources.gstreamer import source as source_module
from edge.sources.gstreamer.source import GstSource
from edge.sources.judgement import FrameJudge
from tests.doubles.children import children_before, new_children  # noqa: F401 - a fixture
from tests.doubles.waiting import GUARD_S, wait_until
from tests.paths import REPOSITORY

MS = 1_000_000


@pytest.fixture(autouse=True)
def played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "SCRIPTS", REPOSITORY / "tests/doubles/gst_scripts")
    monkeypatch.setattr(program, "SYSTEM_PYTHON", Path(sys.executable))
    monkeypatch.setattr(child_module, "_END_S", float(GUARD_S))


@contextmanager
def opened(*, is_patient: bool = True, **wish) -> Iterator[GstSource]:
    """Args: is_patient: it is not lost because the machine lets the process or the test stand still for seconds."""
    options = {name: wish.pop(name) for name in ("judge", "lend", "shared", "fit") if name in wish}
    with pytest.MonkeyPatch.context() as patch:
        for limit in ("OPENING_S", "SILENCE_S") if is_patient else ():
            patch.setattr(source_module, limit, float(GUARD_S))
        source = GstSource("gst:x", "gst:x", json.dumps(wish), **options)
        try:
            yield source
        finally:
            source.close()


def test_pictures_lie_where_the_engines_process_sees_them():
    frames = SharedFrames()
    with opened(shared=frames, lend=frames.lend) as source:
        for _ in range(30):  # more than there are frames
            frame = source.read()
            assert frame is not None
            assert frames.index_of(frame.image) is not None
            assert frame.image[540, 960, 0] == frame.seq % 200
    assert source.about()["clock"] == "the pipeline's time stamps"


def test_a_picture_that_somebody_holds_is_written_no_more():
    frames = SharedFrames()
    with opened(shared=frames, lend=frames.lend) as source:
        held = [source.read() for _ in range(6)]
        for _ in range(30):
            source.read()
        for frame in held:
            assert frame is not None and frame.image[540, 960, 0] == frame.seq % 200


@pytest.mark.parametrize(("stamped", "low_ms", "high_ms"), [(350, 340, 2000), (20, 15, 2000), (None, 0, 2000)])
def test_the_age_is_the_pipelines_where_it_tells_one(stamped, low_ms, high_ms):
    judge = FrameJudge()
    with opened(stamped=stamped, judge=judge) as source:
        for _ in range(300):  # a busy machine may look late at some
            frame = source.read()
            age_ms = (time.monotonic_ns() - frame.t_capture_ns) / MS
            assert low_ms <= age_ms
            if age_ms < high_ms:
                break
    assert age_ms < high_ms
    assert (judge.record()["untimed"] > 0) == (stamped is None)
    assert source.about()["clock"] == ("arrival" if stamped is None else "the pipeline's time stamps")


@pytest.mark.parametrize(
    ("caps", "mode", "told"),
    [
        ({"width": 1280, "height": 720, "row_bytes": 3840}, "1280x720 RGB", ""),
        ({"width": 642, "height": 480, "row_bytes": 1928}, "642x480 RGB", "cropped to 16:9"),
        ({"width": 720, "height": 1080, "row_bytes": 2160, "pixel_aspect": 8 / 3}, "720x1080 RGB", ""),
    ],
    ids=["smaller", "rows with a rest, 4:3", "wide pixels"],
)
def test_any_size_is_made_1080p(caps, mode, told):
    with opened(caps=caps) as source:
        frame = source.read()
        assert frame.image.shape == FRAME_SHAPE
        assert frame.image[1000, 1000, 0] == frame.seq % 200
        assert source.camera_mode == mode
        assert told in source.about()["picture"]["told"] and bool(told) == bool(source.about()["picture"]["told"])


@pytest.mark.parametrize(
    ("wish", "error", "words"),
    [
        ({"begin": "die"}, DeviceMissing, "gst:x: gstreamer has ended"),
        ({"begin": "crash"}, DeviceMissing, "gst:x: gstreamer was ended by SIGSEGV"),
        ({"begin": "nonsense"}, DeviceMissing, "no picture's size"),
        ({"begin": "fail", "why": "absent", "reason": "no gi"}, NoGStreamer, "(no gi); apt-get install python3-gi"),
        ({"begin": "fail", "why": "parse", "reason": "syntax error"}, UsageError, "does not parse: syntax error;"),
        (
            {"begin": "fail", "why": "missing", "reason": "GStreamer has no element 'nvarguscamerasrc'",
             "element": "nvarguscamerasrc"},
            DeviceMissing,
            "no element 'nvarguscamerasrc'; apt-get install nvidia-l4t-gstreamer",
        ),
        ({"begin": "fail", "why": "lost", "reason": "busy"}, DeviceMissing, "gst:x: busy"),
        ({"caps": {"width": 100_000}}, DeviceMissing, "no picture's size"),
        ({"caps": {"row_bytes": 3}}, DeviceMissing, "no picture's size"),
        ({"caps": {"fps": "fast"}}, DeviceMissing, "no picture's size"),
    ],
    ids=lambda one: one.get("why", one.get("begin", "caps")) if isinstance(one, dict) else "",
)  # fmt: skip
def test_what_does_not_open_is_one_line_and_leaves_nothing(wish, error, words):
    before = len([*Path("/proc/self/fd").iterdir()])
    with pytest.raises(error) as raised, opened(**wish):
        pass
    assert words in str(raised.value) and "\n" not in str(raised.value)
    assert not new_children()
    wait_until(lambda: len([*Path("/proc/self/fd").iterdir()]) <= before)  # the reader of its lines closes them


def test_what_hangs_while_it_opens_is_waited_for_no_longer(monkeypatch):
    monkeypatch.setattr(source_module, "OPENING_S", 0.5)
    gone = pytest.raises(DeviceMissing, match="no picture for 0 s after it was opened")
    with gone, opened(is_patient=False, begin="hang"):
        pass
    assert not new_children()


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"then": "hang"}, "no picture from the pipeline for 2 s"),
        ({"then": "die"}, "gstreamer has ended"),
        ({"then": "crash"}, "gstreamer was ended by SIGSEGV"),
        ({"then": "nonsense"}, "says what is no picture"),
        ({"then": "elsewhere"}, "says what is no picture"),
        ({"then": "fail", "why": "end", "reason": "the pipeline has ended (EOS)"}, "the pipeline has ended (EOS)"),
        ({"then": "fail", "why": "parse", "reason": "odd"}, "odd"),
    ],
    ids=lambda one: f"{one['then']} {one.get('why', '')}" if isinstance(one, dict) else "",
)
def test_what_is_lost_is_one_line_and_leaves_nothing(wish, words):
    with opened(is_patient=wish["then"] != "hang", pictures=4, **wish) as source:
        with pytest.raises(CameraLost) as raised:
            while True:
                assert source.read() is not None
        assert words in str(raised.value) and "\n" not in str(raised.value)
        assert not new_children()


def test_what_the_pipeline_started_ends_with_it(tmp_path):
    with opened(leftover=str(tmp_path / "pid"), pictures=2) as source:
        source.read()
        left = psutil.Process(int((tmp_path / "pid").read_text()))
        assert left.is_running()
    left.wait(GUARD_S)


def test_close_ends_a_waiting_read():
    import threading

    with opened(pictures=1) as source:
        source.read()
        threading.Timer(0.3, source.close).start()
        assert source.read() is None


def test_its_arguments_hold_no_pipeline_and_it_gets_no_descriptor(tmp_path):
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        with opened(secret="Geheim77") as source:
            source.read()
            child = psutil.Process(source.child_pid)
            assert "Geheim77" not in " ".join(child.cmdline())
            links = [str(one.readlink()) for one in Path(f"/proc/{child.pid}/fd").iterdir()]
            assert str(tmp_path / "open") not in links
            status = Path(f"/proc/{child.pid}/status").read_text()
            assert "NoNewPrivs:\t1" in status
            assert os.getsid(child.pid) == child.pid


def test_a_flood_of_lines_is_bounded_and_says_no_password(caplog):
    from edge.basics.hiding import remember_uri

    remember_uri("gst:rtspsrc location=rtsp://doc:Geheim4711@10.0.0.2/x")
    script = REPOSITORY / "tests/doubles/gst_scripts/talker.py"
    with caplog.at_level(logging.INFO):
        child = child_module.GstChild(script.name, "gstreamer")
        with pytest.raises(child_module.ChildGone):
            while child.receive(1.0) is None:
                pass
        wait_until(lambda: "more lines" in caplog.text)
        child.close()
    assert "rtsp://***@10.0.0.2/x" in caplog.text and "Geheim4711" not in caplog.text
    assert len(caplog.records) < 60
