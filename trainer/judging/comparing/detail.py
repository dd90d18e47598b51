"""How much of the truth's fine detail an output shows, and how much it shows that is in neither truth nor input."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.image import Image
from trainer.judging.comparing.reproducibility import luma

FINEST_PX = 3.0
"""Sigma of the low-pass that is taken away: detail is what is finer."""
WINDOW_PX = 30
"""Side of the windows: 16x9 of them in 480x270."""
_LEAST_ENERGY = 1e-3

Windows = NDArray[np.float64]
"""(N, pixels of a window)."""


def detail(output: Image, original: Image, truth: Image) -> tuple[float, float]:
    """Detail recovered and detail invented, of lumas less their Gaussian of 3 px, window by window of 30 px.

    Let o, i, t be the output's, the input's and the truth's detail in a window.

    Recovered: the coefficient of t in o, <o, t> / <t, t>, held to [0, 1] (what is over-sharpened gains nothing), mean
    over windows weighted by <t, t>. The truth has 1, its half contrast 0.5, a picture of something else 0.

    Invented: the energy of what is left of o after its least squares fit by t and i together, over that of t, summed
    over windows. Truth and input have 0, and so has whatever only amplifies either by a factor of its own in each
    window, noise included; detail of the same strength as the truth's that is in neither has 1.

    Returns:
        recovered in [0, 1], invented from 0.
    """
    o, i, t = (_windows(picture) for picture in (output, original, truth))
    of_truth = (t * t).sum(1)
    total = float(of_truth.sum())
    if total <= _LEAST_ENERGY:
        return 0.0, 0.0
    shown = np.clip((o * t).sum(1) / np.maximum(of_truth, _LEAST_ENERGY), 0, 1)
    return float((shown * of_truth).sum()) / total, float(_unexplained(o, t, i).sum()) / total


def _unexplained(o: Windows, t: Windows, i: Windows) -> NDArray[np.float64]:
    """Energy of o beyond the plane of t and i, by Gram and Schmidt: what of i is not t comes second."""
    left = o.copy()
    first = t
    second = i - _along(i, first)
    for direction in (first, second):
        left -= _along(left, direction)
    return np.asarray((left * left).sum(1))


def _along(values: Windows, direction: Windows) -> Windows:
    size = (direction * direction).sum(1, keepdims=True)
    share = (values * direction).sum(1, keepdims=True) / np.maximum(size, _LEAST_ENERGY)
    return share * direction


def _windows(picture: Image) -> Windows:
    plane = luma(picture)
    fine = plane - cv2.GaussianBlur(plane, (0, 0), FINEST_PX, borderType=cv2.BORDER_REFLECT)
    side = min(WINDOW_PX, *fine.shape)
    rows, columns = (length // side for length in fine.shape)
    cut = fine[: rows * side, : columns * side].astype(np.float64)
    return cut.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side * side)
