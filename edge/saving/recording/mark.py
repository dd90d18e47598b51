"""What stands in the pixels of an enhanced recording: that it is enhanced, by what, or that this moment is raw.

A picture says so in its file; a clip is shown, cut and filmed from a screen, so it says so where it is seen. Raw
recordings are as the camera gave them.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames.frame import Frame
from edge.pictures.image import Image

_MARGIN_PX, _PAD_PX = 16, 8
_NEUTRAL = 128


def words_of(frame: Frame) -> str:
    """`ENHANCED live`, with the share where it is not all; `RAW` where this moment could not be enhanced.

    That detail was synthesised comes before the name, which may be long and is cut.
    """
    if frame.mode == "raw":
        return "RAW"
    made = "SYNTHESISED DETAIL " * frame.is_synthesised
    return f"ENHANCED {made}{frame.profile}" + (f" {frame.strength:.0%}" if frame.strength < 1 else "")


def mark_planes(planes: NDArray[np.uint8], words: str) -> None:
    """Draw into a frame in I420, (H * 3 / 2, W), at the right edge below; not where it is too small for that."""
    height_px, width_px = planes.shape[0] * 2 // 3, planes.shape[1]
    label = _label(words)
    place = _place(label, width_px, height_px)
    if place is None:
        return
    top, left = place
    rows, columns = label.shape
    planes[top : top + rows, left : left + columns] = label
    for plane in (0, 1):
        begin = height_px + plane * height_px // 4
        colour = planes[begin : begin + height_px // 4].reshape(height_px // 2, width_px // 2)
        colour[top // 2 : (top + rows) // 2, left // 2 : (left + columns) // 2] = _NEUTRAL


def marked(image: Image, words: str) -> Image:
    """A copy of an RGB picture with the mark."""
    label = _label(words)
    place = _place(label, image.shape[1], image.shape[0])
    if place is None:
        return image
    top, left = place
    copy: Image = image.copy()
    copy[top : top + label.shape[0], left : left + label.shape[1]] = label[:, :, None]
    return copy


def _place(label: NDArray[np.uint8], width_px: int, height_px: int) -> tuple[int, int] | None:
    top, left = height_px - _MARGIN_PX - label.shape[0], width_px - _MARGIN_PX - label.shape[1]
    return (top // 2 * 2, left // 2 * 2) if top >= 0 and left >= 0 else None


@lru_cache(maxsize=32)
def _label(words: str) -> NDArray[np.uint8]:
    """Light letters on dark, (H, W) even, within the levels of video."""
    text = words.encode("ascii", "replace").decode()[:60]
    (width_px, height_px), below_px = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.7, 2)
    rows, columns = (size // 2 * 2 + 2 for size in (height_px + below_px + 2 * _PAD_PX, width_px + 2 * _PAD_PX))
    label = np.full((rows, columns), 24, np.uint8)
    cv2.putText(label, text, (_PAD_PX, _PAD_PX + height_px), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 210, 2, cv2.LINE_AA)
    return label
