"""The time code comes back from any size and fit, and damage is told from soundness."""

from __future__ import annotations

import logging

import cv2
import numpy as np
import pytest
import simplejpeg

from edge.pictures.geometry import Fit
from edge.pictures.image import Image
from edge.sources.pace import FrameFitter
from tests.doubles.network_camera.http_side import damaged
from tests.doubles.network_camera.painting import DAMAGED_BEYOND, Picture, painted, worst_difference
from tests.doubles.network_camera.timecode import Code, is_of_one_moment, read_codes, timecode_ns

TAKEN_NS = 86_400_123_456_789_000


def jpeg_of(picture: Picture) -> bytes:
    planes = (picture.luma, picture.blue, picture.red)
    return bytes(simplejpeg.encode_jpeg_yuv_planes(*planes, quality=70, fastdct=True))


def shown(jpeg: bytes, fit: Fit = "crop") -> Image:
    decoded = simplejpeg.decode_jpeg(jpeg, strict=False)
    return np.asarray(FrameFitter("a test", logging.getLogger(), fit).fitted(decoded))


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize("size", [(1920, 1080), (640, 360), (1280, 960), (640, 480), (720, 720), (3840, 2160)], ids=str)
def test_code_comes_back(size: tuple[int, int], fit: Fit) -> None:
    image = shown(jpeg_of(painted(*size, TAKEN_NS, 77)), fit)
    assert read_codes(image) == (Code(TAKEN_NS, 77),) * 3
    assert timecode_ns(image) == TAKEN_NS and is_of_one_moment(image)


def test_code_survives_blur_and_weak_contrast() -> None:
    image = shown(jpeg_of(painted(1920, 1080, TAKEN_NS, 3)))
    image = cv2.GaussianBlur(image, (0, 0), 5.0) // 2 + 60
    assert timecode_ns(image) == TAKEN_NS


def test_a_picture_without_one_has_none() -> None:
    assert timecode_ns(np.random.default_rng(1).integers(0, 255, (1080, 1920, 3), np.uint8)) is None
    assert timecode_ns(np.zeros((1080, 1920, 3), np.uint8)) is None


def test_a_block_that_was_painted_over_is_not_believed() -> None:
    image = shown(jpeg_of(painted(1920, 1080, TAKEN_NS, 3)))
    image[540 - 48 : 540 + 48, 700:732] = 255 - image[540 - 48 : 540 + 48, 700:732]
    codes = read_codes(image)
    assert codes[1] is None and codes[0] == codes[2] == Code(TAKEN_NS, 3)
    assert not is_of_one_moment(image)


def test_halves_of_two_moments_are_as_old_as_the_older() -> None:
    old, new = (shown(jpeg_of(painted(1920, 1080, TAKEN_NS + at, at))) for at in (0, 90_000_000))
    new[700:] = old[700:]
    assert timecode_ns(new) == TAKEN_NS and not is_of_one_moment(new)


def test_soundness_and_damage() -> None:
    jpegs = [jpeg_of(painted(1920, 1080, TAKEN_NS, number)) for number in range(6)]
    assert all((worst_difference(shown(jpeg)) or 255) < DAMAGED_BEYOND / 2 for jpeg in jpegs)
    random = np.random.default_rng(2)
    differences = [worst_difference(shown(damaged(jpeg, random))) for jpeg in jpegs]
    assert all(difference is None or difference > DAMAGED_BEYOND for difference in differences), differences
