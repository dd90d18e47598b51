"""NIQE: how far a picture's local statistics are from those of pristine photographs; no reference is needed.

Mittal, Soundararajan and Bovik, IEEE Signal Processing Letters 20 (2013). The libraries that have it are not for
every use (pyiqa), or need a torchvision or a second OpenCV, so it is computed here with a file of the
authors' model; a test holds it to what BasicSR 1.4.2 gives.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import gamma

from edge.basics.errors import ModelError
from edge.pictures.image import Image

BLOCK_PX = 96
_ROUNDING = 1e-9
"""Below, the sign of a normalised level is chance, and where a picture is flat chance would decide its shape."""
_SHAPES = np.arange(0.2, 10.001, 0.001)
_RATIOS = gamma(2 / _SHAPES) ** 2 / (gamma(1 / _SHAPES) * gamma(3 / _SHAPES))
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
_ENTRIES = {"mu_pris_param": (1, 36), "cov_pris_param": (36, 36), "gaussian_window": (7, 7)}

Plane = NDArray[np.float64]


class Niqe:
    """Called with an RGB uint8 picture; lower is better, about 3 for a sharp photograph."""

    def __init__(self, model: Path) -> None:
        """
        Args:
            model: `.npz` with `mu_pris_param`, `cov_pris_param` and `gaussian_window`, as BasicSR ships it.

        Raises:
            ModelError: not readable, or something is missing.
        """
        try:
            with np.load(model, allow_pickle=False) as file:
                parts = {name: np.asarray(file[name], np.float64) for name in _ENTRIES}
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise ModelError(f"{model}: not NIQE's model ({error}); expected BasicSR's niqe_pris_params.npz") from error
        for name, shape in _ENTRIES.items():
            if parts[name].shape != shape:
                raise ModelError(f"{model}: {name} has shape {parts[name].shape}, expected {shape}")
        self._mean, self._covariance, self._window = (parts[name] for name in _ENTRIES)

    def __call__(self, picture: Image) -> float | None:
        """None for a picture with fewer than two blocks of 96 px that are not flat."""
        rows, columns = (side // BLOCK_PX for side in picture.shape[:2])
        if rows * columns < 2:
            return None
        luma = np.rint(picture @ np.array([65.481, 128.553, 24.966]) / 255 + 16)[
            : rows * BLOCK_PX, : columns * BLOCK_PX
        ]
        features = [self._features(luma, BLOCK_PX), self._features(_half(luma), BLOCK_PX // 2)]
        of_blocks = np.hstack(features)
        whole = of_blocks[~np.isnan(of_blocks).any(axis=1)]
        if len(whole) < 2:
            return None
        mean = np.nanmean(of_blocks, axis=0)
        apart = self._mean[0] - mean
        inverse = np.linalg.pinv((self._covariance + np.cov(whole, rowvar=False)) / 2)
        return float(np.sqrt(max(apart @ inverse @ apart, 0.0)))

    def _features(self, luma: Plane, block_px: int) -> Plane:
        """Of each block in order, (N, 18)."""

        def blurred(plane: Plane) -> Plane:
            return np.asarray(cv2.filter2D(plane, cv2.CV_64F, self._window, borderType=cv2.BORDER_REPLICATE))

        mean = blurred(luma)
        deviation = np.sqrt(np.abs(blurred(luma * luma) - mean * mean))
        normalised = (luma - mean) / (deviation + 1)
        normalised[np.abs(normalised) < _ROUNDING] = 0
        height, width = (side // block_px for side in luma.shape)
        blocks = normalised.reshape(height, block_px, width, block_px).swapaxes(1, 2).reshape(-1, block_px, block_px)
        return np.array([_block_features(block) for block in blocks])


def _block_features(block: Plane) -> list[float]:
    shape, left, right = generalised_gaussian(block)
    features = [shape, (left + right) / 2]
    for shift in _SHIFTS:
        shape, left, right = generalised_gaussian(block * np.roll(block, shift, axis=(0, 1)))
        features += [shape, (right - left) * gamma(2 / shape) / gamma(1 / shape), left, right]
    return features


def generalised_gaussian(values: Plane) -> tuple[float, float, float]:
    """Shape, and left and right scale, of an asymmetric generalised Gaussian by its moments (Lasmar et al. 2009).

    The shape is 2 for a Gaussian, 1 for a Laplacian. NaN where the values have no spread to one side.
    """
    left, right = (values[values < 0], values[values > 0])
    if not left.size or not right.size:
        return float("nan"), float("nan"), float("nan")
    left_spread, right_spread = np.sqrt((left * left).mean()), np.sqrt((right * right).mean())
    over = left_spread / right_spread
    ratio = np.abs(values).mean() ** 2 / (values * values).mean()
    ratio *= (over**3 + 1) * (over + 1) / (over**2 + 1) ** 2
    shape = _SHAPES[np.argmin((_RATIOS - ratio) ** 2)]
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return float(shape), float(left_spread * scale), float(right_spread * scale)


def _half(luma: Plane) -> Plane:
    """Bicubic 1/2 as MATLAB's imresize: a = -0.5, against aliasing, mirrored at the border."""
    padded = np.pad(luma, 4, mode="symmetric")
    small = F.interpolate(torch.from_numpy(padded)[None, None], scale_factor=0.5, mode="bicubic", antialias=True)
    return np.asarray(small[0, 0, 2:-2, 2:-2].numpy())
