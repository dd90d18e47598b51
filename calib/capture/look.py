"""What the guidance measures of every frame: exposure, saturation, sharpness, motion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.solving.light import Light, light_of, saturated_share
from edge.pictures.image import Image

_CELLS = (60, 34)
"""Of the grid on which motion is judged: 32 px each, so that noise averages out."""


@dataclass(frozen=True)
class Look:
    """One frame, measured.

    Attributes:
        cells: mean light on a coarse grid, (34, 60, 3).
        brightest: light that 2% of the cells exceed, in their strongest channel.
        saturated: share of pixels.
    """

    image: Image
    cells: Light
    brightest: float
    saturated: float

    def moved(self, other: Look | None) -> float:
        """How much the picture differs from another, of its own brightness: the 98th centile of the cells."""
        if other is None:
            return 1.0
        apart = np.abs(self.cells - other.cells).max(axis=2)
        return float(np.quantile(apart, 0.98)) / max(self.brightest, 0.05)

    def sharpness(self) -> float:
        """Steepest slopes over those of a blurred copy: 2 and more in focus, towards 1 the wider the blur.

        A slope is a code per px after a blur of 1 px and of 3 px; an edge that the lens blurs by s px has
        the ratio sqrt((9 + s^2) / (1 + s^2)).
        """
        grey = cv2.cvtColor(self.image, cv2.COLOR_RGB2GRAY)
        fine, coarse = (_steepest(np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma))) for sigma in (1.0, 3.0))
        return fine / max(coarse, 1e-3)


def look_at(image: Image) -> Look:
    """Measure a frame, RGB uint8."""
    cells = cv2.resize(light_of(image), _CELLS, interpolation=cv2.INTER_AREA)
    grid = np.asarray(cells, np.float32)
    return Look(image, grid, float(np.quantile(grid.max(axis=2), 0.98)), saturated_share(image))


def _steepest(grey: NDArray[np.uint8]) -> float:
    """Mean slope of the steepest thousandth."""
    across, down = (cv2.Sobel(grey, cv2.CV_32F, dx, 1 - dx, scale=1 / 8) for dx in (1, 0))
    slope = np.asarray(cv2.magnitude(across, down), np.float32)[::2, ::2].ravel()
    count = max(1, slope.size // 1000)
    return float(np.partition(slope, -count)[-count:].mean())
