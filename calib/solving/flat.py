"""Flat frames: fall-off as a smooth gain map, and what of it stands out, such as dust on the window."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from calib.solving.dark import Dark
from calib.solving.light import (
    MAX_SATURATED,
    SPREAD_OF_MAD,
    Light,
    block_means,
    light_of,
    saturated_share,
    without_hot,
)
from edge.basics.errors import InputOutputError
from edge.pictures.image import Image

MAX_GAIN = 6.0
"""Where less than a sixth of the light arrives, noise is worse than shade."""
GRID_SHAPE = (135, 240)
_DEGREE = 8
_ROUNDS = 8
_EVERY = 7
"""Fits take every seventh block: 18,500 for 45 numbers."""
_GROUP = 128
"""Rows multiplied at once: so few that OpenBLAS starts no threads, which wait for each other on a busy machine."""
_TUKEY = 4.685  # 95% efficiency on Gaussian noise (Holland & Welsch 1977)
_LEAST_LIGHT = 0.10
"""Of the brightest place of a flat frame, over the dark level."""
_LEAST_CORNER = 0.01
_MIN_POSITIONS = 3
MAX_RMS, _ODD, _MAX_ODD = 0.05, 0.10, 0.03
"""A plain card is this close to smooth; and dust may cover 3%."""


@dataclass(frozen=True)
class Flat:
    """What flat frames tell.

    Attributes:
        gain: (135, 240, 3), 1 in the brightest place of each channel, at most `MAX_GAIN`.
        fitted: the smooth field, (270, 480, 3), 1 in its brightest place.
        residual: measured over fitted, mean of the channels, (270, 480).
        rms: of the residual about 1, robust.
        limited: share of the frame where the gain is held at its limit.
        num_positions: of the card.
    """

    gain: Light
    fitted: Light
    residual: NDArray[np.float32]
    rms: float
    limited: float
    num_positions: int

    @property
    def fall_off(self) -> float:
        """Light in the darkest place, of 1 in the brightest; of the green channel."""
        return float(self.fitted[..., 1].min())

    @property
    def noise_factor(self) -> float:
        """How much the gain raises noise where it is largest."""
        return float(self.gain.max())


def solve_flat(images: Iterable[Image], dark: Dark, name: str = "flat") -> Flat:
    """Find the fall-off from several positions of a uniform card.

    The logarithm of each channel is a polynomial of degree 8 in x and y, fitted with Tukey's weights: dust, which
    is small, and shine, which moves from position to position, get none. Each position may be lit a little
    from one side: its plane against the mean of all is taken out first.

    Raises:
        InputOutputError: too few positions, saturated, too dark, or not a plain card.
    """
    fields = [
        log_field(image, dark.level, dark.hot_px, f"{name}: frame {number}") for number, image in enumerate(images)
    ]
    if len(fields) < _MIN_POSITIONS:
        raise InputOutputError(f"{name}: {len(fields)} positions of the card, expected at least {_MIN_POSITIONS}; "
                               "capture it again")  # fmt: skip
    measured = levelled_median(fields)
    fitted = np.stack([smooth_of(measured[..., channel]) for channel in range(3)], axis=-1)
    residual = np.exp(measured - fitted).mean(axis=2)
    off = np.abs(residual - 1)
    rms = float(SPREAD_OF_MAD * np.median(off))
    odd = float((off > _ODD).mean())
    if rms > MAX_RMS or odd > _MAX_ODD:
        raise InputOutputError(f"{name}: the card is not plain: {odd:.0%} of the picture is more than {_ODD:.0%} off a "
                               f"smooth field, expected under {_MAX_ODD:.0%}; fill the view with a matt white card and "
                               "move it between the frames")  # fmt: skip
    fitted = np.exp(fitted - fitted.max(axis=(0, 1)))
    gain = 1 / np.asarray(cv2.resize(fitted, GRID_SHAPE[::-1], interpolation=cv2.INTER_AREA), np.float64)
    limited = float((gain > MAX_GAIN).mean())
    return Flat(
        np.minimum(gain, MAX_GAIN).astype(np.float32),
        fitted.astype(np.float32),
        residual.astype(np.float32),
        rms,
        limited,
        len(fields),
    )


def log_field(image: Image, level: NDArray[np.float32], hot_px: NDArray[np.int32], name: str) -> NDArray[np.float64]:
    if (share := saturated_share(image)) > MAX_SATURATED:
        raise InputOutputError(f"{name} is saturated in {share:.1%} of its pixels, expected under {MAX_SATURATED:.1%}; "
                               "lower the exposure and capture it again")  # fmt: skip
    light = block_means(without_hot(light_of(image), hot_px)) - level
    if (brightest := float(np.quantile(light, 0.98))) < _LEAST_LIGHT:
        raise InputOutputError(f"{name} is too dark: {brightest:.1%} of full scale, expected at least "
                               f"{_LEAST_LIGHT:.0%}; raise the exposure and capture it again")  # fmt: skip
    return np.asarray(np.log(np.maximum(light, _LEAST_CORNER * brightest)), np.float64)


def levelled_median(fields: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Median of fields (H, W, 3), each without its plane against the mean of all."""
    centre = np.mean(fields, axis=0)
    levelled = [field - plane_of(field - centre) for field in fields]
    return np.asarray(np.median(levelled, axis=0), np.float64)


@lru_cache(maxsize=4)
def _design(shape: tuple[int, int], degree: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Chebyshev terms of x and y up to a total degree, (H * W, terms), and every seventh row; nobody writes to them."""
    rows, columns = (np.linspace(-1, 1, size) for size in shape)
    y, x = (axis.ravel() for axis in np.meshgrid(rows, columns, indexing="ij"))
    in_y, in_x = chebyshev.chebvander(y, degree), chebyshev.chebvander(x, degree)
    terms = [in_y[:, i] * in_x[:, j] for i in range(degree + 1) for j in range(degree + 1 - i)]
    design = np.ascontiguousarray(np.column_stack(terms))
    return design, np.ascontiguousarray(_sampled(design))


def _sampled(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every seventh row, in whole groups of `_GROUP`."""
    every = rows[::_EVERY]
    return every[: len(every) // _GROUP * _GROUP]


def plane_of(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """The plane in a field (H, W, 3), one for all channels, by medians that shine and dust do not move."""
    return _fitted(np.median(difference, axis=2), 1)[..., None]


def smooth_of(field: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smooth part of a field (H, W)."""
    return _fitted(field, _DEGREE)


def _fitted(field: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    height, width = field.shape
    design, sampled = _design((height, width), degree)
    solved = _robust_fit(sampled, _sampled(field.ravel()).copy())
    return np.asarray(design @ solved, np.float64).reshape(height, width)


def _robust_fit(design: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least squares with Tukey's biweight, iterated (Beaton & Tukey 1974)."""
    weights = np.ones_like(values)
    solved = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        weighted = (design * weights[:, None]).reshape(-1, _GROUP, design.shape[1])
        squares = np.matmul(weighted.transpose(0, 2, 1), design.reshape(weighted.shape)).sum(axis=0)
        solved = np.linalg.solve(squares, (design * (weights * values)[:, None]).sum(axis=0))
        off = values - design @ solved
        scale = max(SPREAD_OF_MAD * float(np.median(np.abs(off))), 1e-9) * _TUKEY
        weights = np.square(np.clip(1 - np.square(off / scale), 0, None))
    return np.asarray(solved, np.float64)
