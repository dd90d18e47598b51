"""The 3x3 colour matrix: least squares in linear light, white stays white."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calib.solving.light import Light, light_of
from edge.calibration.targets import CHART_CODES
from edge.pictures.colour import ciede2000_lab, lab_from_linear

_TOE = 0.1
"""Residuals are weighed by 1 / (Y + 0.1): dark patches count as the eye counts them."""


@dataclass(frozen=True)
class ColourFit:
    """The matrix and how well it does.

    Attributes:
        matrix: (3, 3), white-balanced light -> linear sRGB, rows sum to 1.
        exposure: reference light of white over measured; the matrix leaves it as it is.
        before, after: light of the 24 patches at the reference's exposure, balanced alone and with the matrix.
        delta_before, delta_after: CIEDE2000 of each patch against the reference, (24,).
    """

    matrix: NDArray[np.float32]
    exposure: float
    before: Light
    after: Light
    delta_before: NDArray[np.float64]
    delta_after: NDArray[np.float64]


def reference_light() -> Light:
    """Linear light of the chart's patches, (24, 3)."""
    return np.asarray(light_of(CHART_CODES[None])[0], np.float32)


def fit_matrix(balanced: Light) -> ColourFit:
    """Fit the matrix to the patches.

    With k the exposure and m the matrix's rows, each k times a row that sums to 1, seven numbers are
    solved for: two of each row, and k.

    Args:
        balanced: light of the 24 patches after dark level, fall-off and white balance, (24, 3).
    """
    measured, reference = balanced.astype(np.float64), reference_light().astype(np.float64)
    weights = 1 / (reference @ np.array([0.2126, 0.7152, 0.0722]) + _TOE)
    num = len(measured)
    design, wanted = np.zeros((3 * num, 7)), np.zeros(3 * num)
    for channel in range(3):
        rows = slice(channel * num, (channel + 1) * num)
        design[rows, 2 * channel] = (measured[:, 0] - measured[:, 2]) * weights
        design[rows, 2 * channel + 1] = (measured[:, 1] - measured[:, 2]) * weights
        design[rows, 6] = measured[:, 2] * weights
        wanted[rows] = reference[:, channel] * weights
    solved = np.linalg.lstsq(design, wanted, rcond=None)[0]
    exposure = float(solved[6])
    pairs = solved[:6].reshape(3, 2) / exposure
    matrix = np.column_stack([pairs, 1 - pairs.sum(axis=1)])
    return judged(balanced, matrix.astype(np.float32), exposure)


def judged(balanced: Light, matrix: NDArray[np.float32], exposure: float | None = None) -> ColourFit:
    """How well a matrix does on measured patches; the exposure is fitted to the greens where it is not given."""
    reference = reference_light().astype(np.float64)
    if exposure is None:
        mixed = balanced @ matrix.T
        exposure = float((reference * mixed).sum() / (mixed * mixed).sum())
    before, after = balanced * exposure, balanced @ matrix.T * exposure
    lab = lab_from_linear(reference)
    deltas = [ciede2000_lab(lab_from_linear(np.clip(light, 0, None)), lab) for light in (before, after)]
    return ColourFit(matrix, exposure, before.astype(np.float32), after.astype(np.float32), deltas[0], deltas[1])
