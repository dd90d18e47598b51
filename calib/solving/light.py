"""From codes to linear light and block means, and the checks of exposure that every target shares."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.colour import LINEAR_OF_CODE
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX, SCALE
from edge.pictures.image import Image

Light = NDArray[np.float32]
"""Linear light, 1 being code 255: (H, W, 3)."""

SPREAD_OF_MAD = 1.4826
"""Standard deviation of normal values over the median of their absolute deviations."""
SATURATED_CODE = 250
MAX_SATURATED = 0.002
"""Share of pixels that may be saturated: the hot ones and a glint."""


def light_of(image: Image) -> Light:
    """sRGB codes -> linear light, (H, W, 3)."""
    return np.asarray(cv2.LUT(image, LINEAR_OF_CODE), np.float32)


def block_means(light: Light) -> Light:
    """4x4 means: (1080, 1920, 3) -> (270, 480, 3)."""
    height, width = light.shape[:2]
    size = (width // SCALE, height // SCALE)
    return np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_AREA), np.float32)


def without_hot(light: Light, hot_px: NDArray[np.int32]) -> Light:
    """The light with hot pixels replaced by the median of the 5x5 around them; in place."""
    for row, column in hot_px:
        around = light[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3].reshape(-1, 3)
        light[row, column] = np.median(around, axis=0)
    return light


def saturated_share(image: Image) -> float:
    """Share of pixels with a channel at or above `SATURATED_CODE`."""
    brightest = image.max(axis=2)
    return float(np.count_nonzero(brightest >= SATURATED_CODE) / brightest.size)


def full_size(grid: NDArray[Any]) -> Light:
    """A grid of cell values spread over the frame."""
    return np.asarray(cv2.resize(grid, (FRAME_WIDTH_PX, FRAME_HEIGHT_PX), interpolation=cv2.INTER_LINEAR), np.float32)
