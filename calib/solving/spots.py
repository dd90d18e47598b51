"""Spots on the window: what stands out of a flat field at a fixed place."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.solving.light import SPREAD_OF_MAD
from edge.pictures.geometry import SCALE

_SIGMA_BLOCKS = 1.0
_SIGMAS = 6.0
_LEAST_DEPTH = 0.02
_LEAST_BLOCKS = 4


@dataclass(frozen=True)
class Spot:
    """A suspicious place.

    Attributes:
        x_px, y_px: its middle in the camera's frame; width_px: of its core.
        depth: light that it takes at its middle, of 1; less than 0 where it adds light, as droplets do.
    """

    x_px: float
    y_px: float
    width_px: float
    depth: float

    @property
    def kind(self) -> str:
        return "dirt" if self.depth > 0 else "droplet"

    def __str__(self) -> str:
        change = f"{abs(self.depth):.0%} {'darker' if self.depth > 0 else 'brighter'}"
        return f"{self.kind} at {self.x_px:.0f}, {self.y_px:.0f} px, {self.width_px:.0f} px wide, {change}"


def find_spots(residual: NDArray[np.float32], gain: NDArray[np.float32]) -> list[Spot]:
    """Spots in a flat field that was divided by its smooth part, deepest first.

    A spot stands out by 2%, and by six times the noise, which grows as the light falls off.

    Args:
        residual: (270, 480), 1 where nothing is.
        gain: what the fall-off is multiplied with, (rows, columns, 3).
    """
    smooth = np.asarray(cv2.GaussianBlur(residual, (0, 0), _SIGMA_BLOCKS), np.float32)
    off = smooth - np.float32(np.median(smooth))
    size = (residual.shape[1], residual.shape[0])
    noisier = np.asarray(cv2.resize(gain.mean(axis=2), size, interpolation=cv2.INTER_LINEAR), np.float32)
    noise = SPREAD_OF_MAD * float(np.median(np.abs(off / noisier)))
    limit = np.maximum(_LEAST_DEPTH, _SIGMAS * noise * noisier)
    found = []
    for sign in (1, -1):
        _, labels, stats, _ = cv2.connectedComponentsWithStats((sign * off < -limit).astype(np.uint8))
        for label in range(1, len(stats)):
            inside = labels == label
            if np.count_nonzero(inside) < _LEAST_BLOCKS:
                continue
            rows, columns = np.nonzero(inside)
            depths = np.abs(off[rows, columns])
            x, y = (float((axis * depths).sum() / depths.sum()) for axis in (columns, rows))
            width_px = SCALE * 2 * np.sqrt(len(rows) / np.pi)
            half = (SCALE - 1) / 2
            found.append(Spot(x * SCALE + half, y * SCALE + half, float(width_px), sign * float(depths.max())))
    return sorted(found, key=lambda spot: -abs(spot.depth))
