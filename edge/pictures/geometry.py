"""Sizes of the frame path, and the one way to bring a picture to the camera's shape."""

from __future__ import annotations

import cv2
import numpy as np

from edge.pictures.image import Image

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
    """Whether `fit_to_frame` takes something off a picture of this size."""
    return width_px * 9 != height_px * 16


def fit_to_frame(image: Image) -> Image:
    """Centre-crop to 16:9 and resize to 1920x1080: area mean down, bicubic up. A fitting image is returned as it is."""
    if image.shape[:2] == FRAME_SHAPE[:2]:
        return image
    cropped = centre_crop_16_9(image)
    shrinks = cropped.shape[0] > FRAME_HEIGHT_PX
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(cropped, (FRAME_WIDTH_PX, FRAME_HEIGHT_PX), interpolation=method), np.uint8)


def shrink(image: Image) -> Image:
    """Exact 4x4 mean of an RGB frame, rounded half to even: (H, W, 3) -> (H / 4, W / 4, 3)."""
    height_px, width_px = image.shape[:2]
    size = (width_px // SCALE, height_px // SCALE)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
