"""A thin, even-grained mist: what it takes from the scene it gives back as one smooth light."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from trainer.data.degradations import Linear, breath_depth, radius_map


@dataclass(frozen=True, slots=True)
class Airlight:
    """I = t J + (1 - t) A, t = exp(-depth).

    Koschmieder 1924; Narasimhan & Nayar, IJCV 2002, eq. 1. Much smaller than a pixel, the droplets show no shape. Where
    the lamp lights the mist, A is an absolute level; where the tissue's own light does, A follows the scene's
    brightness, seen out of focus by half a picture.

    Attributes:
        depth: largest optical depth.
        clearing: radius that is clear already, in half diagonals.
        level: A: linear light where absolute, else a multiple of the scene's light.
        tint: colour of A, its largest channel 1.
        relative: whether A follows the scene.
        falloff: strength of the fall-off of A towards the corners.
        seed: of the uneven depth.
    """

    depth: float
    clearing: float
    level: float
    tint: tuple[float, float, float]
    relative: bool
    falloff: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float | None = None) -> Airlight:
        """Dim and bright veils; `strength` in [0, 1] sets the depth."""
        strength = float(rng.uniform(0.05, 1)) if strength is None else strength
        relative = bool(rng.random() < 0.4)
        level = rng.uniform(0.7, 1.7) if relative else rng.uniform(0.2, 0.97) ** rng.uniform(1, 2.2)
        tint = rng.uniform(0.82, 1.0, 3)
        red, green, blue = (float(x) for x in tint / tint.max())
        clearing = float(rng.uniform(0, 0.8)) if rng.random() < 0.3 else 0.0
        seed = int(rng.integers(2**32))
        return cls(
            1.6 * strength, clearing, float(level), (red, green, blue), relative, float(rng.uniform(0, 0.7)), seed
        )

    def thinned(self, factor: float) -> Airlight:
        """The same mist with another optical depth."""
        return replace(self, depth=self.depth * factor)

    def apply(self, linear: Linear) -> Linear:
        height, width = linear.shape[:2]
        depth = breath_depth(height, width, np.random.default_rng(self.seed), self.depth, self.clearing)
        light = np.float32(self.level) * np.array(self.tint, np.float32)
        if self.relative:
            light = light * _scene_light(linear)
        else:
            light = light / (1 + (np.float32(self.falloff) * radius_map(height, width)) ** 2) ** 2
        t = np.exp(-depth)
        return np.asarray(t * linear + (1 - t) * light, np.float32)


def _scene_light(linear: Linear) -> Linear:
    """The scene's brightness half a picture out of focus, half bleached, (H, W, 3)."""
    height, width = linear.shape[:2]
    small = cv2.resize(linear, (32, 18), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), 7, borderType=cv2.BORDER_REFLECT)
    bleached = 0.5 * blurred + 0.5 * blurred.mean(2, keepdims=True)
    return np.asarray(cv2.resize(bleached, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
