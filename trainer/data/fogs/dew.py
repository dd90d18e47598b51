"""Dew that can be seen as drops: each a small lens that shows the scene upside down."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.degradations import Linear

MAX_DROPS = 1500


@dataclass(frozen=True, slots=True)
class Dew:
    """A breath figure: drops that grow, touch and merge, until they cover a half and more of the window.

    Beysens & Knobler, Phys. Rev. Lett. 57, 1433 (1986), and Viovy, Beysens & Knobler, Phys. Rev. A 37, 4965 (1988):
    merging keeps volume, so a new radius is the third root of the sum of cubes, and frees the ground between. A drop
    is a plano-convex lens of a focal length of about its own size: through it one sees a wide part of the scene, small
    and upside down (Garg & Nayar, IJCV 2007), darker towards its rim, and as blurred as the window is out of focus.
    The lamps beside the camera shine on it from behind, and it throws a little of them back.

    Attributes:
        radius: mean radius before merging, over the picture's width.
        coverage: share of the window that drops cover before they merge.
        spread: deviation of the radius over its mean.
        view: how many of its own radii a drop shows on each side.
        opacity: how much of a pixel behind a drop comes from its lens; the rest passes beside its foot.
        rim: how dark the rim is, 0 to 1.
        glint: linear light of the lamps that a drop throws back.
        defocus: sigma of the window's blur over the mean radius.
        seed: of the places.
    """

    radius: float
    coverage: float
    spread: float
    view: float
    opacity: float
    rim: float
    glint: float
    defocus: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float | None = None) -> Dew:
        """`strength` in [0, 1] sets how much of the window is covered."""
        strength = float(rng.uniform(0.05, 1)) if strength is None else strength
        return cls(
            radius=float(np.exp(rng.uniform(np.log(0.005), np.log(0.03)))),
            coverage=0.1 + 0.6 * strength,
            spread=float(rng.uniform(0.2, 0.5)),
            view=float(rng.uniform(4, 15)),
            opacity=float(rng.uniform(0.5, 0.95)),
            rim=float(rng.uniform(0.1, 0.6)),
            glint=float(rng.uniform(0, 0.35)),
            defocus=float(rng.uniform(0.7, 3)),
            seed=int(rng.integers(2**32)),
        )

    def thinned(self, factor: float) -> Dew:
        """The same drops, drier."""
        return replace(self, opacity=min(1.0, self.opacity * factor))

    def drops(self, height: int, width: int) -> NDArray[np.float32]:
        """x_px, y_px and radius_px of each drop, (N, 3), merged where they touched."""
        rng = np.random.default_rng(self.seed)
        radius_px = self.radius * width
        num = int(np.clip(self.coverage * height * width / (np.pi * radius_px**2), 1, MAX_DROPS))
        places = rng.random((num, 2)) * (width, height)
        radii = radius_px * np.maximum(rng.normal(1, self.spread, (num, 1)), 0.2)
        return merged(np.hstack([places, radii]).astype(np.float32))

    def apply(self, linear: Linear) -> Linear:
        height, width = linear.shape[:2]
        drops = self.drops(height, width)
        owner = np.full((height, width), -1, np.int32)
        for number, (x, y, radius) in enumerate(drops):
            cv2.circle(
                owner,
                (round(float(x) * 16), round(float(y) * 16)),
                round(float(radius) * 16),
                number,
                -1,
                cv2.LINE_8,
                4,
            )
        covered = owner >= 0
        of_pixel = drops[np.maximum(owner, 0)]
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        dx, dy = x - of_pixel[..., 0], y - of_pixel[..., 1]
        seen = _through(linear, of_pixel[..., 0] - self.view * dx, of_pixel[..., 1] - self.view * dy, self.view)
        out_from_middle = np.clip((dx**2 + dy**2) / np.maximum(of_pixel[..., 2], 1e-3) ** 2, 0, 1)
        lens = seen * (1 - np.float32(self.rim) * out_from_middle**2)[..., None] + np.float32(self.glint)
        mask = np.float32(self.opacity) * covered.astype(np.float32)[..., None]
        sigma = max(0.3, self.defocus * self.radius * width)
        light, share = (cv2.GaussianBlur(plane, (0, 0), sigma) for plane in (lens * mask, mask))
        return np.asarray(linear * (1 - share[..., None]) + light, np.float32)


def _through(linear: Linear, x: NDArray[np.float32], y: NDArray[np.float32], view: float) -> Linear:
    """The scene at (x, y), demagnified: averaged over what falls into one pixel of a drop; mirrored outside."""
    step = max(1, round(view / 2))
    height, width = linear.shape[:2]
    size = (max(2, width // step), max(2, height // step))
    small = cv2.resize(linear, size, interpolation=cv2.INTER_AREA)
    scale_x, scale_y = size[0] / width, size[1] / height
    places = ((x + 0.5) * scale_x - 0.5, (y + 0.5) * scale_y - 0.5)
    return np.asarray(cv2.remap(small, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.float32)


def merged(drops: NDArray[np.float32], passes: int = 2) -> NDArray[np.float32]:
    """Let touching drops become one at their common centre of mass, volume kept: the larger takes the smaller."""
    drops = drops[np.argsort(-drops[:, 2], kind="stable")]
    for _ in range(passes):
        gap = np.hypot(*(drops[:, None, k] - drops[None, :, k] for k in (0, 1)))
        touch = gap < drops[:, None, 2] + drops[None, :, 2]
        taker = touch.argmax(1)  # the largest drop that it touches, itself at the last
        taker = np.where(taker[taker] == taker, taker, np.arange(len(drops)))
        volume = drops[:, 2].astype(np.float64) ** 3
        total = np.bincount(taker, volume, len(drops))
        kept = total > 0
        x, y = (np.bincount(taker, volume * drops[:, k], len(drops))[kept] / total[kept] for k in (0, 1))
        drops = np.stack([x, y, np.cbrt(total[kept])], 1).astype(np.float32)
        drops = drops[np.argsort(-drops[:, 2], kind="stable")]
    return drops
