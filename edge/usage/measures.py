"""What is measured of a live pair: numbers of which no picture can be made again."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge.frames.frame import FramePair
from edge.pictures.image import Image

_SIZE_PX = (240, 135)
_PATCH_PX = 7


@dataclass(frozen=True, slots=True)
class Measures:
    """Of one pair.

    Attributes:
        haze: mean dark channel of the raw picture, 0 to 1 (He, Sun and Tang, CVPR 2009, eq. 5): fog lifts it, but a
            bright pale throat does as well.
        sharpness: mean step between neighbouring pixels of the raw picture's luma, 0 to 1, at 480x270.
        correction: mean change that the enhancement made, 0 to 1; None for a raw picture.
        state: the rung that enhanced it, as `live` or `live, bicubic`; `raw` where none did.
    """

    haze: float
    sharpness: float
    correction: float | None
    state: str


def measured(pair: FramePair, rung: str) -> Measures:
    """Takes about two milliseconds.

    Args:
        rung: the ladder's.
    """
    raw = _every_fourth(pair.raw.image)
    correction, state = None, "raw"
    if pair.enhanced.mode == "enhanced":
        correction, state = float(cv2.absdiff(raw, _every_fourth(pair.enhanced.image)).mean()) / 255, rung
    luma = cv2.cvtColor(raw, cv2.COLOR_RGB2GRAY).astype(np.float32)
    steps = np.abs(np.diff(luma, axis=0)).mean() + np.abs(np.diff(luma, axis=1)).mean()
    dark = cv2.erode(
        cv2.resize(raw, _SIZE_PX, interpolation=cv2.INTER_AREA).min(axis=2), np.ones((_PATCH_PX, _PATCH_PX))
    )
    return Measures(float(dark.mean()) / 255, float(steps) / 2 / 255, correction, state)


def _every_fourth(image: Image) -> Image:
    return np.ascontiguousarray(image[::4, ::4])
