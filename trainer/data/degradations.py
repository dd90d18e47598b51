"""What breath, optics and sensor do to a throat picture, as functions of linear light.

Every function takes and returns float32 (H, W, 3) linear light in [0, 1] unless it says otherwise. Lengths are given
at the camera's 1920 px width and scaled to the picture at hand, so one recipe serves every size.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.colour import Linear
from edge.pictures.geometry import FRAME_WIDTH_PX
from edge.pictures.image import Image


def to_linear(image: Image, gamma: float) -> Linear:
    """uint8 -> linear light by a pure power.

    IEC 61966-2-1 is close to 2.2; phones and endoscopes differ, so recipes vary it.
    """
    table = (np.arange(256, dtype=np.float32) / 255) ** gamma
    return np.asarray(cv2.LUT(image, table.astype(np.float32)), np.float32)


def from_linear(linear: Linear, gamma: float) -> NDArray[np.float32]:
    """Linear light -> display values in [0, 255], float32, not rounded; clips what the sensor would clip."""
    return np.asarray(cv2.pow(np.clip(linear, 0, 1), 1 / gamma) * 255, np.float32)


def length(px_at_1080p: float, linear: Linear) -> float:
    """A length in pixels of this picture, from one in pixels of the 1920 px wide frame."""
    return px_at_1080p * linear.shape[1] / FRAME_WIDTH_PX


def radius_map(height: int, width: int, centre: tuple[float, float] = (0.5, 0.5)) -> NDArray[np.float32]:
    """Distance from `centre` (x, y, as fractions), 1 at the half diagonal, shape (H, W, 1)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    distance = np.hypot(x - centre[0] * width, y - centre[1] * height)
    return (distance / (0.5 * np.hypot(width, height)))[..., None].astype(np.float32)


def smooth_field(
    height: int, width: int, rng: np.random.Generator, octaves: int = 3, cells: int = 3
) -> NDArray[np.float32]:
    """Value noise in [0, 1], (H, W, 1): `octaves` layers of bicubic-interpolated random grids, each twice as fine."""
    field = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        grid = rng.random((cells * 2**octave + 1, 2 * cells * 2**octave + 1), np.float32)
        field += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    low, high = float(field.min()), float(field.max())
    return ((field - low) / max(high - low, 1e-6))[..., None]


def illumination_falloff(linear: Linear, strength: float, centre: tuple[float, float] = (0.5, 0.5)) -> Linear:
    """Ring light and lens fall-off: E = E0 / (1 + (s r)^2)^2, the cosine-fourth law with r the half-diagonal distance.

    Source: cos^4 law of radiometry (e.g. Horn, Robot Vision, 1986, ch. 10), with tan(theta) = s r.

    Args:
        strength: s; 0.5 leaves 64% in the corners.
    """
    radius = radius_map(*linear.shape[:2], centre)
    return linear / (1 + (strength * radius) ** 2) ** 2


def condensation(
    linear: Linear, depth: NDArray[np.float32], airlight: NDArray[np.float32], scatter: float, scatter_px: float
) -> Linear:
    """A film of droplets on the window: attenuation, forward scatter and veil.

    I = t J + (1 - t) (k (J * G) + (1 - k) A), t = exp(-depth).

    Beer-Lambert attenuation with the additive airlight of Koschmieder (1924; Narasimhan & Nayar, IJCV 2002, eq. 1),
    plus the forward-scattered term of Jaffe (IEEE J. Oceanic Eng. 1990) and McGlamery (1980), here one Gaussian.

    Args:
        depth: optical depth (H, W, 1), 0 and up.
        airlight: A, linear RGB, shape (3,) or (H, W, 3): the ring light that the droplets throw back.
        scatter: k, the share of the lost light that still arrives, blurred, in [0, 1].
        scatter_px: sigma of G at 1920 px width.
    """
    sigma = max(length(scatter_px, linear), 0.3)
    step = max(1, int(sigma / 2))
    small = cv2.resize(linear, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step)
    blurred = cv2.resize(small, linear.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    t = np.exp(-depth)
    return (t * linear + (1 - t) * (scatter * blurred + (1 - scatter) * airlight)).astype(np.float32)


def breath_depth(
    height: int, width: int, rng: np.random.Generator, peak: float, clearing: float
) -> NDArray[np.float32]:
    """Optical depth of a breath on the window (H, W, 1): uneven, and clearing from a point outwards.

    A film evaporates first where the window is warmest, so its edge is a circle that grows (radial clearing, as in dew
    figures: Beysens, Comptes Rendus Physique 7, 2006).

    Args:
        peak: largest optical depth.
        clearing: radius already clear, 0 (none) to 1 (all), in half diagonals.
    """
    unevenness = rng.uniform(0.1, 0.8)
    field = 1 - unevenness * smooth_field(height, width, rng, int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    if clearing > 0:
        centre = (rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8))
        edge = (radius_map(height, width, centre) - clearing) / rng.uniform(0.25, 0.8) + 0.5
        edge = np.clip(edge, 0, 1)
        field *= edge * edge * (3 - 2 * edge)
    return (peak * field).astype(np.float32)


def droplets(linear: Linear, rng: np.random.Generator, num: int) -> Linear:
    """Drops big enough to see: each a small lens with a blurred, shifted, brighter picture of its surroundings.

    A drop on a window is far out of focus and images its surroundings upside down (Garg & Nayar, "Vision and rain",
    IJCV 2007).
    """
    height, width = linear.shape[:2]
    mask = np.zeros((height, width), np.float32)
    for _ in range(num):
        radius = length(rng.uniform(8, 60), linear)
        centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        cv2.circle(mask, centre, max(1, round(radius)), float(rng.uniform(0.3, 0.9)), -1, cv2.LINE_AA)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.5, length(4, linear)))[..., None]
    seen = cv2.GaussianBlur(linear, (0, 0), max(0.5, length(30, linear)))
    seen = np.roll(seen, (round(length(25, linear)), round(length(10, linear))), (0, 1)) * rng.uniform(1.0, 1.25)
    return (linear * (1 - mask) + seen * mask).astype(np.float32)


def disc_kernel(radius: float) -> NDArray[np.float32]:
    """Anti-aliased disc of unit sum, radius in pixels of the picture at hand."""
    half = int(np.ceil(radius)) + 1
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
    disc = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return (disc / disc.sum()).astype(np.float32)


def defocus(linear: Linear, radius_px: float) -> Linear:
    """Geometric-optics blur circle: convolution with a uniform disc (Pentland, PAMI 1987). Radius at 1920 px width."""
    radius = length(radius_px, linear)
    return linear if radius < 0.3 else np.asarray(cv2.filter2D(linear, -1, disc_kernel(radius)), np.float32)


def motion_blur(linear: Linear, extent_px: float, angle_rad: float) -> Linear:
    """Uniform motion during the exposure.

    Mean along a line, extent at 1920 px width (Banham & Katsaggelos, IEEE SPM 1997, eq. 5).
    """
    extent = length(extent_px, linear)
    half = max(1, int(np.ceil(extent / 2)))
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for step in np.linspace(-extent / 2, extent / 2, 4 * half + 1):
        kernel[round(half + step * np.sin(angle_rad)), round(half + step * np.cos(angle_rad))] += 1
    return np.asarray(cv2.filter2D(linear, -1, kernel / kernel.sum()), np.float32)


def white_balance_drift(linear: Linear, red: float, blue: float) -> Linear:
    """Von Kries (1902): independent gains on the channels, green fixed at 1."""
    return linear * np.array([red, 1.0, blue], np.float32)


def sensor_noise(
    display: NDArray[np.float32], rng: np.random.Generator, read: float, shot: float
) -> NDArray[np.float32]:
    """Poisson-Gaussian noise, variance = shot * signal + read^2 (Foi et al., IEEE TIP 2008, eq. 3), on display values.

    Args:
        display: float32 in [0, 255].
        read: read noise, in levels.
        shot: levels of variance per level of signal.
    """
    sigma = np.sqrt(np.maximum(display, 0) * shot + read**2)
    return (display + sigma * rng.standard_normal(display.shape, np.float32)).astype(np.float32)
