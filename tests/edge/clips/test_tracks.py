"""Clips with more than one track, or with something else beside the pictures: what is taken, and what is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge.clips.facts import UNKNOWN, clip_facts
from tests.doubles.ffmpeg_clips import BACKGROUND, chart, clip, frames_of, made, probed
from tests.edge.clips.test_matrix import X264, assert_colours, read_all

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from tests.doubles.files_bench import Bench

MOVING = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=1")


def tone(duration_s: float) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"sine=d={duration_s}")


@pytest.mark.parametrize("name", ["x.mp4", "x.mkv", "x.mpg"])
def test_sound_that_outlasts_the_video_is_no_damage(tmp_path: Path, name: str) -> None:
    facts, images, _, damage = read_all(made(tmp_path / name, *MOVING, *tone(4)))
    assert len(images) == 25 and facts.duration_s > 3.5
    assert not damage


def test_a_clip_with_sound_that_is_cut_off_is_told(tmp_path: Path) -> None:
    path = made(tmp_path / "x.avi", *MOVING, *tone(1), "-c:v", "mjpeg", "-c:a", "pcm_s16le")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert read_all(path)[3].is_cut_short


@pytest.mark.slow
@pytest.mark.parametrize(("sound_s", "video_s"), [(0.0, 0.5), (0.5, 0.0)])
@pytest.mark.parametrize("name", ["x.ts", "x.mkv"])
def test_sound_and_picture_begin_as_far_apart_as_they_did(
    bench: Bench, name: str, sound_s: float, video_s: float
) -> None:
    late = ("-itsoffset", str(video_s), *MOVING, "-itsoffset", str(sound_s), *tone(2))
    path = made(bench.originals / name, *late, "-c:v", "mpeg2video", "-c:a", "mp2")
    assert bench.run(path).exit_code == 0
    result = bench.output / "x-enhanced.mp4"
    apart = [probed(one)["times_s"][0] - probed(one, "a:0")["times_s"][0] for one in (path, result)]
    assert apart[1] == pytest.approx(apart[0], abs=0.05)
    assert abs(apart[1]) > 0.4


def test_the_first_video_is_taken_and_another_told(tmp_path: Path) -> None:
    second = ("-f", "lavfi", "-i", "testsrc2=s=64x36:r=30:d=2")
    facts, images, _, damage = read_all(made(tmp_path / "x.mkv", *MOVING, *second, "-map", "0", "-map", "1"))
    assert (len(images), facts.width_px) == (25, 320)
    assert facts.changes == ("other video tracks left out",) and not damage


def test_a_cover_is_no_video(tmp_path: Path) -> None:
    still = clip(tmp_path / "still.mp4", chart(), *X264, num_frames=5)
    cover = made(tmp_path / "cover.png", "-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1")
    words = ("-i", str(cover), "-i", str(still), "-map", "0", "-map", "1", "-c", "copy")
    facts, images, _, _ = read_all(made(tmp_path / "x.mp4", *words, "-disposition:v:0", "attached_pic"))
    assert (facts.codec, len(images), facts.changes) == ("h264", 5, ())
    assert_colours(images[0])


def test_sound_of_an_unknown_kind_is_left_out_and_told(bench: Bench) -> None:
    path = made(bench.originals / "x.mkv", *MOVING, *tone(1), *tone(1), "-map", "0", "-map", "1", "-map", "2",
                "-c:v", "libx264", "-c:a:0", "libmp3lame", "-c:a:1", "aac")  # fmt: skip
    path.write_bytes(path.read_bytes().replace(b"A_MPEG/L3", b"A_XYZZ/L3"))
    assert clip_facts(path).audio == (UNKNOWN, "aac")
    report = bench.run(path)
    assert report.exit_code == 0 and "unknown sound left out 1" in report.summary()
    assert probed(bench.output / "x-enhanced.mp4", "a:0")["codec_name"] == "aac"


@pytest.mark.parametrize(("name", "codec"), [("x.mkv", "ffv1"), ("x.mov", "qtrle")])
def test_what_is_transparent_lies_on_black(tmp_path: Path, name: str, codec: str) -> None:
    red, green, blue = (f"{level / 255}" for level in BACKGROUND)
    half = f"color=white:s=320x180:r=25:d=0.2,format=rgba,colorchannelmixer=rr={red}:gg={green}:bb={blue}:aa=0.5"
    facts, images, _, _ = read_all(made(tmp_path / name, "-f", "lavfi", "-i", half, "-c:v", codec))
    np.testing.assert_allclose(images[2].mean((0, 1)), np.array(BACKGROUND) / 2, atol=2)
    assert "alpha laid over black" in facts.changes


@pytest.mark.parametrize("size", [(2, 2), (3, 1), (16, 16), (641, 363)])
def test_any_size_is_read(tmp_path: Path, size: tuple[int, int]) -> None:
    grey = np.full((size[1], size[0], 3), 90, np.uint8)
    facts, images, _, _ = read_all(clip(tmp_path / "x.mkv", grey, "-c:v", "ffv1", "-pix_fmt", "yuv444p", num_frames=3))
    assert (facts.width_px, facts.height_px) == size
    assert len(images) == 3 and np.abs(images[0].astype(int) - 90).max() <= 2


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("x.mjpg", ("-c:v", "mjpeg", "-f", "mjpeg")),
        ("x.y4m", ("-pix_fmt", "yuv420p", "-strict", "-1")),
        ("x.h264", ("-c:v", "libx264")),
    ],
)
def test_a_short_bare_stream_is_a_clip(tmp_path: Path, name: str, arguments: tuple[str, ...]) -> None:
    path = made(tmp_path / name, *MOVING, *arguments)
    assert len(read_all(path)[1]) == len(frames_of(path, 320, 180)) == 25


def test_a_jpeg_without_its_end_is_told(tmp_path: Path) -> None:
    path = made(tmp_path / "x.avi", *MOVING, "-c:v", "mjpeg", "-q:v", "3")
    content = bytearray(path.read_bytes())
    end = content.find(b"\xff\xd9", len(content) // 2)
    content[end : end + 2] = b"\0\0"
    path.write_bytes(content)
    damage = read_all(path)[3]
    assert damage.num_faults or damage.num_missing


def test_a_warning_that_does_not_end_its_line_hides_no_times(tmp_path: Path) -> None:
    """FFmpeg has such a one for an odd angle, just before it tells the unit of time."""
    still = clip(tmp_path / "still.mp4", chart(), *X264, fps=10, num_frames=8)
    path = tmp_path / "turned.mp4"
    try:
        made(path, "-display_rotation", "45", "-i", str(still), "-c", "copy")
    except AssertionError:
        made(path, "-i", str(still), "-c", "copy", "-metadata:s:v:0", "rotate=45")
    _, images, times_s, damage = read_all(path)
    assert len(images) == 8 and not damage
    np.testing.assert_allclose(times_s, np.arange(8) / 10, atol=0.001)


def test_a_clip_of_one_frame_is_whole(tmp_path: Path) -> None:
    _, images, _, damage = read_all(clip(tmp_path / "x.mp4", chart(), *X264, num_frames=1))
    assert len(images) == 1 and not damage


@pytest.mark.parametrize(("name", "codec"), [("x.mkv", "flac"), ("x.mkv", "libopus"), ("x.mov", "pcm_f32le")])
def test_sound_of_other_kinds_comes_along(bench: Bench, name: str, codec: str) -> None:
    path = made(bench.originals / name, *MOVING, *tone(1), "-ac", "2", "-c:v", "libx264", "-c:a", codec)
    assert bench.run(path).exit_code == 0
    assert probed(bench.output / "x-enhanced.mp4", "a:0")["codec_name"] in (codec.removeprefix("lib"), "aac")
