"""Multi-scale Retinex with colour restoration, the third classical yardstick: RGB uint8 (H, W, 3) in and out."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.image import Image

SIGMAS = (15 / 480, 80 / 480, 250 / 480)
"""Surrounds over the picture's width: the paper's 15, 80 and 250 px."""
ALPHA, BETA = 125.0, 46.0
CLIP_PERCENT = 1.0


def retinex(image: Image) -> Image:
    """MSRCR (Jobson, Rahman & Woodell, IEEE TIP 6, 1997, eqs. 4, 7 and 10).

    The paper's gain and offset fit its own cameras; in their place each picture is stretched between its 1st and 99th
    percentile over the three channels together (Petro, Sbert & Morel, IPOL 2014), which keeps the hue of the mean.
    """
    levels = image.astype(np.float32) + 1
    log = np.log(levels)
    scales = [np.log(_blurred(levels, sigma * image.shape[1])) for sigma in SIGMAS]
    contrast = log - sum(scales) / len(scales)
    restored = BETA * (np.log(ALPHA * levels) - np.log(levels.sum(2, keepdims=True))) * contrast
    low, high = np.percentile(restored, (CLIP_PERCENT, 100 - CLIP_PERCENT))
    stretched = (restored - low) / max(high - low, 1e-6)
    return np.asarray(np.rint(np.clip(stretched, 0, 1) * 255), np.uint8)


def _blurred(levels: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """A wide Gaussian, on a picture small enough for it."""
    step = max(1, int(sigma_px / 4))
    size = (max(1, levels.shape[1] // step), max(1, levels.shape[0] // step))
    small = cv2.GaussianBlur(cv2.resize(levels, size, interpolation=cv2.INTER_AREA), (0, 0), sigma_px / step)
    return np.asarray(cv2.resize(small, levels.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)
