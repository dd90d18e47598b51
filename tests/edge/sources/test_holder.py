"""The source that is live: found again when it is lost, waited for, exchanged."""

import threading
import time

import pytest

from edge.basics.errors import CameraLost, ConfigError, DeviceMissing, InputOutputError
from edge.calibration.of_unit import UnitCorrection
from edge.frames.frame import Frame
from edge.health.record import Health
from edge.sources.holder import SourceHolder, SourceOrder, device_of
from edge.sources.open import SourceWish
from tests.doubles.scripted_source import IMAGE, ScriptedSource, opener
from tests.doubles.waiting import GUARD_S

HELD_IN_GRAPH = UnitCorrection("A-1", "1920x1080 demo", None)


def holder(*sources, correction=None, **options):
    order = SourceOrder(SourceWish("camera:/dev/video0"), correction)
    return SourceHolder(order, opener(*sources), Health(), threading.Event(), **options)


def health_of(held):
    return held._health


def test_a_lost_camera_is_opened_again_and_every_attempt_counts():
    lost = ScriptedSource(1, CameraLost("/dev/video0: unplugged"))
    held = holder(lost, DeviceMissing("not yet"), DeviceMissing("not yet"), ScriptedSource(7))
    assert [held.read().seq, held.read().seq] == [1, 7]
    assert lost.is_closed
    assert health_of(held).num_attempts == 3


def test_a_lost_camera_is_said_to_be_lost_until_a_frame_comes():
    held = holder(ScriptedSource(1, CameraLost("/dev/video0: unplugged")), ScriptedSource(7))
    held.read()
    frame = held.read()
    record = health_of(held).part("source")
    assert (record.state, record.reason) == ("failed", "/dev/video0: unplugged")
    health_of(held).captured(frame)
    assert health_of(held).part("source").state == "ok"


def test_a_missing_camera_is_an_error_at_the_start_unless_it_is_waited_for():
    missing = DeviceMissing("/dev/video0: no such camera")
    with pytest.raises(DeviceMissing):
        holder(missing).read()
    held = holder(missing, missing, ScriptedSource(3), waits=True)
    assert held.read().seq == 3
    assert held.has_begun


def test_a_file_that_cannot_be_read_is_an_error_whatever_is_waited_for():
    with pytest.raises(InputOutputError):
        holder(InputOutputError("none.mp4: no such file"), waits=True).read()


def test_another_camera_mode_is_refused_at_the_start_and_waited_out_later():
    small = ScriptedSource(1, mode="1280x720 YUYV")
    with pytest.raises(ConfigError, match="gives 1280x720 YUYV, the calibration of unit 'A-1' is for 1920x1080 demo"):
        holder(small, correction=HELD_IN_GRAPH).read()
    assert small.is_closed
    other = ScriptedSource(2, mode="1280x720 YUYV")
    lost = ScriptedSource(1, CameraLost("/dev/video0: unplugged"))
    held = holder(lost, other, ScriptedSource(3), correction=HELD_IN_GRAPH)
    assert [held.read().seq, held.read().seq] == [1, 3]
    assert other.is_closed


def test_a_camera_that_first_comes_in_another_mode_is_refused_though_it_was_waited_for():
    missing, other = DeviceMissing("/dev/video0: no such camera"), ScriptedSource(2, mode="1280x720 YUYV")
    with pytest.raises(ConfigError, match="gives 1280x720 YUYV"):
        holder(missing, other, correction=HELD_IN_GRAPH, waits=True).read()


def test_without_a_calibration_every_mode_is_taken():
    assert holder(ScriptedSource(1, mode="1280x720 YUYV")).read().seq == 1


def test_stopping_ends_the_search_and_closing_ends_a_read():
    held = holder(ScriptedSource(CameraLost("/dev/video0: unplugged")), *[DeviceMissing("gone")] * 99)
    threading.Timer(0.3, held._stop.set).start()
    assert held.read() is None
    waiting = holder(ScriptedSource())
    threading.Timer(0.1, waiting.close).start()
    begin = time.monotonic()
    assert waiting.read() is None
    assert time.monotonic() - begin < GUARD_S, "ended by close, not by its own patience"


class Replaced:
    """A source that plays until it is closed; counts what is open."""

    uri, fps, paced, num_open = "scripted:", 30.0, True, 0

    def __init__(self, seq):
        self._seq = seq
        Replaced.num_open += 1

    def read(self):
        return Frame(IMAGE, self._seq, time.monotonic_ns())

    def close(self):
        if self._seq is not None:
            self._seq = None
            Replaced.num_open -= 1


@pytest.mark.parametrize("same_device", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_a_source_is_replaced_or_stays(same_device, fails):
    Replaced.num_open = 0
    num_open = []

    def open_source(wish):
        uri = wish.uri
        if uri.startswith("camera:/dev/video0?first"):
            return Replaced(1)
        num_open.append(Replaced.num_open)
        if fails:
            raise DeviceMissing(f"{uri}: no such camera")
        return Replaced(2)

    held = SourceHolder(SourceOrder(SourceWish("camera:/dev/video0?first")), open_source, Health(), threading.Event())
    assert held.read().seq == 1
    other = "camera:/dev/video0?fps=15" if same_device else "camera:/dev/video1"
    asked = held.replace(SourceOrder(SourceWish(other)))
    assert held.read().seq == (1 if fails else 2)
    if fails:
        with pytest.raises(DeviceMissing):
            asked.result(0)
    else:
        asked.result(0)
    assert num_open == [0 if same_device else 1]
    assert Replaced.num_open == 1
    assert held.read().seq == (1 if fails else 2)


class Unhurried(threading.Event):
    """Never waits; keeps what it was asked to wait for."""

    def __init__(self):
        super().__init__()
        self.waits_s = []

    def wait(self, timeout=None):
        self.waits_s.append(timeout)
        return self.is_set()


def test_a_camera_that_opens_and_is_gone_each_time_is_tried_less_and_less_often():
    stop = Unhurried()
    sources = [ScriptedSource(CameraLost("/dev/video0: the camera hung up")) for _ in range(6)]
    again = ScriptedSource(1, CameraLost("/dev/video0: unplugged"))
    held = SourceHolder(
        SourceOrder(SourceWish("/dev/video0")), opener(*sources, again, ScriptedSource(7)), Health(), stop
    )
    assert held.read().seq == 1
    assert stop.waits_s == [0.1, 0.2, 0.5, 1.0, 1.0, 1.0]
    assert held.read().seq == 7
    assert stop.waits_s[6:] == [0.1], "a frame came in between"


def test_who_asked_for_a_source_hears_of_it_whatever_comes_in_between():
    held = holder(ScriptedSource(1, 2, 3), ScriptedSource(5))
    held.read()
    first, second = (
        held.replace(SourceOrder(SourceWish("demo:"))),
        held.replace(SourceOrder(SourceWish("demo:?seed=1"))),
    )
    with pytest.raises(ConfigError, match="another change of the source came in between"):
        first.result(0)
    assert second.cancel()
    assert held.read().seq == 2, "what was given up is not opened"
    third = held.replace(SourceOrder(SourceWish("demo:?seed=2")))
    held.close()
    for asked in (third, held.replace(SourceOrder(SourceWish("demo:?seed=3")))):
        with pytest.raises(ConfigError, match="the program ends"):
            asked.result(0)


def test_a_lost_source_can_be_replaced():
    lost, other = ScriptedSource(1, CameraLost("/dev/video0: unplugged")), ScriptedSource(5)
    held = holder(lost, other)
    held.read()
    asked = held.replace(SourceOrder(SourceWish("demo:")))
    assert held.read().seq == 5
    asked.result(0)


@pytest.mark.parametrize(
    ("uri", "device"),
    [
        ("camera:/dev/video0?fps=30", "/dev/video0"),
        ("/dev/video0", "/dev/video0"),
        ("demo:?seed=1", ""),
        ("csi:1?fps=30", "csi:1"),
        ("gst:nvarguscamerasrc sensor-id=1 ! nvvidconv", "csi:1"),
        ('gst:v4l2src device="/dev/video0" ! jpegdec', "/dev/video0"),
        ("gst:videotestsrc", ""),
    ],
)
def test_only_one_source_can_hold_a_device(uri, device):
    assert device_of(uri) == device


class Set(ScriptedSource):
    """A camera that tells its settings."""

    def __init__(self, *script, exposure):
        super().__init__(*script)
        self.exposure = exposure

    def about(self):
        return {"controls": {"exposure": self.exposure}, "picture": None}


def test_a_camera_that_lost_its_settings_is_told_in_the_picture_and_in_health_until_it_has_them():
    sources = Set(1, CameraLost("/dev/video0: unplugged"), exposure=120.0), Set(2, CameraLost("x"), exposure=250.0)
    calibrated = UnitCorrection("A-1", "1920x1080 demo", None, {"exposure": 120.0})
    held = holder(*sources, Set(3, exposure=120.0), correction=calibrated)
    health, told = health_of(held), []
    for _ in range(3):
        held.read()
        told.append((health.snapshot(0)["notices"], health.snapshot(0)["camera"]["not_as_calibrated"]))
    words = "exposure is 250, calibrated at 120"
    assert [f"camera not as calibrated: {words}" in notices for notices, _ in told] == [False, True, False]
    assert [differing for _, differing in told] == [[], [words], []]
