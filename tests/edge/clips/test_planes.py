"""The conversion of clips' colours: by the standards' factors, and beside FFmpeg's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edge.clips.decode
from edge.clips.decode import _comes_as_planes
from edge.clips.facts import clip_facts
from edge.clips.planes import MATRICES, compiled_planes, factors_of, rgb_from_planes
from edge.pictures.image import Image
from tests.doubles.ffmpeg_clips import chart, clip, made
from tests.edge.clips.test_matrix import X264, interlaced, read_all

pytestmark = pytest.mark.skipif(compiled_planes() is None, reason="planes.c was not built (apt-get install gcc)")

BT709 = np.array([[1.164384, 0, 1.792741], [1.164384, -0.213249, -0.532909], [1.164384, 2.112402, 0]])
BT601 = np.array([[1.164384, 0, 1.596027], [1.164384, -0.391762, -0.812968], [1.164384, 2.017232, 0]])
"""Of Y - 16, U - 128, V - 128 (ITU-R BT.709 and BT.601, limited range)."""


def by_definition(planes: Image, matrix: np.ndarray) -> np.ndarray:
    height_px, width_px = planes.shape[0] * 2 // 3, planes.shape[1]
    light = planes[:height_px].astype(float)
    colours = planes[height_px:].reshape(2, height_px // 2, width_px // 2).repeat(2, 1).repeat(2, 2).astype(float)
    yuv = np.stack([light - 16, *(colours - 128)], axis=-1)
    return np.clip(np.floor(yuv[..., None, :] * matrix).sum(axis=-1), 0, 255)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(2, 2), (64, 36), (258, 20), (642, 362), (1920, 1080)])
@pytest.mark.parametrize(("name", "matrix"), [("bt709", BT709), ("smpte170m", BT601), ("bt470bg", BT601)])
def test_all_codes_come_out_by_the_standards_factors(name: str, matrix: np.ndarray, size: tuple[int, int]) -> None:
    width_px, height_px = size
    planes = np.random.default_rng(4).integers(0, 256, (height_px * 3 // 2, width_px), np.uint8)
    out = np.full((height_px, width_px, 3), 77, np.uint8)
    library = compiled_planes()
    assert library is not None and name in MATRICES
    rgb_from_planes(library, planes, factors_of(name), out)
    difference = np.abs(out - by_definition(planes, matrix))
    assert difference.max() <= 1 and (difference > 0).mean() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "words", "as_planes"),
    [
        pytest.param((640, 360), ("-colorspace", "smpte170m"), True, id="SD"),
        pytest.param((1280, 720), ("-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709"), True, id="HD"),
        pytest.param((640, 362), (), True, id="no tag"),
        pytest.param((640, 360), ("-vf", "scale=out_range=pc", "-color_range", "pc"), False, id="full range"),
        pytest.param((640, 360), ("-vf", "setsar=4/3"), False, id="pixels not square"),
        pytest.param((640, 360), ("-pix_fmt", "yuv444p"), False, id="4:4:4"),
        pytest.param((640, 360), ("-vf", "scale=out_color_matrix=bt2020", "-colorspace", "bt2020nc"), False, id="UHD"),
    ],
)
def test_with_and_without_a_clip_shows_the_same(
    tmp_path: Path, size: tuple[int, int], words: tuple[str, ...], as_planes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clip(tmp_path / "x.mp4", chart(*size), *X264, *words, num_frames=5)
    assert _comes_as_planes(clip_facts(path)) == as_planes
    assert_same_without(path, monkeypatch)


def assert_same_without(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, images, times_s, _ = read_all(path)
    monkeypatch.setattr(edge.clips.decode, "compiled_planes", lambda: None)
    _, others, other_times_s, _ = read_all(path)
    assert times_s == other_times_s
    for image, other in zip(images, others, strict=True):
        assert np.abs(image.astype(int) - other).max() <= 1


@pytest.mark.slow
def test_interlaced_frames_come_as_planes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = interlaced(tmp_path / "x.ts", "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-q:v", "2")
    assert _comes_as_planes(clip_facts(path))
    assert_same_without(path, monkeypatch)


def test_a_change_of_size_and_of_pixels_in_the_middle_fits_too(tmp_path: Path) -> None:
    words = (("640x360", "yuv420p"), ("320x320", "yuv420p"), ("640x360", "yuv422p"))
    parts = [
        made(tmp_path / f"{n}.ts", "-f", "lavfi", "-i", f"color=0x5a5a5a:s={size}:r=25:d=0.4", "-c:v", "mpeg2video",
             "-pix_fmt", pixels)
        for n, (size, pixels) in enumerate(words)
    ]  # fmt: skip
    path = tmp_path / "x.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    facts, images, _, _ = read_all(path)
    assert _comes_as_planes(facts) and len(images) >= 20
    for image in images:
        assert np.abs(image[150:210, 280:360].astype(int) - 90).max() <= 3
