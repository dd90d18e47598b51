"""Clips: real small files, written by OpenCV, read back by the source."""

import struct

import cv2
import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from edge.sources import clip as clip_module
from edge.sources.clip import ClipSource

NUM_FRAMES = 8
STEP = 25


def write_clip(path, frames, *, fourcc="mp4v", fps=25.0):
    height_px, width_px = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*fourcc), fps, (width_px, height_px))
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def grey_frames(number=NUM_FRAMES, shape=(90, 160)):
    """Frame i is flat grey of level 25 i, so that a picture tells its number."""
    return [np.full((*shape, 3), STEP * index, np.uint8) for index in range(number)]


def number_of(frame):
    return round(float(frame.image[::90, ::160].mean()) / STEP)


@pytest.fixture
def clip_path(tmp_path):
    return write_clip(tmp_path / "throat.mp4", grey_frames())


def source_of(path, *, fps=None, paced=False, loop=False):
    return ClipSource(str(path), path, fps=fps, paced=paced, loop=loop)


def read_all(source):
    return list(iter(source.read, None))


class ScriptedClock:
    """A FrameClock whose due indices are written down beforehand."""

    def __init__(self, indices):
        self.indices = list(indices)
        self.restarts = []

    def wait_next(self):
        return self.indices.pop(0) if self.indices else None

    def due_ns(self, index):
        return 1000 * index

    def restart_at(self, index):
        self.restarts.append(index)

    def close(self):
        self.indices = []


def test_once_through_gives_every_frame_in_order(clip_path, caplog):
    source = source_of(clip_path)
    frames = read_all(source)
    assert [number_of(frame) for frame in frames] == list(range(NUM_FRAMES))
    assert [frame.seq for frame in frames] == list(range(NUM_FRAMES))
    assert {frame.image.shape for frame in frames} == {(1080, 1920, 3)}
    assert source.fps == 25.0
    assert len(caplog.records) == 1
    assert "source is 160x90: resized to 1920x1080" in caplog.records[0].getMessage()
    assert source.read() is None


def test_looping_goes_on_counting(clip_path):
    source = source_of(clip_path, loop=True)
    frames = [source.read() for _ in range(2 * NUM_FRAMES + 2)]
    assert [frame.seq for frame in frames] == list(range(2 * NUM_FRAMES + 2))
    assert [number_of(frame) for frame in frames] == [*range(NUM_FRAMES), *range(NUM_FRAMES), 0, 1]


def test_colours_are_rgb_in_place_at_full_size(tmp_path, caplog):
    bgr = np.zeros((1080, 1920, 3), np.uint8)
    bgr[:, :960] = (0, 0, 255)
    bgr[:, 960:] = (255, 0, 0)
    frame = source_of(write_clip(tmp_path / "full.avi", [bgr], fourcc="MJPG")).read()
    np.testing.assert_allclose(frame.image[::107, 5:900:50], np.broadcast_to((255, 0, 0), (11, 18, 3)), atol=4)
    np.testing.assert_allclose(frame.image[::107, 1000::50], np.broadcast_to((0, 0, 255), (11, 19, 3)), atol=4)
    assert not caplog.records


def test_frames_do_not_share_memory(clip_path):
    source = source_of(clip_path)
    first, second = source.read(), source.read()
    assert not np.shares_memory(first.image, second.image)
    assert number_of(first) == 0


def test_rotation_in_the_metadata_is_applied(tmp_path):
    """The track header's matrix (ISO/IEC 14496-12, 8.3.2) says 90 degrees: left and right become rows."""
    bgr = np.zeros((180, 320, 3), np.uint8)
    bgr[:, 160:] = 255
    path = write_clip(tmp_path / "turned.mp4", [bgr] * 3)
    content = bytearray(path.read_bytes())
    matrix_at = content.index(b"tkhd") + 4 + 40
    content[matrix_at : matrix_at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    image = source_of(path).read().image
    assert image[:100].std() < 5
    assert abs(float(image[:100].mean()) - float(image[-100:].mean())) > 200


@pytest.mark.parametrize(
    ("due", "expected_seq"),
    [
        pytest.param([0, 1, 2], [0, 1, 2], id="on time"),
        pytest.param([0, 3, 4], [0, 3, 4], id="late: skips"),
        pytest.param([0, NUM_FRAMES + 2], [0, NUM_FRAMES + 2], id="skips over the loop's seam"),
    ],
)
def test_paced_clip_shows_the_frame_due_now(clip_path, monkeypatch, due, expected_seq):
    monkeypatch.setattr(clip_module.time, "monotonic_ns", lambda: 0)  # decoding takes no time
    source = source_of(clip_path, paced=True, loop=True)
    source._clock = ScriptedClock(due)
    frames = read_all(source)
    assert [frame.seq for frame in frames] == expected_seq
    assert [number_of(frame) for frame in frames] == [seq % NUM_FRAMES for seq in expected_seq]
    assert [frame.t_capture_ns for frame in frames] == [1000 * seq for seq in expected_seq]
    assert source._clock.restarts == []


def test_decoder_slower_than_real_time_plays_without_gaps(clip_path, monkeypatch):
    now_ns = iter(range(0, 10**15, 100_000_000))  # each look at the time is 0.1 s later than the last
    monkeypatch.setattr(clip_module.time, "monotonic_ns", lambda: next(now_ns))
    source = source_of(clip_path, paced=True, loop=True)
    source._clock = ScriptedClock([0, 6, 9])
    assert [frame.seq for frame in read_all(source)] == [0, 1, 2]
    assert source._clock.restarts == [1, 2]


def test_paced_clip_that_does_not_loop_ends(clip_path):
    source = source_of(clip_path, fps=240.0, paced=True)
    frames = read_all(source)
    assert 0 < len(frames) <= NUM_FRAMES
    assert source.read() is None


@pytest.mark.parametrize("paced", [True, False])
def test_close_ends_the_source(clip_path, paced):
    source = source_of(clip_path, loop=True, paced=paced)
    assert source.read() is not None
    source.close()
    source.close()
    assert source.read() is None


def test_clip_cut_short_gives_the_frames_it_has(tmp_path, caplog, capfd):
    noise = np.random.default_rng(0).integers(0, 255, (NUM_FRAMES, 90, 160, 3), dtype=np.uint8)
    path = write_clip(tmp_path / "cut.avi", list(noise), fourcc="MJPG")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    frames = read_all(source_of(path))
    assert 0 < len(frames) < NUM_FRAMES
    assert any("cut short" in record.getMessage() or "damaged" in record.getMessage() for record in caplog.records)
    assert capfd.readouterr().err == ""


def test_clip_that_vanishes_while_looping_is_an_error(clip_path):
    source = source_of(clip_path, loop=True)
    assert source.read() is not None  # FFmpeg has opened it
    clip_path.unlink()
    with pytest.raises(InputOutputError, match="cannot read the clip"):
        [source.read() for _ in range(NUM_FRAMES + 1)]


def whole_mp4(tmp_path):
    return write_clip(tmp_path / "whole.mp4", grey_frames()).read_bytes()


def mp4_with_wiped_pictures(tmp_path):
    content = bytearray(whole_mp4(tmp_path))
    begin, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[begin:end] = bytes(end - begin)
    return bytes(content)


@pytest.mark.parametrize(
    ("content_of", "message"),
    [
        pytest.param(None, "No such file", id="no such file"),
        pytest.param(lambda _: b"", "0 bytes", id="zero bytes"),
        pytest.param(lambda _: b"a letter to the surgeon\n" * 500, "cannot open it as a clip", id="text"),
        pytest.param(lambda folder: whole_mp4(folder)[:1500], "cannot open it as a clip", id="mp4 cut short"),
        pytest.param(mp4_with_wiped_pictures, "no frame of the clip can be decoded", id="no frame"),
    ],
)
def test_bad_clip_is_one_line(tmp_path, capfd, content_of, message):
    path = tmp_path / "bad.mp4"
    if content_of is not None:
        path.write_bytes(content_of(tmp_path))
    with pytest.raises(InputOutputError, match=message) as caught:
        source_of(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.slow
@pytest.mark.parametrize("paced", [True, False])
def test_a_hole_in_a_clip_keeps_the_clock(tmp_path, caplog, paced):
    """Two frames do not decode: their numbers are missing, what follows comes when it is due."""
    path = write_clip(tmp_path / "hole.avi", grey_frames(), fourcc="MJPG")
    content = bytearray(path.read_bytes())
    begin = content.index(b"movi")
    chunks = [at for at in range(begin, len(content) - 4) if content[at : at + 4] == b"00dc"][:NUM_FRAMES]
    for at in chunks[3:5]:
        content[at + 8 : at + 200] = bytes(192)
    path.write_bytes(content)
    frames = read_all(source_of(path, paced=paced, fps=5.0 if paced else None))
    assert [number_of(frame) for frame in frames] == [frame.seq for frame in frames]
    assert {frame.seq for frame in frames} <= {0, 1, 2, 5, 6, 7}
    if paced:  # on a busy machine one may be late
        lasts_s = (frames[-1].t_capture_ns - frames[0].t_capture_ns) / 1e9
        assert len(frames) > 3 and lasts_s == pytest.approx((frames[-1].seq - frames[0].seq) / 5, abs=0.05)
    else:
        assert len(frames) == 6
    assert sum("2 frames missing" in record.getMessage() for record in caplog.records) == 1
