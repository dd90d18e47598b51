"""Random parts of a picture: the augmentation of every stage."""

from __future__ import annotations

import cv2
import numpy as np

from edge.basics.errors import InputOutputError
from edge.pictures.image import Image


def random_view(
    picture: Image,
    rng: np.random.Generator,
    size: tuple[int, int],
    smallest: float = 0.55,
    turns: bool = False,
) -> Image:
    """A random part of the wanted shape, scaled to `size` and mirrored at odds of one half.

    Args:
        size: width_px, height_px of the result.
        smallest: width of the smallest part, as a share of the largest that fits.
        turns: turn by a random quarter first (a larynx has no fixed up, a throat has).
    """
    if turns:
        picture = np.rot90(picture, int(rng.integers(0, 4)))
    height, width = picture.shape[:2]
    aspect = size[0] / size[1]
    largest = min(width, height * aspect)
    crop_w = largest * rng.uniform(smallest, 1.0)
    crop_h = crop_w / aspect
    left, top = rng.uniform(0, width - crop_w + 1e-6), rng.uniform(0, height - crop_h + 1e-6)
    part = picture[int(top) : int(top + crop_h), int(left) : int(left + crop_w)]
    method = cv2.INTER_AREA if part.shape[1] > size[0] else cv2.INTER_CUBIC
    part = cv2.resize(np.ascontiguousarray(part), size, interpolation=method)
    return np.ascontiguousarray(part[:, ::-1]) if rng.random() < 0.5 else np.asarray(part, np.uint8)


def random_crop(picture: Image, rng: np.random.Generator, side_px: int) -> Image:
    """A random square at the picture's own pixels, mirrored at odds of one half."""
    height, width = picture.shape[:2]
    top, left = int(rng.integers(height - side_px + 1)), int(rng.integers(width - side_px + 1))
    part = picture[top : top + side_px, left : left + side_px]
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


def check_fits(size: tuple[int, int], wanted: tuple[int, int], name: str, crop: str) -> None:
    """Refuse a picture that is smaller than what is cut from it.

    Args:
        size, wanted: width_px, height_px of the picture and of the crop.
        name: the picture; `crop` the setting that names the crop.

    Raises:
        InputOutputError: too small.
    """
    if size[0] < wanted[0] or size[1] < wanted[1]:
        raise InputOutputError(
            f"{name}: {size[0]}x{size[1]} px, smaller than {crop} {wanted[0]}x{wanted[1]}; "
            f"remove it (edge-train prepare --min-size) or lower {crop}"
        )
