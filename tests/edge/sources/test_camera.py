"""The V4L2 camera, against a scripted capture.

There is no /dev/video and no V4L2 where these tests run, so `FakeCapture` speaks the interface of
`cv2.VideoCapture` as OpenCV's cap_v4l.cpp behaves: `waitAny` waits, takes a frame from the driver's queue
and holds it until `retrieve`. Time passes only while it waits. The pixels are real JPEG and YUYV bytes.
"""

import os
from dataclasses import dataclass
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
import simplejpeg

from edge.basics.errors import CameraLost, DeviceMissing
from edge.sources import camera as camera_module
from edge.sources.camera import CameraSource, opened_camera, rgb_from_yuyv
from edge.sources.jpeg import JpegReader
from edge.sources.judgement import FrameJudge


def rgb_from_jpeg(data, lend=lambda: None):
    return JpegReader("/dev/video0", lend).rgb(data.tobytes())


MS = 1_000_000
START_NS = 1_000_000 * MS


def jpeg_of(level):
    image = np.full((1080, 1920, 3), (level, 40, 90), np.uint8)
    return np.frombuffer(simplejpeg.encode_jpeg(image, 90, "RGB", "422"), np.uint8)


JPEGS = [jpeg_of(20 * number) for number in range(8)]


@dataclass
class Arrival:
    """One frame: how long after the one before it, and how old the driver's stamp makes it."""

    data: object
    after_ms: int = 0
    stamp_age_ms: float | None = 5


class Gone:
    """The device is pulled out: poll reports an error."""


class HangUp:
    """Poll returns at once, but no frame is ready."""


class FakeCapture:
    def __init__(self, script, *, grants=None):
        self.now_ns = START_NS
        self.script = list(script)
        self.properties = {
            cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"YUYV"),
            cv2.CAP_PROP_FRAME_WIDTH: 640,
            cv2.CAP_PROP_FRAME_HEIGHT: 480,
            cv2.CAP_PROP_FPS: 25.0,
        }
        self.fixed = grants or {}
        self.pending = None
        self.stamp_ms = 0.0
        self.released = 0
        self.num_waits = 0
        self.on_wait = lambda: None

    def set(self, prop, value):
        self.properties[prop] = self.fixed.get(prop, value)
        return prop not in self.fixed

    def get(self, prop):
        return self.stamp_ms if prop == cv2.CAP_PROP_POS_MSEC else float(self.properties.get(prop, -1))

    def waitAny(self, streams, timeout_ns):  # noqa: N802
        assert streams == [self]
        assert timeout_ns > 0, "0 waits for ever"
        assert self.released == 0, "used after release"
        self.num_waits += 1
        self.on_wait()
        if self.script and isinstance(self.script[0], Gone):
            raise cv2.error("Error is reported for camera stream")
        if self.script and isinstance(self.script[0], HangUp):
            return True, []
        if not self.script or self.script[0].after_ms * MS > timeout_ns:
            self.now_ns += timeout_ns
            if self.script:
                self.script[0].after_ms -= timeout_ns // MS
            return False, []
        arrival = self.script.pop(0)
        self.now_ns += arrival.after_ms * MS
        age_ms = arrival.stamp_age_ms
        self.stamp_ms = 0.0 if age_ms is None else self.now_ns / MS - age_ms
        self.pending = arrival.data
        return True, [0]

    def retrieve(self):
        assert self.pending is not None, "OpenCV reads wild memory here"
        data, self.pending = self.pending, None
        return (False, None) if isinstance(data, str) else (True, np.asarray(data)[None])

    def release(self):
        self.released += 1


@pytest.fixture
def camera_of(monkeypatch):
    def make(script, *, grants=None, **options):
        capture = FakeCapture(script, grants=grants)
        monkeypatch.setattr(camera_module.time, "monotonic_ns", lambda: capture.now_ns)
        source = CameraSource("camera:/dev/video0", "/dev/video0", open_capture=lambda _: capture, **options)
        return source, capture

    return make


def level_of(frame):
    return round(int(frame.image[540, 960, 0]) / 20)


def queued(number):
    return Arrival(JPEGS[number])


def arriving(number):
    return Arrival(JPEGS[number], after_ms=33)


@pytest.mark.parametrize(
    ("script", "level", "seq", "left"),
    [
        pytest.param([arriving(1)], 1, 0, 0, id="waited for: the newest"),
        pytest.param([queued(1), arriving(2)], 1, 0, 1, id="one queued, nothing behind it"),
        pytest.param([queued(1), queued(2), queued(3), arriving(4)], 3, 2, 1, id="queue drained"),
        pytest.param([*map(queued, (1, 2, 3, 4)), arriving(5)], 5, 4, 0, id="full queue is stale"),
        pytest.param([*map(queued, range(8)), queued(0)], 7, 7, 1, id="a flood ends"),
    ],
)
def test_newest_frame_wins(camera_of, script, level, seq, left):
    source, capture = camera_of(script)
    frame = source.read()
    assert (level_of(frame), frame.seq) == (level, seq)
    assert len(capture.script) == left
    assert frame.image.shape == (1080, 1920, 3)
    assert frame.mode == "raw"


def test_gap_in_seq_is_what_was_passed_over(camera_of):
    source, _ = camera_of([arriving(0), queued(1), queued(2), arriving(3)])
    assert [source.read().seq for _ in range(3)] == [0, 2, 3]


@pytest.mark.parametrize(
    ("stamp_age_ms", "age_ms"),
    [
        pytest.param(12.5, 12.5, id="driver's stamp"),
        pytest.param(-30, 0, id="driver ahead of us"),
        pytest.param(None, 0, id="no stamp"),
        pytest.param(20_000, 0, id="implausibly old"),
        pytest.param(-1.7e12, 0, id="wall clock"),
    ],
)
def test_capture_time(camera_of, stamp_age_ms, age_ms):
    source, capture = camera_of([Arrival(JPEGS[0], 33, stamp_age_ms)])
    frame = source.read()
    assert (capture.now_ns - frame.t_capture_ns) / MS == pytest.approx(age_ms, abs=1e-3)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        pytest.param([Gone()], "went away", id="pulled out"),
        pytest.param([HangUp()], "hung up", id="hung up"),
        pytest.param([], "no picture from the camera for 2 s", id="silent"),
        pytest.param([Arrival("nothing", 33)], "gave nothing", id="a read that yields nothing"),
        pytest.param([Arrival(JPEGS[0][:5000], 33) for _ in range(10)], "broken pictures", id="all broken"),
    ],
)
def test_lost_camera_is_told_without_spinning(camera_of, script, message):
    source, capture = camera_of(script)
    with pytest.raises(CameraLost, match=message) as caught:
        source.read()
    assert "/dev/video0" in str(caught.value)
    assert capture.num_waits <= 25
    source.close()
    assert capture.released == 1


def test_broken_picture_is_passed_over(camera_of):
    source, _ = camera_of([Arrival(JPEGS[1][:5000], 33), arriving(2)])
    frame = source.read()
    assert (level_of(frame), frame.seq) == (2, 1)


GRANTS_YUYV_720 = {
    cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"YUYV"),
    cv2.CAP_PROP_FRAME_WIDTH: 1280,
    cv2.CAP_PROP_FRAME_HEIGHT: 720,
    cv2.CAP_PROP_FPS: 10.0,
}


def test_what_is_asked_for_is_what_is_granted(camera_of, caplog):
    source, capture = camera_of([], fps=60.0)
    assert source.fps == 60.0
    assert capture.properties[cv2.CAP_PROP_CONVERT_RGB] == 0
    assert not caplog.records


def test_other_grant_is_one_warning_and_still_a_picture(camera_of, caplog):
    yuyv = np.full((720, 1280, 2), (235, 128), np.uint8)
    source, _ = camera_of([Arrival(yuyv.reshape(-1), 33)], grants=GRANTS_YUYV_720)
    assert [record.getMessage() for record in caplog.records] == [
        "camera:/dev/video0: asked for 1920x1080 MJPG at 30 fps, the camera gives 1280x720 YUYV at 10 fps"
    ]
    assert source.fps == 10.0
    image = source.read().image
    assert image.shape == (1080, 1920, 3)
    assert image.min() >= 250


def test_any_other_format_is_converted_by_opencv(camera_of):
    bgr = np.full((1080, 1920, 3), (10, 20, 200), np.uint8)
    source, capture = camera_of([Arrival(bgr, 33)], grants={cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"NV12")})
    capture.retrieve = lambda: (True, bgr)
    assert tuple(source.read().image[0, 0]) == (200, 20, 10)
    assert capture.properties[cv2.CAP_PROP_CONVERT_RGB] == 1


def test_close_from_another_thread_ends_a_waiting_read(camera_of):
    source, capture = camera_of([])
    capture.on_wait = source.close  # what another thread would do while `read` waits
    assert source.read() is None
    assert capture.num_waits == 1
    assert capture.released == 1
    assert source.read() is None


def test_jpeg_without_huffman_tables_is_decoded():
    """Many UVC cameras leave the standard tables out (USB Video Class, Motion-JPEG payload, 2.2)."""
    whole = JPEGS[3].tobytes()
    lean, at = whole[:2], 2
    while whole[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(whole[at + 2 : at + 4], "big")
        lean += b"" if whole[at + 1] == 0xC4 else whole[at:end]
        at = end
    lean += whole[at:]
    assert len(lean) < len(whole)
    np.testing.assert_array_equal(rgb_from_jpeg(np.frombuffer(lean, np.uint8)), rgb_from_jpeg(JPEGS[3]))


@pytest.mark.parametrize(
    ("change", "is_sound"),
    [
        pytest.param(lambda data: data + bytes(9000), True, id="padded"),
        pytest.param(lambda data: data[:-2] + bytes(20) + data[-2:], True, id="bytes before the end marker"),
        pytest.param(lambda data: data[: len(data) // 2], False, id="cut short"),
        pytest.param(lambda data: b"", False, id="empty"),
        pytest.param(lambda data: b"\x12" * 500 + data[-2:], False, id="no jpeg"),
    ],
)
def test_camera_jpegs(change, is_sound):
    image = rgb_from_jpeg(np.frombuffer(change(JPEGS[2].tobytes()), np.uint8))
    assert isinstance(image, str) != is_sound
    if is_sound:
        np.testing.assert_allclose(image[::100, ::100], np.broadcast_to((40, 40, 90), (11, 20, 3)), atol=3)


def test_each_fault_of_a_camera_is_counted(camera_of):
    judge = FrameJudge()
    hurt = np.concatenate([JPEGS[1][:2000], JPEGS[1][2200:]])
    script = [Arrival(JPEGS[1][:5000], 33), Arrival(hurt, 33), arriving(2), arriving(6), Arrival(JPEGS[3], 33, None)]
    source, _ = camera_of([*script, queued(4), queued(5)], judge=judge)
    assert [level_of(source.read()) for _ in range(3)] == [2, 6, 3]
    found = {fault: count for fault, count in judge.record().items() if count}
    assert found == {"incomplete": 1, "damaged": 1, "untimed": 1}
    source.read()
    assert judge.record()["skipped"] == 1


def test_a_padded_camera_is_another_mode(camera_of):
    grants = {cv2.CAP_PROP_FRAME_WIDTH: 1280, cv2.CAP_PROP_FRAME_HEIGHT: 960}
    assert camera_of([], grants=grants, fit="pad")[0].camera_mode == "1280x960 MJPG padded"
    assert camera_of([], grants=grants)[0].camera_mode == "1280x960 MJPG"
    assert camera_of([], fit="pad")[0].camera_mode == "1920x1080 MJPG"


def test_yuyv_of_the_wrong_size_is_broken():
    assert rgb_from_yuyv(np.zeros(100, np.uint8), 10, 6) is None
    assert rgb_from_yuyv(np.zeros((6, 10, 2), np.uint8), 10, 6).shape == (6, 10, 3)


@pytest.mark.parametrize(
    ("error", "present", "message"),
    [
        pytest.param(None, [], r"^/dev/video93: no such camera; no camera is present", id="none present"),
        pytest.param(None, ["video0", "video2"], r"cameras present: .*video0 .*video2$", id="others present"),
        pytest.param(PermissionError(13, "Permission denied"), [], "group video", id="no permission"),
        pytest.param(OSError(16, "Device or resource busy"), [], "busy", id="busy"),
    ],
)
def test_camera_that_is_not_there(monkeypatch, tmp_path, error, present, message):
    for name in present:
        (tmp_path / name).touch()
    monkeypatch.setattr(camera_module, "DEVICE_FOLDER", tmp_path)
    if error is not None:
        monkeypatch.setattr(os, "open", Mock(side_effect=error))
    with pytest.raises(DeviceMissing, match=message) as caught:
        opened_camera("/dev/video93")
    assert caught.value.exit_code == 69
    assert "\n" not in str(caught.value)


def test_device_that_is_no_camera(capfd):
    with pytest.raises(DeviceMissing, match="cannot be opened as a camera"):
        opened_camera("/dev/null")
    assert capfd.readouterr().err == ""


def test_a_whole_frame_is_decoded_into_lent_memory():
    lent = np.zeros((1080, 1920, 3), np.uint8)
    jpeg = np.frombuffer(simplejpeg.encode_jpeg(np.full((1080, 1920, 3), 90, np.uint8)), np.uint8)
    assert np.shares_memory(rgb_from_jpeg(jpeg, lambda: lent), lent)
    small = np.frombuffer(simplejpeg.encode_jpeg(np.zeros((720, 1280, 3), np.uint8)), np.uint8)
    assert not np.shares_memory(rgb_from_jpeg(small, lambda: lent), lent)
    assert (lent == 90).all()
    assert not np.shares_memory(rgb_from_jpeg(jpeg), lent)
