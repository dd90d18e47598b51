"""What the breath and the camera do to the picture: condensation, defocus, sensor noise.

Fog follows Koschmieder's law with forward scatter, in linear light:

    I = t J + f (1 - t) blur(J) + b (1 - t) A

with J the clean picture, t = exp(-w) the direct transmission of a film of droplets of optical thickness w,
A the ring light's own white that the film throws back, f and b the parts of the scattered light that go on and
back.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.colour import encode_srgb, linear_from_srgb
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX
from edge.pictures.image import Image
from edge.sources.demo.motion import BREATH_S
from edge.sources.demo.texture import Plane, fractal_noise, plane, smoothstep

_CELL_PX = 32
_FOG_WIDTH, _FOG_HEIGHT = FRAME_WIDTH_PX // _CELL_PX + 2, -(-FRAME_HEIGHT_PX // _CELL_PX) + 2
"""Cells of the fog maps: one more than the frame on every side."""
_FORWARD, _BACK = 0.42, 0.34
_SCATTER_CELLS = 1.5
"""How far the film spreads what it scatters forward, standard deviation."""
_AIRLIGHT = np.array([0.96, 0.98, 1.0], np.float32)
_PROBES = np.array([10, 40, 80, 130, 185, 240], np.float32)
"""Codes at which the exact fogged colour is computed; a parabola per cell carries it to every pixel."""


class Fog:
    """Breath on the window: comes with each exhalation, clears from the warm middle outwards.

    Attributes:
        veil: linear light that full fog adds, per cell.
    """

    def __init__(self, seed: int, canvas: Image) -> None:
        rng = np.random.default_rng((seed, 0xF06))
        self._seed = seed
        shape = (_FOG_HEIGHT, _FOG_WIDTH)
        y, x = np.mgrid[-1.06 : 1.06 : _FOG_HEIGHT * 1j, -1.8 : 1.8 : _FOG_WIDTH * 1j].astype(np.float32)
        centre_x, centre_y = rng.uniform(-0.3, 0.3), rng.uniform(-0.2, 0.2)
        radius = plane(np.hypot(x - centre_x, (y - centre_y) * 1.1))
        uneven = fractal_noise(rng, shape, 20, 3)
        self._thickness = plane(np.clip(0.72 + 0.13 * uneven + 0.06 * radius, 0.25, 1.05))
        unlike = fractal_noise(rng, shape, 12, 2)
        self._rate = plane(2.5 - 0.7 * smoothstep(0.1, 1.9, radius) + 0.25 * unlike)
        small = cv2.resize(canvas, (_FOG_WIDTH, _FOG_HEIGHT), interpolation=cv2.INTER_AREA)
        scattered = plane(cv2.GaussianBlur(linear_from_srgb(small), (0, 0), _SCATTER_CELLS))
        airlight = plane(1 / (1 + 0.12 * (x**2 + y**2)))[..., None] * _AIRLIGHT
        self.veil = plane(_FORWARD * scattered + _BACK * airlight)
        basis = np.stack([np.ones_like(_PROBES), _PROBES / 256, (_PROBES / 256) ** 2], axis=1)
        self._solve = np.linalg.pinv(basis).astype(np.float32)

    def transmission(self, time_s: float) -> Plane:
        """Direct transmission of each cell (_FOG_HEIGHT, _FOG_WIDTH)."""
        thickness = np.zeros_like(self._thickness)
        for breath in (math.floor(time_s / BREATH_S) - 1, math.floor(time_s / BREATH_S)):
            depth = 0.72 + 0.33 * float(np.random.default_rng((self._seed, 77, breath + 10)).random())
            since_s = time_s - breath * BREATH_S - 0.6
            if since_s <= 0:
                continue
            grown = 1 - math.exp(-((since_s / 0.55) ** 2))
            clearing = np.clip(np.float32(since_s - 0.9), 0, None) * self._rate
            thickness += np.float32(depth * grown) * np.exp(-(clearing**1.5) * np.float32(0.55))
        return plane(np.exp(-self._thickness * thickness))

    def parabola(self, transmission: Plane) -> tuple[NDArray[np.float32], ...]:
        """Coefficients a, b, c per cell and channel of code -> a + b code + c code^2, code in [0, 256)."""
        t = transmission[..., None]
        light = linear_from_srgb(_PROBES)[:, None, None, None] * t + (1 - t) * self.veil
        codes = encode_srgb(light).reshape(len(_PROBES), -1)
        solved = (self._solve @ codes).reshape(3, _FOG_HEIGHT, _FOG_WIDTH, 3)
        return solved[0], solved[1] / 256, solved[2] / 65536


_GROUP_ROWS = 4
_CLEAR = 0.99
"""Transmission above which fog is not drawn: it would change a code by about one."""


class FogSheet:
    """The fog of one moment, laid on strip by strip: each code x becomes a + b x + c x^2.

    Fixed point with 8 fractional bits, modulo 2^16: only the final value has to fit. Coefficients are linear
    along a row and constant over four rows, less than one code apart. Rows that are clear are left alone.
    """

    def __init__(self, fog: Fog, transmission: Plane) -> None:
        self._clear = transmission.min(axis=1) > _CLEAR
        self._maps = []
        per_cell = _CELL_PX // _GROUP_ROWS
        size = (_FOG_WIDTH * _CELL_PX, _FOG_HEIGHT * per_cell)
        for coefficient, unit in zip(fog.parabola(transmission), (256, 256, 65536), strict=True):
            fixed = np.rint(coefficient * np.float32(unit))
            typed = fixed.astype(np.int16 if fixed.min() < 0 else np.uint16)
            full = np.asarray(cv2.resize(typed, size, interpolation=cv2.INTER_LINEAR)).view(np.int16)
            self._maps.append(full.reshape(size[1], 1, size[0] * 3)[per_cell:, :, 3 * _CELL_PX :])

    def lay(self, strip: Image, top: int) -> None:
        """Change a strip of whole groups of rows in place; top is its first row in the frame."""
        height, width = strip.shape[:2]
        if self._clear[top // _CELL_PX : (top + height) // _CELL_PX + 3].all():
            return
        codes = strip.reshape(height // _GROUP_ROWS, _GROUP_ROWS, width * 3)
        rows = slice(top // _GROUP_ROWS, (top + height) // _GROUP_ROWS)
        a, b, c = (coefficient[rows, :, : width * 3] for coefficient in self._maps)
        code = codes.astype(np.int16)
        value = code * c
        np.right_shift(value, 8, out=value)
        np.add(value, b, out=value)
        np.multiply(value, code, out=value)
        np.add(value, a, out=value)
        np.right_shift(value.view(np.uint16), 8, out=codes, casting="unsafe")


class Noise:
    """Sensor noise: one tile of small signed numbers, laid on at a place drawn per frame."""

    _ROOM = 128

    def __init__(self, seed: int, shape: tuple[int, int, int], sigma: float = 1.2) -> None:
        rng = np.random.default_rng((seed, 0x4015E))
        height, width, channels = shape
        quantiles = np.sort(rng.standard_normal(256 * 64).astype(np.float32)).reshape(256, 64).mean(axis=1)
        levels = np.clip(np.rint(quantiles * np.float32(sigma)), -6, 6).astype(np.int8).view(np.uint8)
        draws = np.frombuffer(rng.bytes((height + self._ROOM) * width * channels), np.uint8)
        self._tile = np.asarray(cv2.LUT(draws.reshape(height + self._ROOM, width * channels), levels), np.uint8)

    def place(self, index: int) -> tuple[int, int]:
        """Where on the tile frame `index` lies: first row and first column."""
        return index * 37 % self._ROOM, 3 * (index * 331 % 640)

    def add(self, strip: Image, top: int, place: tuple[int, int]) -> None:
        """Add noise to a strip in place; codes must be in [6, 249]. Top is its first row in the frame."""
        height, width, channels = strip.shape
        flat = strip.reshape(height, width * channels)
        row, column = place[0] + top, place[1]
        split = width * channels - column
        np.add(flat[:, column:], self._tile[row : row + height, :split], out=flat[:, column:])
        np.add(flat[:, :column], self._tile[row : row + height, split:], out=flat[:, :column])


DEFOCUS_PX = (0.0, 1.5, 3.0, 6.0)
"""Radii of the discs that the canvas is blurred with beforehand."""


def _disc(radius_px: float) -> NDArray[np.float32]:
    """Uniform disc with an anti-aliased rim; its sum is 1."""
    reach = math.ceil(radius_px)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(radius_px + 0.5 - np.hypot(x, y), 0, 1)
    return np.asarray(disc / disc.sum(), np.float32)


def defocused(canvas: NDArray[np.uint8], radius_px: float) -> NDArray[np.uint8]:
    """The RGBA canvas out of focus, blurred in linear light; large discs at half the size."""
    shrink = 2 if radius_px >= 3 else 1
    size = (canvas.shape[1] // shrink, canvas.shape[0] // shrink)
    light = linear_from_srgb(canvas[..., :3])
    small = light if shrink == 1 else plane(cv2.resize(light, size, interpolation=cv2.INTER_AREA))
    blurred = plane(cv2.filter2D(small, -1, _disc(radius_px / shrink)))
    codes = np.rint(encode_srgb(blurred)).astype(np.uint8)
    if shrink > 1:
        codes = np.asarray(
            cv2.resize(codes, (canvas.shape[1], canvas.shape[0]), interpolation=cv2.INTER_LINEAR), np.uint8
        )
    return np.asarray(cv2.cvtColor(codes, cv2.COLOR_RGB2RGBA), np.uint8)


def defocus_at(time_s: float, phase: float) -> float:
    """Radius of the defocus disc, 0 to 6 px: in focus most of the time, hunting now and then."""
    hunt = math.sin(2 * math.pi * time_s / 9.1 + phase) + 0.35 * math.sin(2 * math.pi * time_s / 2.3 + 2 * phase)
    return 6.0 * math.pow(min(1.0, max(0.0, (hunt - 0.55) / 0.75)), 1.5)
