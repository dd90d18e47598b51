"""The sRGB transfer function (IEC 61966-2-1) in both directions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Linear = NDArray[np.float32]
"""Linear light, 0 to 1, any shape."""

_STEPS = 8191


def _decode(code: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def _encode(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


LINEAR_OF_CODE: Linear = _decode(np.arange(256) / 255).astype(np.float32)
"""Linear light of each of the 256 codes."""

_CODE_OF_STEP = (255 * _encode(np.arange(_STEPS + 1) / _STEPS)).astype(np.float32)


def linear_from_srgb(codes: object) -> Linear:
    """Linear light of sRGB codes, 0 to 255."""
    return np.asarray(LINEAR_OF_CODE[np.asarray(codes, np.uint8)], np.float32)


def encode_srgb(light: Linear) -> NDArray[np.float32]:
    """sRGB codes, 0 to 255 and not rounded, of linear light; clipped to [0, 1]."""
    step = (np.clip(light, 0, 1) * np.float32(_STEPS) + np.float32(0.5)).astype(np.int32)
    return np.asarray(_CODE_OF_STEP[step], np.float32)
