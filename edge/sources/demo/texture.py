"""Textures of mucous membrane: noise, hillocks, vessels. Everything comes from the generator it is given."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
"""One value per pixel, float32, shape (H, W)."""

Size = tuple[int, int]
"""Height and width in pixels."""


def plane(values: object) -> Plane:
    """The values as a float32 array: OpenCV's annotations promise less than it returns."""
    return np.asarray(values, np.float32)


def blur(values: Plane, sigma_px: float) -> Plane:
    """Gaussian mean; from 6 px on at a quarter of the size, which nobody can see and is 16 times cheaper."""
    if sigma_px < 6:
        return plane(cv2.GaussianBlur(values, (0, 0), sigma_px))
    height, width = values.shape[:2]
    small = cv2.resize(values, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / 4)
    return plane(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def smoothstep(low: float, high: float, values: Plane) -> Plane:
    """0 at low, 1 at high, a cubic between; low may be the larger."""
    t = np.clip((values - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return plane(t * t * (3 - 2 * t))


def value_noise(rng: np.random.Generator, size: Size, grain_px: float, stretch: float = 1.0) -> Plane:
    """Smooth noise with features about grain_px wide, stretch times taller: mean 0, standard deviation 1."""
    rows = max(4, round(size[0] / (grain_px * stretch)) + 1)
    columns = max(4, round(size[1] / grain_px) + 1)
    coarse = rng.standard_normal((rows, columns), np.float32)
    coarse = (coarse - coarse.mean()) * np.float32(1.45 / coarse.std())
    return plane(cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC))


def fractal_noise(rng: np.random.Generator, size: Size, coarsest_px: float, octaves: int) -> Plane:
    """Octaves of `value_noise`, each half as wide and 0.6 as strong as the last; standard deviation 1."""
    total = np.zeros(size, np.float32)
    weight, power = 1.0, 0.0
    for octave in range(octaves):
        total += np.float32(weight) * value_noise(rng, size, coarsest_px / 2**octave)
        power += weight**2
        weight *= 0.6
    return plane(total / np.float32(np.sqrt(power)))


def _mirrored(tile: NDArray[Any], size: Size) -> NDArray[Any]:
    """The tile continued by mirroring to the size."""
    bottom, right = max(0, size[0] - tile.shape[0]), max(0, size[1] - tile.shape[1])
    whole = cv2.copyMakeBorder(tile, 0, bottom, 0, right, cv2.BORDER_REFLECT)
    return np.ascontiguousarray(whole[: size[0], : size[1]])


def grain(rng: np.random.Generator, size: Size, sigma_px: float) -> Plane:
    """Band-limited noise: spots about 4 sigma_px apart, standard deviation 1."""
    tile = rng.standard_normal((384, 384), np.float32)
    tile = cv2.GaussianBlur(tile, (0, 0), sigma_px) - cv2.GaussianBlur(tile, (0, 0), 2 * sigma_px)
    return plane(_mirrored(tile / np.float32(tile.std()), size))


def hillocks(rng: np.random.Generator, size: Size, count: int, radius_px: tuple[float, float]) -> Plane:
    """Rounded hillocks, heights 0 to 1, of random size, shape and place."""
    field = np.zeros(size, np.float32)
    for _ in range(count):
        radius = rng.uniform(*radius_px)
        x, y = rng.uniform(0, size[1]), rng.uniform(0, size[0])
        aspect, tilt = rng.uniform(0.7, 1.4), rng.uniform(0, np.pi)
        reach = int(radius * 1.25) + 1
        left, right = max(0, int(x) - reach), min(size[1], int(x) + reach + 1)
        top, bottom = max(0, int(y) - reach), min(size[0], int(y) + reach + 1)
        dx = np.arange(left, right, dtype=np.float32)[None] - np.float32(x)
        dy = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(y)
        along, across = dx * np.cos(tilt) + dy * np.sin(tilt), dy * np.cos(tilt) - dx * np.sin(tilt)
        hill = np.clip(1 - (along**2 * aspect + across**2 / aspect) / radius**2, 0, 1) ** 2
        here = field[top:bottom, left:right]
        np.maximum(here, rng.uniform(0.5, 1.0) * hill, out=here)
    return field


Root = tuple[float, float, float]
"""Where a vessel starts and its heading: x, y in pixels, radians."""


_TAPER = ((0.7, 0.55), (1.0, 1.0), (0.8, 0.85), (0.55, 0.6))
"""Width and strength of the four quarters of a vessel: it comes up from the depth and thins out."""


def vessels(rng: np.random.Generator, size: Size, roots: list[Root], width_px: float, length_px: float) -> Plane:
    """Branching vessels, 0 to 1, anti-aliased: each root grows, winds, thins and forks."""
    canvas = np.zeros(size, np.uint8)
    stack = [(*root, width_px * rng.uniform(0.6, 1.0), length_px * rng.uniform(0.5, 1.3), 0) for root in roots]
    step_px = 6.0
    while stack:
        x, y, course, width, length, forks = stack.pop()
        count = max(4, int(length / step_px))
        bend = np.cumsum(rng.normal(0, 0.20, count))
        bend -= np.arange(count) * (0.6 * bend[-1] / count)
        heading = course + 0.6 * bend + 0.35 * np.sin(np.arange(count) * rng.uniform(0.35, 0.6) + rng.uniform(0, 6))
        track = np.empty((count, 2))
        np.cumsum(step_px * np.cos(heading), out=track[:, 0])
        np.cumsum(step_px * np.sin(heading), out=track[:, 1])
        track += (x, y)
        fixed = np.rint(track * 16).astype(np.int32)
        strength = 255 * rng.uniform(0.5, 1.0) * min(1.0, 0.35 + width / 3)
        for quarter, (thickness, shown) in enumerate(_TAPER):
            piece = fixed[quarter * count // 4 : (quarter + 1) * count // 4 + 1]
            now = width * thickness
            cv2.polylines(
                canvas,
                [piece],
                False,
                int(strength * shown * min(1.0, now)),
                max(1, round(now)),
                cv2.LINE_AA,
                4,
            )
        for at in np.flatnonzero(rng.random(count) < 0.06) if forks < 3 else ():
            turn = rng.choice((-1.0, 1.0)) * rng.uniform(0.4, 1.2)
            start = float(track[at, 0]), float(track[at, 1])
            stack.append((*start, float(heading[at]) + turn, 0.68 * width, 0.55 * length, forks + 1))
    return plane(plane(cv2.GaussianBlur(canvas, (0, 0), 0.9)) / 255)


def scattered_roots(rng: np.random.Generator, size: Size, count: int, heading: float, spread: float) -> list[Root]:
    """Roots all over, running both ways along the heading, give or take the spread in radians."""
    xs, ys = rng.uniform(0, size[1], count), rng.uniform(0, size[0], count)
    turns = heading + spread * rng.standard_normal(count) + np.pi * rng.integers(0, 2, count)
    return list(zip(xs.tolist(), ys.tolist(), turns.tolist(), strict=True))


def capillaries(rng: np.random.Generator, size: Size) -> Plane:
    """A mesh of the finest vessels, 0 to 1."""
    tile = (448, 448)
    return plane(_mirrored(vessels(rng, tile, scattered_roots(rng, tile, 26, 0.0, 2.0), 1.3, 80), size))
