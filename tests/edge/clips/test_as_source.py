"""A clip as `--live` plays it: its frames lie in memory that held other pictures before."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.image import Image
from edge.sources.clip import ClipSource
from tests.doubles.ffmpeg_clips import chart, clip, frames_of
from tests.edge.clips.test_matrix import X264, interlaced


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_an_interlaced_clip_after_a_progressive_one_shows_its_own_full_frames(tmp_path: Path, codec: str) -> None:
    memory: Image = np.full(FRAME_SHAPE, 255, np.uint8)
    before = clip(tmp_path / "before.mp4", chart(), *X264, num_frames=5)
    after = interlaced(tmp_path / "after.ts", "-c:v", codec, "-flags", "+ildct+ilme", "-g", "8")
    expected = frames_of(after, 720, 576, "bwdif=mode=send_frame")[:, 85:490].mean((1, 2))  # the part that is 16:9
    shown = []
    for path in (before, after):
        with closing(ClipSource(str(path), path, fps=None, paced=False, loop=False, lend=lambda: memory)) as source:
            while (frame := source.read()) is not None:
                shown.append(frame.image.mean((0, 1)))
    shown = shown[5:]
    assert len(shown) == len(expected)
    np.testing.assert_allclose(shown, expected, atol=2)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(640, 360), (320, 320), (2560, 1440), (1920, 1080)])
def test_every_size_comes_in_the_memory_that_is_lent(tmp_path: Path, size: tuple[int, int]) -> None:
    memory: Image = np.zeros(FRAME_SHAPE, np.uint8)
    noise = cv2.resize(np.random.default_rng(1).integers(0, 255, (9, 16, 3), np.uint8), size)
    path = clip(tmp_path / "x.mkv", noise, "-c:v", "ffv1", "-pix_fmt", "bgr0", num_frames=3)
    with closing(ClipSource("x", path, fps=None, paced=False, loop=False, lend=lambda: memory)) as source:
        frame = source.read()
    assert frame is not None and np.shares_memory(frame.image, memory)
    with closing(ClipSource("x", path, fps=None, paced=False, loop=False)) as source:
        own = source.read()
    assert own is not None
    np.testing.assert_array_equal(frame.image, own.image)
