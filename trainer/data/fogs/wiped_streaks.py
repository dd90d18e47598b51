"""What a wipe leaves: a film in ridges along the stroke, which bend and spread light across it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.degradations import Linear

PLANE_PX = 256
"""Side of the square on which a film's ridges are drawn, before it is laid over the picture."""


@dataclass(frozen=True, slots=True)
class WipedStreaks:
    """A film of thickness h: refraction by its slope across the stroke, scatter across it, a faint veil.

    A wedge of slope dh/du turns a ray by (n - 1) dh/du across the ridges (Born & Wolf, Principles of Optics, 4.7, thin
    prism), so edges along the stroke wobble. What the film takes, 1 - exp(-depth h), it spreads across the ridges
    alone, as a grating of grooves does (the star of a wiped windscreen), and gives back in part as grey light.

    Attributes:
        depth: optical depth where the film is thickest.
        angle_rad: of the stroke.
        num_ridges: across the picture's diagonal.
        bend: largest displacement over the picture's width.
        reach: sigma of the spread across the stroke, over the width.
        veil: share of the taken light that comes back as the scene's mean grey.
        seed: of the ridges.
    """

    depth: float
    angle_rad: float
    num_ridges: int
    bend: float
    reach: float
    veil: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float | None = None) -> WipedStreaks:
        """`strength` in [0, 1] sets depth and bending."""
        strength = float(rng.uniform(0.05, 1)) if strength is None else strength
        return cls(
            depth=1.5 * strength,
            angle_rad=float(rng.uniform(0, np.pi)),
            num_ridges=int(rng.integers(6, 50)),
            bend=0.004 * strength * float(rng.uniform(0, 1)),
            reach=float(rng.uniform(0.02, 0.15)),
            veil=float(rng.uniform(0.1, 0.6)),
            seed=int(rng.integers(2**32)),
        )

    def thinned(self, factor: float) -> WipedStreaks:
        """The same streaks, drier."""
        return replace(self, depth=self.depth * factor, bend=self.bend * factor)

    def thickness(self, height: int, width: int) -> NDArray[np.float32]:
        """h in [0, 1], (H, W): long along the stroke, short across it."""
        rng = np.random.default_rng(self.seed)
        plane = np.zeros((PLANE_PX, PLANE_PX), np.float32)
        for octave in range(3):
            across = self.num_ridges * 2**octave
            grid = rng.random((across + 1, 3 + octave), np.float32)
            plane += cv2.resize(grid, (PLANE_PX, PLANE_PX), interpolation=cv2.INTER_LINEAR) / 2**octave
        plane = np.clip((plane - plane.min()) / max(float(np.ptp(plane)), 1e-6), 0, 1)
        scale = np.hypot(height, width) / PLANE_PX
        turn = cv2.getRotationMatrix2D((PLANE_PX / 2, PLANE_PX / 2), np.degrees(-self.angle_rad), scale)
        turn[:, 2] += (width / 2 - PLANE_PX / 2, height / 2 - PLANE_PX / 2)
        laid = cv2.warpAffine(plane, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(laid, np.float32)

    def apply(self, linear: Linear) -> Linear:
        height, width = linear.shape[:2]
        h = self.thickness(height, width)
        bent = self._bent(linear, h)
        t = np.exp(-np.float32(self.depth) * h)[..., None]
        across = _blurred_along(bent, self.angle_rad + np.pi / 2, self.reach * width)
        grey = np.float32(linear.mean())
        return np.asarray(t * bent + (1 - t) * ((1 - self.veil) * across + self.veil * grey), np.float32)

    def _bent(self, linear: Linear, h: NDArray[np.float32]) -> Linear:
        height, width = linear.shape[:2]
        u = np.array([-np.sin(self.angle_rad), np.cos(self.angle_rad)], np.float32)
        slope = cv2.Sobel(h, cv2.CV_32F, 1, 0) * u[0] + cv2.Sobel(h, cv2.CV_32F, 0, 1) * u[1]
        shift = np.float32(self.bend * width) * slope / max(float(np.abs(slope).max()), 1e-6)
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        seen = cv2.remap(linear, x + shift * u[0], y + shift * u[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(seen, np.float32)


def _blurred_along(light: Linear, angle_rad: float, sigma_px: float) -> Linear:
    """Gaussian mean along one direction, on a picture small enough that its kernel stays short."""
    height, width = light.shape[:2]
    step = max(1.0, sigma_px / 3)
    size = (max(4, round(width / step)), max(4, round(height / step)))
    small = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
    half = 9
    place = np.arange(-half, half + 1)
    weight = np.exp(-0.5 * (place / (sigma_px / step)) ** 2)
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    rows, columns = np.rint(place * np.sin(angle_rad)).astype(int), np.rint(place * np.cos(angle_rad)).astype(int)
    np.add.at(kernel, (half + rows, half + columns), weight)
    small = cv2.filter2D(small, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
