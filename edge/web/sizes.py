"""The sizes in which pictures are streamed: a few steps, so that viewers of much the same size share one encoding."""

from __future__ import annotations

import cv2

from edge.basics.errors import UsageError
from edge.pictures.image import Image

WIDTHS_PX = (1920, 1280, 960, 640, 480)
"""Of 16:9 pictures; another shape keeps its own."""
FULL_PX = WIDTHS_PX[0]


def step_for(width_px: int) -> int:
    """The smallest width that is at least so wide; the largest where none is."""
    return min((step for step in WIDTHS_PX if step >= width_px), default=FULL_PX)


def width_from_query(width: str | None) -> int:
    """The step for the `width` of a request; the whole picture where it names none.

    Raises:
        UsageError: one line that names the value and what is allowed.
    """
    if width is None:
        return FULL_PX
    if not width.isascii() or not width.isdigit() or not 1 <= int(width[:6]) <= FULL_PX:
        raise UsageError(f"width = {width[:40]!r}: expected a whole number from 1 to {FULL_PX}")
    return step_for(int(width))


def size_at(shape: tuple[int, ...], width_px: int) -> tuple[int, int]:
    """(height, width) of a picture of this shape at a step: never larger than it is."""
    height, width = shape[:2]
    if width <= width_px:
        return height, width
    return max(1, round(height * width_px / width)), width_px


def shrink(image: Image, out: Image) -> None:
    """Fill `out` with the picture; each of its pixels is the mean of those that it covers."""
    cv2.resize(image, (out.shape[1], out.shape[0]), dst=out, interpolation=cv2.INTER_AREA)
