"""The camera's pictures: a texture that moves, noise, and the time code; and whether a picture seen is one of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.doubles.network_camera.timecode import Code, draw_code, read_codes

NUM_BACKGROUNDS = 6
_STEPS_ACROSS = 120
_CELL_PX = 24
_BANNER_PX = 216
"""Rows that the unit draws its own words into; its border lies in the outermost cells."""
DAMAGED_BEYOND = 30.0
"""Levels between a cell of 24x24 px and the camera's: JPEG and H.264 stay below 12."""

Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as I420 in full range; `luma` is (H, W), the others half of that each way."""

    luma: Plane
    blue: Plane
    red: Plane
    taken_ns: int
    seq: int


@lru_cache(maxsize=2 * NUM_BACKGROUNDS)
def background(width_px: int, height_px: int, index: int) -> tuple[Plane, Plane, Plane]:
    """One of those that come in turn, the same in every process."""
    random = np.random.default_rng(5)
    coarse = random.normal(120, 30, (10, 17)).astype(np.float32)
    colours = random.normal(128, 14, (2, 5, 8)).astype(np.float32)
    luma = cv2.resize(coarse, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    luma = np.roll(luma, index * width_px // _STEPS_ACROSS, axis=1)
    luma = luma + np.random.default_rng(index).normal(0, 3, luma.shape).astype(np.float32)
    half = (width_px // 2, height_px // 2)
    blue, red = (cv2.resize(plane, half, interpolation=cv2.INTER_CUBIC) for plane in colours)
    return _bytes(luma, 40, 200), _bytes(blue, 90, 166), _bytes(red, 90, 166)


def painted(width_px: int, height_px: int, taken_ns: int, seq: int) -> Picture:
    """The picture of one moment; sizes are even."""
    luma, blue, red = background(width_px, height_px, seq % NUM_BACKGROUNDS)
    luma = luma.copy()
    draw_code(luma, Code(taken_ns, seq))
    return Picture(luma, blue, red, taken_ns, seq)


def worst_difference(image: NDArray[np.uint8]) -> float | None:
    """Levels by which the worst cell of an RGB picture (1080, 1920, 3) differs from what the camera took.

    Without what the unit's banner covers; None where no time code says which picture it is. Only for cameras of 16:9.
    """
    code = next((code for code in read_codes(image) if code is not None), None)
    if code is None:
        return None
    expected = painted(1920, 1080, code.taken_ns, code.seq).luma
    seen = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    difference = np.abs(_cells(seen) - _cells(expected))
    return float(difference[_BANNER_PX // _CELL_PX : -1, 1:-1].max())


def _cells(luma: Plane) -> NDArray[np.float32]:
    height_px, width_px = luma.shape
    size = (width_px // _CELL_PX, height_px // _CELL_PX)
    return cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _bytes(plane: NDArray[np.float32], low: int, high: int) -> Plane:
    return plane.clip(low, high).round().astype(np.uint8)
