"""Smoke between window and tissue: ragged, coloured, lit by the lamp, and in the tissue's own light too."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.degradations import Linear, radius_map


@dataclass(frozen=True, slots=True)
class DriftingSmoke:
    """I = J exp(-2 x) + S L (1 - exp(-2 x)) / 2, x = depth times a turbulent density.

    The lamp stands beside the camera, so the tissue's light passes the smoke twice, going and coming, and the smoke
    throws back single-scattered light over the same double way (Chandrasekhar, Radiative Transfer, 1960, ch. 3).
    The density is a sum of octaves whose places are bent by another such sum, as a passive scalar is drawn out by
    the eddies that carry it (Obukhov-Corrsin spectrum; Perlin, SIGGRAPH 1985, for the sum).

    Attributes:
        depth: optical depth on one way where the smoke is densest.
        colour: S, albedo and colour of the smoke, linear.
        lamp: L in the middle of the picture; `falloff`, its fall towards the corners.
        cells: eddies across the picture at the largest scale.
        slope: how much weaker each finer octave is; 3 octaves of two give the 5/3 law 0.56.
        bend: how far eddies draw the smoke out, over the picture's width.
        fill: share of the picture that holds smoke, 0 to 1.
        seed: of the density.
    """

    depth: float
    colour: tuple[float, float, float]
    lamp: float
    falloff: float
    cells: int
    slope: float
    bend: float
    fill: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float | None = None) -> DriftingSmoke:
        """`strength` in [0, 1] sets the depth; smoke is white, bluish (fine) or brownish (tar)."""
        strength = float(rng.uniform(0.05, 1)) if strength is None else strength
        bases = ((0.95, 0.95, 0.95), (0.8, 0.88, 1.0), (0.95, 0.82, 0.65))
        red, green, blue = bases[int(rng.integers(3))]
        return cls(
            depth=0.8 * strength,
            colour=(red, green, blue),
            lamp=float(rng.uniform(0.6, 1.6)),
            falloff=float(rng.uniform(0.2, 1.0)),
            cells=int(rng.integers(2, 5)),
            slope=float(rng.uniform(0.35, 0.6)),
            bend=float(rng.uniform(0.02, 0.1)),
            fill=float(rng.uniform(0.6, 1.0)),
            seed=int(rng.integers(2**32)),
        )

    def thinned(self, factor: float) -> DriftingSmoke:
        """The same cloud, thinner."""
        return replace(self, depth=self.depth * factor)

    def density(self, height: int, width: int) -> NDArray[np.float32]:
        """Between 0 and 1, (H, W)."""
        rng = np.random.default_rng(self.seed)
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        bend = np.float32(self.bend * width)
        dx, dy = (bend * (self._octaves(rng, height, width, 3) - 0.5) for _ in range(2))
        places = (x + dx, y + dy)
        field = cv2.remap(
            self._octaves(rng, height, width, 5), *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        floor = np.quantile(field, 1 - self.fill) if self.fill < 1 else field.min()
        return np.clip((field - floor) / max(float(field.max() - floor), 1e-6), 0, 1).astype(np.float32)

    def _octaves(self, rng: np.random.Generator, height: int, width: int, num: int) -> NDArray[np.float32]:
        total = np.zeros((height, width), np.float32)
        for octave in range(num):
            cells = self.cells * 2**octave
            grid = rng.random((cells + 2, 2 * cells + 2), np.float32)
            layer = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
            total += np.float32(self.slope**octave) * layer
        return total / np.float32(sum(self.slope**octave for octave in range(num)))

    def apply(self, linear: Linear) -> Linear:
        height, width = linear.shape[:2]
        through = np.exp(-2 * np.float32(self.depth) * self.density(height, width))[..., None]
        lamp = self.lamp / (1 + (self.falloff * radius_map(height, width)) ** 2) ** 2
        back = 0.5 * lamp * np.array(self.colour, np.float32)
        return np.asarray(through * linear + (1 - through) * back, np.float32)
