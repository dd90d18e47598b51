"""Clips of many formats and properties, made here by FFmpeg, each with the value that must come out of the reader."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from edge.clips.decode import ClipReader, Damage
from edge.clips.facts import ClipFacts, clip_facts
from edge.clips.program import find_ffmpeg
from edge.pictures.image import Image
from edge.pictures.marks import png_bytes
from tests.doubles.ffmpeg_clips import BACKGROUND, CORNER, chart, clip, disc_aspect, ffmpeg, frames_of, made
from tests.paths import DATA

CASES = DATA / "cases"
X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
SLOW = pytest.mark.slow
"""Of what another row shows too."""


def read_all(path: Path) -> tuple[ClipFacts, list[Image], list[float], Damage]:
    facts = clip_facts(path)
    images, times_s = [], []
    with closing(ClipReader(path, facts)) as reader:
        while (read := reader.read(lambda shape: None)) is not None:
            images.append(read[0])
            times_s.append(float(read[1]))
        return facts, images, times_s, reader.damage()


def assert_colours(image: Image, within: float = 4) -> None:
    height_px, width_px = image.shape[:2]
    corner = image[height_px // 24 : height_px // 12, width_px // 24 : width_px // 12].mean((0, 1))
    edge = image[height_px // 2 - 10 : height_px // 2 + 10, 10:40].mean((0, 1))
    np.testing.assert_allclose(corner, CORNER, atol=within)
    np.testing.assert_allclose(edge, BACKGROUND, atol=within)


FORMATS = [
    pytest.param("h264.mp4", X264, id="H.264 MP4"),
    pytest.param("h264.mov", (*X264, "-bf", "2"), id="H.264 MOV, B-frames"),
    pytest.param("h264.mkv", X264, id="H.264 MKV", marks=SLOW),
    pytest.param("h264.ts", X264, id="H.264 TS"),
    pytest.param("h264.flv", X264, id="H.264 FLV", marks=SLOW),
    pytest.param("444.mp4", ("-c:v", "libx264", "-pix_fmt", "yuv444p"), id="4:4:4"),
    pytest.param("10bit.mp4", ("-c:v", "libx264", "-pix_fmt", "yuv420p10le"), id="10 bits"),
    pytest.param("full.mp4", (*X264, "-vf", "scale=out_range=pc", "-color_range", "pc"), id="full range"),
    pytest.param("mpeg4.avi", ("-c:v", "mpeg4", "-q:v", "2"), id="MPEG-4 AVI"),
    pytest.param("mjpeg.avi", ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p"), id="MJPEG AVI"),
    pytest.param("raw.mjpeg", ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj422p"), id="bare MJPEG"),
    pytest.param("mpeg2.mpg", ("-c:v", "mpeg2video", "-q:v", "2"), id="MPEG-2 PS"),
    pytest.param("wmv.wmv", ("-c:v", "wmv2", "-q:v", "2"), id="WMV", marks=SLOW),
    pytest.param(
        "vp8.webm", ("-c:v", "libvpx", "-b:v", "4M", "-deadline", "realtime"), id="VP8 WebM", marks=pytest.mark.slow
    ),
    pytest.param("ffv1.mkv", ("-c:v", "ffv1"), id="FFV1"),
    pytest.param("rgb.avi", ("-c:v", "rawvideo", "-pix_fmt", "bgr24"), id="uncompressed AVI", marks=SLOW),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "arguments"), FORMATS)
def test_every_format_gives_all_frames_at_their_times_in_their_colours(
    tmp_path: Path, name: str, arguments: tuple[str, ...]
) -> None:
    facts, images, times_s, damage = read_all(clip(tmp_path / name, chart(), *arguments))
    assert (len(images), facts.width_px, facts.height_px) == (30, 640, 360)
    rate = 25 if name == "raw.mjpeg" else 30  # a bare stream names no rate
    np.testing.assert_allclose(np.diff(times_s), 1 / rate, atol=0.0011)  # MKV and FLV: whole milliseconds
    assert_colours(images[0], within=6 if "wmv" in name or "vp8" in name else 4)
    assert not damage


MATRIX = "scale=out_color_matrix={}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "matrix", "tags"),
    [
        pytest.param((1280, 720), "bt709", (), id="HD without a tag is BT.709", marks=SLOW),
        pytest.param((1920, 1080), "bt709", (), id="full HD without a tag is BT.709"),
        pytest.param((640, 360), "smpte170m", (), id="SD without a tag is BT.601"),
        pytest.param(
            (1280, 720), "smpte170m", ("-colorspace", "smpte170m"), id="HD tagged BT.601", marks=pytest.mark.slow
        ),
        pytest.param((640, 360), "bt709", ("-colorspace", "bt709"), id="SD tagged BT.709"),
        pytest.param((640, 360), "bt2020", ("-colorspace", "bt2020nc"), id="BT.2020 matrix"),
    ],
)
def test_the_colour_matrix_is_the_one_that_players_take(
    tmp_path: Path, size: tuple[int, int], matrix: str, tags: tuple[str, ...]
) -> None:
    path = clip(tmp_path / "x.mp4", chart(*size), "-vf", MATRIX.format(matrix), *X264, *tags, num_frames=3)
    if not tags:  # FFmpeg writes what it converted to, which cameras do not
        bare = "h264_metadata=colour_primaries=2:transfer_characteristics=2:matrix_coefficients=2"
        path = made(tmp_path / "bare.mkv", "-i", str(path), "-c", "copy", "-bsf:v", bare)
    assert_colours(read_all(path)[1][0])


@pytest.mark.parametrize(
    ("size", "aspect", "shown"),
    [
        pytest.param((720, 576), "64/45", (1024, 576), id="PAL wide"),
        pytest.param((720, 576), "16/15", (768, 576), id="PAL", marks=SLOW),
        pytest.param((720, 480), "8/9", (720, 540), id="NTSC: rows are added, none lost"),
        pytest.param((1440, 1080), "4/3", (1920, 1080), id="HDV", marks=SLOW),
    ],
)
def test_pixels_become_square(tmp_path: Path, size: tuple[int, int], aspect: str, shown: tuple[int, int]) -> None:
    squeezed = chart(*size, aspect=float(1 / Fraction(aspect)))
    path = clip(tmp_path / "x.mp4", squeezed, *X264, "-vf", f"setsar={aspect}", num_frames=3)
    facts, images, _, _ = read_all(path)
    assert (facts.width_px, facts.height_px) == shown
    assert disc_aspect(images[0]) == pytest.approx(1, abs=0.03)
    assert any("square" in change for change in facts.changes)


@pytest.mark.parametrize("turn", [90, *(pytest.param(turn, marks=SLOW) for turn in (180, 270))])
def test_a_phone_held_another_way_comes_upright(tmp_path: Path, turn: int) -> None:
    """As a player turns it: FFmpeg's own frame is the measure."""
    still = clip(tmp_path / "still.mp4", chart(), *X264, num_frames=3)
    path = tmp_path / "turned.mp4"
    try:
        made(path, "-display_rotation", str(turn), "-i", str(still), "-c", "copy")
    except AssertionError:
        made(path, "-i", str(still), "-c", "copy", "-metadata:s:v:0", f"rotate={turn}")
    facts, images, _, _ = read_all(path)
    size = (640, 360) if turn == 180 else (360, 640)
    assert (facts.width_px, facts.height_px) == size
    np.testing.assert_allclose(images[0].mean((0, 1)), frames_of(path, *size)[0].mean((0, 1)), atol=1)
    corners = {90: images[0][-20:, :20], 180: images[0][-20:, -20:], 270: images[0][:20, -20:]}
    turned = max(corners, key=lambda key: float(corners[key][..., 0].mean() - corners[key][..., 1].mean()))
    assert turned in (turn, 360 - turn)


def interlaced(path: Path, *arguments: str) -> Path:
    """A bar that moves a sixth of the width a frame, its two fields half of that apart."""
    source = "color=c=0x404040:s=720x576:r=50:d=0.6,format=yuv420p"
    moving = f"{source},geq=lum='if(between(X,mod(N*60,600),mod(N*60,600)+80),220,60)':cb=128:cr=128"
    return made(path, "-f", "lavfi", "-i", moving, "-vf", "tinterlace=interleave_top,setfield=tff", *arguments)


def comb(image: Image) -> float:
    """How much neighbouring rows differ beside rows two apart: high where fields of two moments are woven."""
    grey = image[..., 1].astype(np.float32)
    return float(np.abs(grey[1:-1] * 2 - grey[:-2] - grey[2:]).mean())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("il.mp4", ("-c:v", "libx264", "-flags", "+ildct+ilme", "-x264opts", "tff=1")),
        ("il.mpg", ("-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-top", "1", "-q:v", "2")),
    ],
)
def test_interlaced_material_comes_as_full_frames(tmp_path: Path, name: str, arguments: tuple[str, ...]) -> None:
    try:
        path = interlaced(tmp_path / name, *arguments)
    except AssertionError:
        path = interlaced(
            tmp_path / name, *(word for word in arguments if word not in ("-top", "1")), "-field_order", "tt"
        )
    facts, images, _, _ = read_all(path)
    assert facts.is_interlaced and "deinterlaced" in facts.changes
    woven = frames_of(path, 720, 576)
    assert len(images) == len(woven)
    assert comb(woven[7]) > 8 > 3 * comb(images[7])
    expected = frames_of(path, 720, 576, "bwdif=mode=send_frame")
    for image, own in zip(images, expected, strict=True):
        assert abs(float(image.mean()) - float(own.mean())) < 2


def test_a_progressive_clip_is_not_deinterlaced(tmp_path: Path) -> None:
    noise = np.random.default_rng(2).integers(60, 200, (360, 640, 1), np.uint8).repeat(3, axis=2)
    path = clip(tmp_path / "x.mkv", noise, "-c:v", "ffv1", "-pix_fmt", "yuv444p", num_frames=4)
    assert np.abs(read_all(path)[1][1].astype(int) - noise).max() <= 2  # every row as it was


@pytest.mark.slow
@pytest.mark.parametrize("fps", [0.5, 10, 23.976, 120, 1000, 4000])
def test_any_rate_is_kept(tmp_path: Path, fps: float) -> None:
    facts, images, times_s, _ = read_all(clip(tmp_path / "x.mp4", chart(64, 36), *X264, fps=fps, num_frames=20))
    assert len(images) == 20 and facts.fps == pytest.approx(fps, rel=0.01)
    assert times_s[-1] - times_s[0] == pytest.approx(19 / fps, rel=0.01)


def passthrough() -> tuple[str, ...]:
    return (*find_ffmpeg().every_frame, "-enc_time_base", "1/1000", "-video_track_timescale", "1000")


def test_a_variable_rate_keeps_each_time(tmp_path: Path) -> None:
    still = clip(tmp_path / "still.mp4", chart(64, 36), *X264, num_frames=12)
    path = made(tmp_path / "x.mp4", "-i", str(still), "-vf", "settb=1/1000,setpts=N*N*10", *passthrough(), *X264)
    _, _, times_s, damage = read_all(path)
    np.testing.assert_allclose(times_s, [n * n / 100 for n in range(12)], atol=0.001)
    assert not damage  # long steps alone are no damage


def wipe(path: Path, begin: float, end: float) -> Path:
    content = bytearray(path.read_bytes())
    size = len(content)
    content[int(begin * size) : int(end * size)] = bytes(int(end * size) - int(begin * size))
    path.write_bytes(content)
    return path


def moving(path: Path, *arguments: str) -> Path:
    return made(path, "-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=2", *arguments)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments", "least"),
    [
        pytest.param("x.mov", ("-c:v", "mjpeg", "-q:v", "3"), 50, id="MJPEG"),
        pytest.param("x.mkv", (*X264, "-g", "10"), 40, id="H.264"),
        pytest.param("x.ts", ("-c:v", "mpeg2video", "-g", "10"), 40, id="MPEG-2"),
    ],
)
def test_a_hole_is_a_gap_that_keeps_the_clock_and_is_told(
    tmp_path: Path, name: str, arguments: tuple[str, ...], least: int
) -> None:
    whole = moving(tmp_path / name, *arguments)
    sound = read_all(whole)
    _, images, times_s, damage = read_all(wipe(whole, 0.45, 0.52))
    assert least <= len(images) <= 60
    assert times_s[-1] == pytest.approx(sound[2][-1], abs=0.001)
    assert set(np.round(times_s, 3)) <= set(np.round(sound[2], 3))
    assert damage and damage.num_faults and 0 <= damage.times_s[0] < 1.5
    by_time = dict(zip(np.round(sound[2], 3), sound[1], strict=True))
    begin = min((*damage.missing_from_s, damage.times_s[0])) - 0.15  # nothing leans on what is later than that
    before = [time_s for time_s in times_s if time_s < begin]
    assert before
    for image, time_s in zip(images, before, strict=False):
        np.testing.assert_array_equal(image, by_time[round(time_s, 3)])


def test_a_motion_jpeg_frame_that_is_cut_is_left_out_not_filled(tmp_path: Path) -> None:
    path = moving(tmp_path / "x.avi", "-c:v", "mjpeg", "-q:v", "3")
    sound = read_all(path)[1]
    content = bytearray(path.read_bytes())
    begin = [at for at in range(len(content) - 4) if content[at : at + 4] == b"00dc"][20]
    content[begin + 3000 : begin + 4000] = bytes(1000)
    path.write_bytes(content)
    _, images, _, damage = read_all(path)
    assert (len(images), damage.num_missing) == (59, 1)
    np.testing.assert_array_equal(images[20], sound[21])


def test_a_change_of_size_in_the_middle_keeps_the_first_size(tmp_path: Path) -> None:
    parts = [clip(tmp_path / f"{w}.ts", chart(w, h), *X264, num_frames=10) for w, h in ((640, 360), (320, 320))]
    path = tmp_path / "x.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    _, images, _, _ = read_all(path)
    assert {image.shape for image in images} == {(360, 640, 3)} and len(images) >= 19
    assert disc_aspect(images[-1]) == pytest.approx(1, abs=0.05)


def sound_alone(path: Path) -> Path:
    return made(path, "-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac")


def cut_mp4(path: Path) -> Path:
    whole = clip(path, chart(), *X264)
    whole.write_bytes(whole.read_bytes()[:2000])
    return whole


def text(content: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


REFUSED = [
    pytest.param("x.mp4", text(b""), r"0 bytes", id="empty"),
    pytest.param("x.mp4", text(b"dear colleague\n" * 99), "cannot open it as a clip", id="text"),
    pytest.param("x.mp4", text(b"#EXTM3U\n#EXTINF:1,\n{}\n"), "names other files", id="HLS playlist"),
    pytest.param("x.mp4", text(b"ffconcat version 1.0\nfile '{}'\n"), "names other files", id="concat script"),
    pytest.param("x.avi", text(b"file '{}'\n"), "cannot open it as a clip", id="concat script without its head"),
    pytest.param("x.wmv", text(b'<asx version="3.0"><entry><ref href="{}"/></entry></asx>'), "names other", id="ASX"),
    pytest.param("x.mp4", text(b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"), "cannot open", id="SDP"),
    pytest.param("x.mp4", text(png_bytes(chart(64, 36), "")), "cannot open it as a clip", id="a picture"),
    pytest.param("x.mp4", sound_alone, "sound only", id="sound alone"),
    pytest.param("x.mp4", cut_mp4, "cannot open it as a clip", id="cut before its index"),
    pytest.param("x.mp4", text(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99)), "HEIC", id="HEIC"),
]


@pytest.mark.parametrize(("name", "make", "message"), REFUSED)
def test_what_is_no_clip_is_refused_by_name(
    tmp_path: Path, name: str, make: Callable[[Path], Path], message: str
) -> None:
    ffmpeg()
    path = make(tmp_path / name)
    named = clip(tmp_path / "named.mp4", chart(64, 36), *X264, num_frames=2)
    path.write_bytes(path.read_bytes().replace(b"{}", bytes(named)))
    with pytest.raises(InputOutputError, match=message) as caught:
        clip_facts(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


NAMES = [b"caf\xe9.mp4", b"-y.mp4", b"a:b.mp4", b"%03d.mp4", b"line\nbreak.mp4", b"~x.mp4", b"http:x.mp4", b"'q\" .mp4"]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_only_a_name(tmp_path: Path, name: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = clip(tmp_path / "whole.mp4", chart(64, 36), *X264, num_frames=5)
    path = Path(os.fsdecode(name))
    monkeypatch.chdir(tmp_path)
    whole.rename(tmp_path / path)
    assert len(read_all(path)[1]) == 5


@pytest.mark.slow
@pytest.mark.skipif(not CASES.is_dir(), reason="the inputs that people's devices made are not here")
@pytest.mark.parametrize(
    ("name", "num_frames", "size", "last_s"),
    [
        ("il_h264.mp4", 15, (720, 576), 14 / 30),
        ("il_mpeg2.mpg", 15, (720, 576), 14 / 30),
        ("twobad.avi", 28, (640, 360), 29 / 30),
        ("midhole.mp4", 25, (640, 360), 29 / 30),
        ("sar169.mp4", 10, (1024, 576), 9 / 25),
        ("fps1000.mp4", 30, (640, 360), 29 / 1000),
        ("fps0.5.mp4", 30, (640, 360), 58),
        ("audio.mp4", 30, (640, 360), 29 / 30),
        ("editlist.mp4", 24, (640, 360), 23 / 30),
        ("hd_untagged709.mp4", 12, (1280, 720), 11 / 30),
    ],
)
def test_what_devices_make(name: str, num_frames: int, size: tuple[int, int], last_s: float) -> None:
    facts, images, times_s, damage = read_all(CASES / name)
    assert (len(images), (facts.width_px, facts.height_px)) == (num_frames, size)
    assert times_s[-1] == pytest.approx(last_s, abs=0.001)
    assert bool(damage) == (name in ("twobad.avi", "midhole.mp4"))
    assert_colours(images[0], within=4)
