"""Dark frames: the level that the sensor shows of no light, and the pixels that shine by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.solving.light import SPREAD_OF_MAD, Light, block_means, light_of
from edge.basics.errors import InputOutputError
from edge.pictures.image import Image

MAX_DARK = 0.12
"""Light above which the cap cannot be on."""
_SIGMAS = 6.0
_LEAST_HOT = 0.01
"""A pixel is hot that stands this far above its neighbours: 6 sigma of the mean, and 1% of full scale."""


@dataclass(frozen=True)
class Dark:
    """What dark frames tell.

    Attributes:
        level: linear light, (3,).
        hot_px: (N, 2) rows and columns.
        noise: standard deviation of one reading in the dark, of full scale.
        mean: the mean frame.
        num_frames: that it is the mean of.
    """

    level: NDArray[np.float32]
    hot_px: NDArray[np.int32]
    noise: float
    mean: Light
    num_frames: int


def solve_dark(images: Iterable[Image], name: str = "dark") -> Dark:
    """Average dark frames and find the hot pixels.

    Args:
        name: of the session, for messages.

    Raises:
        InputOutputError: light came in.
    """
    total: Light | None = None
    num_frames, first = 0, None
    for image in images:
        light = light_of(image)
        level = float(np.quantile(block_means(light).max(axis=2), 0.98))
        if level > MAX_DARK:
            raise InputOutputError(
                f"{name}: frame {num_frames} shows {level:.0%} of full scale, expected under {MAX_DARK:.0%}; "
                "put the cap on and capture the dark frames again"
            )
        first = light if first is None else first
        total = light.copy() if total is None else total + light
        num_frames += 1
    if total is None or first is None:
        raise InputOutputError(f"{name}: holds no frames; capture it again")
    mean = np.asarray(total / num_frames, np.float32)
    noise = _spread(first - np.median(first, axis=(0, 1)))
    above = np.asarray(mean - cv2.medianBlur(mean, 5), np.float32)
    threshold = max(_LEAST_HOT, _SIGMAS * _spread(above))
    hot_px = np.argwhere(above.max(axis=2) > threshold).astype(np.int32)
    return Dark(_level(mean), hot_px, noise, mean, num_frames)


def _level(mean: Light) -> NDArray[np.float32]:
    """Mean of each channel without its extreme hundredths: a median would stick to one step of the codes."""
    flat = mean.reshape(-1, 3)
    low, high = np.quantile(flat[::7], (0.01, 0.99), axis=0)
    inside = (flat >= low) & (flat <= high)
    return np.array([flat[inside[:, channel], channel].mean() for channel in range(3)], np.float32)


def _spread(values: NDArray[np.floating[Any]]) -> float:
    """Standard deviation by the median of absolute values about 0."""
    return float(SPREAD_OF_MAD * np.median(np.abs(values)))
