"""Sizes of the frame path, and the one way to bring a picture to the camera's shape."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from edge.pictures.image import Image

Fit = Literal["crop", "pad"]
"""How a picture that is not 16:9 becomes it: what is too much cut away, or what is missing black."""
SCALE = 4
FRAME_WIDTH_PX, FRAME_HEIGHT_PX = 1920, 1080
NETWORK_WIDTH_PX, NETWORK_HEIGHT_PX = FRAME_WIDTH_PX // SCALE, FRAME_HEIGHT_PX // SCALE
FRAME_SHAPE = (FRAME_HEIGHT_PX, FRAME_WIDTH_PX, 3)


def centre_crop_16_9(image: Image) -> Image:
    """The largest centred 16:9 part of (H, W, C), as a view. Nothing is ever stretched."""
    height_px, width_px = image.shape[:2]
    crop_w = min(width_px, max(1, round(height_px * 16 / 9)))
    crop_h = min(height_px, max(1, round(width_px * 9 / 16)))
    top, left = (height_px - crop_h) // 2, (width_px - crop_w) // 2
    return image[top : top + crop_h, left : left + crop_w]


def is_cropped(width_px: int, height_px: int) -> bool:
    """Whether `fit_to_frame` takes something off a picture of this size by default."""
    return width_px * 9 != height_px * 16


def fit_to_frame(image: Image, fit: Fit = "crop", out: Image | None = None) -> Image:
    """Make a picture 16:9 and resize it to 1920x1080: area mean down, bicubic up. A fitting image is returned as it is.

    Args:
        fit: `pad` keeps all of the picture, in the middle of a black frame.
        out: memory for a resized picture, which may be used.
    """
    if image.shape[:2] == FRAME_SHAPE[:2]:
        return image
    if fit == "crop":
        return _resized(centre_crop_16_9(image), FRAME_WIDTH_PX, FRAME_HEIGHT_PX, out)
    height_px, width_px = image.shape[:2]
    scale = min(FRAME_WIDTH_PX / width_px, FRAME_HEIGHT_PX / height_px)
    small = _resized(image, max(1, round(width_px * scale)), max(1, round(height_px * scale)))
    top, left = (FRAME_HEIGHT_PX - small.shape[0]) // 2, (FRAME_WIDTH_PX - small.shape[1]) // 2
    framed = np.zeros(FRAME_SHAPE, np.uint8)
    framed[top : top + small.shape[0], left : left + small.shape[1]] = small
    return framed


def _resized(image: Image, width_px: int, height_px: int, out: Image | None = None) -> Image:
    method = cv2.INTER_AREA if image.shape[0] > height_px else cv2.INTER_CUBIC
    made = np.asarray(cv2.resize(image, (width_px, height_px), out, interpolation=method), np.uint8)
    return out if out is not None and np.shares_memory(made, out) else made


def shrink(image: Image) -> Image:
    """Exact 4x4 mean of an RGB frame, rounded half to even: (H, W, 3) -> (H / 4, W / 4, 3)."""
    height_px, width_px = image.shape[:2]
    size = (width_px // SCALE, height_px // SCALE)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
