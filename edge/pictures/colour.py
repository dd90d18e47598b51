"""Colour: the sRGB transfer function (IEC 61966-2-1) in both directions, CIELAB and CIEDE2000."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

Linear = NDArray[np.float32]
"""Linear light, 0 to 1, any shape."""

_STEPS = 8191

_XYZ_OF_RGB = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
# The rows sum to the D65 white (0.9505, 1, 1.089): equal codes are exactly grey.
_XYZ_OVER_WHITE = _XYZ_OF_RGB / _XYZ_OF_RGB.sum(axis=1, keepdims=True)


def _decode(code: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def _encode(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


_EXACT_OF_CODE = _decode(np.arange(256) / 255)
LINEAR_OF_CODE: Linear = _EXACT_OF_CODE.astype(np.float32)
"""Linear light of each of the 256 codes."""

_CODE_OF_STEP = (255 * _encode(np.arange(_STEPS + 1) / _STEPS)).astype(np.float32)


FULL_STEP = 16383
"""Linear light of 1 in the steps of `codes_from_steps`: five steps a code where the curve is steepest."""
_CODE_OF_FINE_STEP = np.rint(255 * _encode(np.arange(1 << 16).clip(0, FULL_STEP) / FULL_STEP)).astype(np.uint8)
_LUT_TAKES_16_BITS = int(cv2.__version__.split(".")[0]) >= 5


def codes_from_steps(steps: NDArray[np.uint16], out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """sRGB codes, rounded, of linear light in steps, any shape of 3 axes; beyond `FULL_STEP` all is white.

    Args:
        out: where to write, same shape; a new array by default.
    """
    if out is None:
        out = np.empty(steps.shape, np.uint8)
    if _LUT_TAKES_16_BITS:  # half the time of numpy's take
        cv2.LUT(steps, _CODE_OF_FINE_STEP, dst=out)
    else:
        np.take(_CODE_OF_FINE_STEP, steps, out=out, mode="clip")
    return out


def linear_from_srgb(codes: object) -> Linear:
    """Linear light of sRGB codes, 0 to 255."""
    return np.asarray(LINEAR_OF_CODE[np.asarray(codes, np.uint8)], np.float32)


def encode_srgb(light: Linear) -> NDArray[np.float32]:
    """sRGB codes, 0 to 255 and not rounded, of linear light; clipped to [0, 1]."""
    step = (np.clip(light, 0, 1) * np.float32(_STEPS) + np.float32(0.5)).astype(np.int32)
    return np.asarray(_CODE_OF_STEP[step], np.float32)


def lab_from_srgb(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """CIELAB of sRGB (D65, 2 degree observer): (..., 3) uint8 -> L* in [0, 100], a*, b*."""
    return lab_from_linear(_EXACT_OF_CODE[image])


def lab_from_linear(light: Floats) -> NDArray[np.float64]:
    """CIELAB of linear sRGB light (..., 3), 1 being white."""
    xyz = light @ _XYZ_OVER_WHITE.T
    # CIE 15:2004, eqs. 8.3 to 8.11.
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (841 / 108) + 4 / 29)
    f_x, f_y, f_z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * f_y - 16, 500 * (f_x - f_y), 200 * (f_y - f_z)], axis=-1)


def ciede2000_lab(lab1: Floats, lab2: Floats) -> NDArray[np.float64]:
    """CIEDE2000 with k_L = k_C = k_H = 1 (Sharma, Wu & Dalal, Color Res. Appl. 30, 2005, eqs. 2 to 22).

    Args:
        lab1: L*, a*, b* in the last axis, (..., 3).
        lab2: the same shape.

    Returns:
        dE00, shape (...).
    """
    l1, a1, b1 = np.moveaxis(np.asarray(lab1, np.float64), -1, 0)
    l2, a2, b2 = np.moveaxis(np.asarray(lab2, np.float64), -1, 0)
    # Chroma and hue in the a* axis that is stretched near grey, eqs. 2 to 7.
    g = 0.5 * (1 - np.sqrt(_ratio_to_25((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.arctan2(b1, a1) % (2 * np.pi), np.arctan2(b2, a2) % (2 * np.pi)

    # Differences, eqs. 8 to 11: the hue difference goes the short way round. Beside a grey, whose hue means
    # nothing, c1 c2 = 0 takes every term with a hue in it away.
    dh = h2 - h1
    dh = dh - 2 * np.pi * np.sign(dh) * (np.abs(dh) > np.pi)
    dl, dc, dh_length = l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(dh / 2)

    # Means, eqs. 12 to 14. Half the short way from h1; it may lie a turn off, which no cosine sees.
    mean_l, mean_c, mean_h = (l1 + l2) / 2, (c1 + c2) / 2, h1 + dh / 2

    # Weights, eqs. 15 to 21.
    t = (
        1
        - 0.17 * np.cos(mean_h - np.pi / 6)
        + 0.24 * np.cos(2 * mean_h)
        + 0.32 * np.cos(3 * mean_h + np.radians(6))
        - 0.20 * np.cos(4 * mean_h - np.radians(63))
    )
    from_blue = np.remainder(np.degrees(mean_h) - 275 + 180, 360) - 180
    rotation = -2 * np.sqrt(_ratio_to_25(mean_c)) * np.sin(np.radians(60) * np.exp(-((from_blue / 25) ** 2)))
    from_mid_l = (mean_l - 50) ** 2
    term_l = dl / (1 + 0.015 * from_mid_l / np.sqrt(20 + from_mid_l))
    term_c = dc / (1 + 0.045 * mean_c)
    term_h = dh_length / (1 + 0.015 * mean_c * t)
    # Rounding may take the sum below zero by 1e-16 where the colours are equal.
    return np.asarray(np.sqrt(np.maximum(term_l**2 + term_c**2 + term_h**2 + rotation * term_c * term_h, 0)))


def _ratio_to_25(chroma: Floats) -> Floats:
    """C^7 / (C^7 + 25^7)."""
    power = chroma**7
    return np.asarray(power / (power + 25.0**7))
