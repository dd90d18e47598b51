"""What the judge looks at of a frame: the compiled form gives OpenCV's blocks, and each pixel looked at counts."""

import ctypes

import cv2
import numpy as np
import pytest

from edge.engines import passes, sampling
from edge.engines.sampling import BLOCK_PX, ROW_STEP_PX, block_means, block_means_by_opencv, every_eighth_point
from edge.sources.demo.render import DemoRenderer

RNG = np.random.default_rng(3)
FRAMES = {
    "demo": lambda: DemoRenderer(0).degraded(30),
    "noise": lambda: RNG.integers(0, 256, (1080, 1920, 3), np.uint8),
    "nearly flat, so that halves are met": lambda: RNG.integers(100, 102, (1080, 1920, 3), np.uint8),
    "white": lambda: np.full((1080, 1920, 3), 255, np.uint8),
    "one block": lambda: RNG.integers(0, 256, (40, 40, 3), np.uint8),
}


@pytest.fixture
def compiled():
    return passes.compiled_library() or pytest.skip(
        "the package was installed without a C compiler: apt-get install gcc libc6-dev, then make venv-dev again"
    )


@pytest.mark.parametrize("name", FRAMES)
def test_both_forms_see_the_same_blocks(compiled, name, monkeypatch):
    frame = FRAMES[name]()
    monkeypatch.setattr(sampling, "block_means_by_opencv", None)
    np.testing.assert_array_equal(block_means(frame), block_means_by_opencv(frame))


@pytest.mark.parametrize("form", [block_means, block_means_by_opencv])
def test_a_block_is_the_mean_of_every_eighth_of_its_rows(form):
    frame = np.zeros((3 * BLOCK_PX, 4 * BLOCK_PX, 3), np.uint8)
    frame[BLOCK_PX + 4 : BLOCK_PX + 5, 2 * BLOCK_PX : 2 * BLOCK_PX + 20, 1] = 200
    expected = np.zeros((3, 4, 3), np.uint8)
    expected[1, 2, 1] = 200 * 20 / (BLOCK_PX * BLOCK_PX / ROW_STEP_PX)
    np.testing.assert_array_equal(form(frame), expected)
    frame[BLOCK_PX + 5 : BLOCK_PX + 12] = 255
    np.testing.assert_array_equal(form(frame), expected)


def test_a_frame_that_does_not_lie_in_one_piece_is_seen_too():
    wide = FRAMES["noise"]()
    np.testing.assert_array_equal(block_means(wide[:, ::-1]), block_means(np.ascontiguousarray(wide[:, ::-1])))


def test_points_are_pixels_of_the_frame():
    frame = FRAMES["noise"]()
    np.testing.assert_array_equal(every_eighth_point(frame), frame[4::16, ::8])


def test_a_library_from_an_older_source_is_not_used(monkeypatch):
    class Older:
        edge_shrink = edge_carry = None

    monkeypatch.setattr(ctypes, "CDLL", lambda path: Older())
    assert passes.compiled_library.__wrapped__() is None


def test_without_a_compiler_opencv_does_it(monkeypatch):
    monkeypatch.setattr(sampling, "compiled_library", lambda: None)
    frame = FRAMES["demo"]()
    wanted = cv2.resize(frame[4::8], (48, 27), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(block_means(frame), wanted)
