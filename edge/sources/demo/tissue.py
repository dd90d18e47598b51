"""The surface of each part of the synthetic throat: colour, relief, vessels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.colour import Linear, linear_from_srgb
from edge.sources.demo.anatomy import Anatomy, Part
from edge.sources.demo.texture import (
    Plane,
    Size,
    blur,
    capillaries,
    fractal_noise,
    grain,
    hillocks,
    plane,
    scattered_roots,
    smoothstep,
    value_noise,
    vessels,
)

_SRGB = {
    "wall": (206, 108, 98),
    "pillar": (206, 84, 76),
    "tonsil": (212, 104, 90),
    "palate": (228, 130, 114),
    "tongue": (214, 136, 130),
}
"""Colour of each part under full light."""


@dataclass(frozen=True)
class Surface:
    """What the eye sees of a part beyond its shape, at canvas size.

    Attributes:
        relief: fine surface, in pixels of height.
        colour: multiplies the coarse colour, (H, W, 3).
    """

    relief: Plane
    colour: NDArray[np.float32]


def tint(anatomy: Anatomy) -> Linear:
    """Multiplies linear RGB: the person's tone."""
    red, yellow, pale = anatomy.redness, anatomy.yellowness, anatomy.pallor
    log = np.array(
        [
            0.02 * red + 0.10 * pale,
            -0.26 * red + 0.06 * yellow + 0.26 * pale,
            -0.20 * red - 0.28 * yellow + 0.26 * pale,
        ]
    )
    return np.asarray(np.exp(log), np.float32)


def albedo(part: Part, anatomy: Anatomy, x: Plane, y: Plane, rng: np.random.Generator) -> Linear:
    """Coarse colour of a part in linear light (H, W, 3), on the grid of x and y."""
    size = (x.shape[0], x.shape[1])
    blotch = fractal_noise(rng, size, 120, 5)
    if part.name == "palate":
        rim = np.exp(-np.clip(part.inside_px, 0, None) / 90)
        low = smoothstep(-0.5, 0.3, y)
        raphe = np.exp(-(((x + 0.02 * np.sin(3 * y)) / 0.03) ** 2)) * smoothstep(-0.45, -0.75, y)
        fat = smoothstep(0.0, 1.6, fractal_noise(rng, size, 230, 3)) * smoothstep(-0.2, -0.6, y)
        red = plane(0.75 * rim + 0.45 * low + 0.15 * blotch - 0.5 * raphe - 0.35 * fat)
        yellow = plane(0.75 * fat + 0.3 * raphe)
    elif part.name == "tongue":
        coat = smoothstep(-0.9, 1.4, plane(0.8 * fractal_noise(rng, size, 150, 4) + 0.9 - 1.3 * np.abs(x)))
        red, yellow = plane(0.18 * blotch - 0.50 * coat), plane(0.22 * coat)
    elif part.name == "wall":
        red, yellow = plane(0.35 * blotch), plane(0.25 * fractal_noise(rng, size, 70, 3))
    else:
        red, yellow = plane(0.30 * blotch), plane(0.15 * blotch)
    base = linear_from_srgb(_SRGB[part.name]) * tint(anatomy)
    absorbed = [0.07 * red - 0.02 * yellow, 0.42 * red - 0.06 * yellow, 0.34 * red + 0.34 * yellow]
    return plane(cv2.merge([plane(channel * np.exp(-log)) for channel, log in zip(base, absorbed, strict=True)]))


def _relief(name: str, size: Size, rng: np.random.Generator) -> Plane:
    if name == "tongue":
        nearness = plane(np.linspace(0.2, 1.3, size[0], dtype=np.float32)[:, None])
        fine = np.clip(grain(rng, size, 1.5), -0.5, 2)
        papillae = np.clip(grain(rng, size, 2.2), -0.4, 2)
        buttons = hillocks(rng, size, 110, (5, 10))
        coarse = 1.2 * value_noise(rng, size, 60)
        return plane(0.8 * fine * (1.3 - nearness) + 1.1 * papillae * nearness + 3.0 * buttons + coarse)
    if name == "wall":
        follicles = hillocks(rng, size, 80, (16, 44)) * 12 + hillocks(rng, size, 220, (5, 12)) * 2.5
        return plane(follicles + 0.10 * grain(rng, size, 1.2) + fractal_noise(rng, size, 34, 2) * 1.2)
    if name == "tonsil":
        crypts = hillocks(rng, size, 44, (6, 15))
        return plane(fractal_noise(rng, size, 50, 2) * 2.2 - 9.0 * crypts + 0.10 * grain(rng, size, 1.2))
    if name == "pillar":
        return plane(
            value_noise(rng, size, 14, 4) * 0.7 + value_noise(rng, size, 40) * 1.6 + 0.12 * grain(rng, size, 1.3)
        )
    glands = hillocks(rng, size, 520, (2.5, 6))
    return plane(
        1.3 * glands
        + 0.16 * grain(rng, size, 1.2)
        + value_noise(rng, size, 13) * 0.28
        + value_noise(rng, size, 44) * 1.9
    )


def _redness(name: str, size: Size, rng: np.random.Generator) -> Plane:
    """Absorption by blood in vessels and in the mesh of capillaries."""
    mottle = plane(
        0.045 * grain(rng, size, 1.7) + 0.035 * value_noise(rng, size, 11) + 0.03 * value_noise(rng, size, 27)
    )
    if name == "tongue":
        return plane(mottle + 0.09 * grain(rng, size, 1.5))
    area = size[0] * size[1] / 1e6
    many, heading, width, length, strength = {
        "wall": (42, 1.57, 4.2, 240, 0.75),
        "pillar": (60, 1.3, 2.4, 150, 0.5),
        "tonsil": (70, 1.57, 2.0, 90, 0.5),
        "palate": (26, 0.9, 2.6, 260, 0.46),
    }[name]
    roots = scattered_roots(rng, size, round(many * area), heading, 0.7)
    large = vessels(rng, size, roots, width, length)
    return plane(mottle + strength * large + 0.34 * capillaries(rng, size))


_LIT = {
    "tongue": (0.10, 0.085),
    "wall": (0.55, 0.05),
    "tonsil": (0.45, 0.04),
    "pillar": (0.35, 0.03),
    "palate": (0.32, 0.03),
}
"""How strongly slopes and hollows of the relief show."""


def surface(name: str, size: Size, rng: np.random.Generator) -> Surface:
    """Relief and fine colour of a part, on a canvas of this size."""
    relief = _relief(name, size, rng)
    gy = plane(cv2.Sobel(relief, cv2.CV_32F, 0, 1, scale=1 / 8))
    gx = plane(cv2.Sobel(relief, cv2.CV_32F, 1, 0, scale=1 / 8))
    cavity = np.clip(relief - blur(relief, 10), -4, 4)
    emboss, hollow = _LIT[name]
    lit = np.clip(1 - np.float32(emboss) * (gy + 0.45 * gx) + np.float32(hollow) * cavity, 0.35, 1.7)
    red = _redness(name, size, rng)
    if name == "tonsil":
        red += 0.12 * np.clip(-cavity, 0, 4)
    lit = plane(lit)
    return Surface(
        relief,
        plane(cv2.merge([plane(lit * np.exp(np.float32(-power) * red)) for power in (0.35, 1.25, 1.05)])),
    )
