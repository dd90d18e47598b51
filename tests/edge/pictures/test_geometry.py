"""Sizes, crops and the exact shrink."""

import numpy as np
import pytest

from edge.pictures.geometry import FRAME_SHAPE, centre_crop_16_9, fit_to_frame, shrink


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "size, cropped",
    [
        pytest.param((1080, 1920), (1080, 1920), id="the camera's"),
        pytest.param((960, 1280), (720, 1280), id="4:3 loses rows"),
        pytest.param((1000, 3000), (1000, 1778), id="wide loses columns"),
        pytest.param((1920, 1080), (608, 1080), id="upright"),
        pytest.param((1, 1), (1, 1), id="one pixel"),
        pytest.param((1, 40), (1, 2), id="one row"),
    ],
)
def test_centre_crop(size, cropped):
    assert centre_crop_16_9(picture(*size)).shape[:2] == cropped


def test_centre_crop_takes_the_middle():
    image = picture(960, 1280)
    assert np.array_equal(centre_crop_16_9(image), image[120:840])


@pytest.mark.parametrize("size", [(1, 1), (960, 1280), (2160, 3840), (270, 480)])
def test_every_size_becomes_a_frame(size):
    assert fit_to_frame(picture(*size)).shape == FRAME_SHAPE


def test_a_frame_passes_untouched():
    image = picture(1080, 1920)
    assert fit_to_frame(image) is image


def test_nothing_is_stretched():
    """A circle in a 4:3 picture is as wide as it is high afterwards."""
    y, x = np.mgrid[0:960, 0:1280]
    disc = (np.hypot(x - 640, y - 480) < 200).astype(np.uint8) * 255
    rows, columns = np.nonzero(fit_to_frame(np.dstack([disc] * 3))[..., 0] > 127)
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 1


def test_shrink_is_the_mean_of_4x4_rounded_half_to_even():
    image = picture(1080, 1920)
    mean = image.reshape(270, 4, 480, 4, 3).astype(np.float64).mean((1, 3))
    assert np.array_equal(shrink(image), np.rint(mean).astype(np.uint8))


@pytest.mark.parametrize(
    ("shape", "columns", "rows"),
    [
        ((960, 1280), (240, 1680), (0, 1080)),
        ((1000, 1000), (420, 1500), (0, 1080)),
        ((400, 1920), (0, 1920), (340, 740)),
    ],
)
def test_padding_keeps_all_of_the_picture_in_the_middle_of_black(shape, columns, rows):
    white = fit_to_frame(np.full((*shape, 3), 255, np.uint8), "pad")
    assert white.shape == FRAME_SHAPE
    assert (white[rows[0] : rows[1], columns[0] : columns[1]] == 255).all()
    assert int((white[..., 0] > 0).sum()) == (rows[1] - rows[0]) * (columns[1] - columns[0])
