"""Classical dehazing, the yardstick for the networks: RGB uint8 (H, W, 3) in and out, no training."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.image import Image

Plane = NDArray[np.float32]

REFERENCE_WIDTH_PX = 480
"""Patch and radius below hold for pictures of this width and grow with it."""

PATCH_PX = 15
GUIDE_RADIUS_PX = 60
GUIDE_EPS = 1e-3
OMEGA = 0.95
MIN_TRANSMISSION = 0.1
CLAHE_CLIP = 2.0
"""Largest count of a histogram bin, in multiples of the mean count."""
CLAHE_TILES = 8
"""A side."""
AIRLIGHT_SHARE = 1e-3


def dark_channel_prior(image: Image) -> Image:
    """Single image haze removal by the dark channel prior (He, Sun & Tang, IEEE TPAMI 33, 2011).

    Airlight, transmission (eq. 12) and radiance (eq. 22) are the paper's; the transmission is refined by the
    guided filter with the grey picture as guide, as the same authors put it in place of soft matting (He, Sun
    & Tang, IEEE TPAMI 35, 2013). Works on display values, as the paper does.
    """
    hazy = image.astype(np.float32) / 255
    scale = image.shape[1] / REFERENCE_WIDTH_PX
    patch_px = 2 * round((PATCH_PX * scale - 1) / 2) + 1
    radius_px = max(1, round(GUIDE_RADIUS_PX * scale))

    airlight = estimate_airlight(hazy, dark_channel(hazy, patch_px))
    coarse = 1 - OMEGA * dark_channel(hazy / airlight, patch_px)
    guide = cv2.cvtColor(hazy, cv2.COLOR_RGB2GRAY)
    transmission = np.maximum(guided_filter(guide, coarse, radius_px, GUIDE_EPS), MIN_TRANSMISSION)
    radiance = (hazy - airlight) / transmission[..., None] + airlight
    return np.asarray(np.rint(np.clip(radiance, 0, 1) * 255), np.uint8)


def clahe(image: Image) -> Image:
    """Contrast-limited adaptive histogram equalisation (Zuiderveld 1994) of L* in CIELAB; a* and b* stay."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(CLAHE_CLIP, (CLAHE_TILES, CLAHE_TILES)).apply(lab[..., 0])
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)


def dark_channel(image: Plane, patch_px: int) -> Plane:
    """Lowest channel in the patch round each pixel, He et al. 2011 eq. 5: (H, W, 3) -> (H, W)."""
    patch = np.ones((max(1, patch_px), max(1, patch_px)), np.uint8)
    return np.asarray(cv2.erode(np.ascontiguousarray(image.min(axis=2)), patch), np.float32)


def estimate_airlight(hazy: Plane, dark: Plane) -> NDArray[np.float32]:
    """Mean colour (3,) of the 0.1% of pixels brightest in the dark channel, at least 1/255 a channel.

    The paper takes the brightest of them; in a throat that is a reflex of the ring light, and the mean is
    steadier.
    """
    num_pixels = max(1, round(AIRLIGHT_SHARE * dark.size))
    brightest = np.argpartition(dark.ravel(), -num_pixels)[-num_pixels:]
    return np.maximum(hazy.reshape(-1, 3)[brightest].mean(axis=0), 1 / 255).astype(np.float32)


def guided_filter(guide: Plane, values: Plane, radius_px: int, eps: float) -> Plane:
    """Edge-keeping smoothing of `values` that follows `guide`, He, Sun & Tang 2013 eqs. 5, 6 and 8.

    Args:
        guide: grey in [0, 1], (H, W).
        values: (H, W).
        radius_px: the window is 2 r + 1 px wide.
        eps: deviations of the guide well below sqrt(eps) are smoothed away.
    """
    size = (2 * radius_px + 1, 2 * radius_px + 1)

    def mean(plane: Plane) -> Plane:
        return cv2.boxFilter(plane, -1, size, borderType=cv2.BORDER_REFLECT)

    mean_guide, mean_values = mean(guide), mean(values)
    slope = (mean(guide * values) - mean_guide * mean_values) / (mean(guide * guide) - mean_guide * mean_guide + eps)
    return mean(slope) * guide + mean(mean_values - slope * mean_guide)
