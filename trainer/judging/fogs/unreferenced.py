"""What can be said of an enhanced picture without its truth: beside the picture that it was made from."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.image import Image
from trainer.judging.classical import dark_channel
from trainer.prepare.screening import lit_part

DARK_PATCH_PX = 15
WINDOW_PX = 15
WHITE, BLACK = 250, 3


@dataclass(frozen=True)
class Unreferenced:
    """Figures of one picture, the black frame of an endoscope left out.

    Attributes:
        contrast: mean over windows of 15 px of the deviation of luma, in levels.
        haze: mean dark channel over the mean brightness (He et al. 2011, eq. 5), so that darkening alone wins nothing.
        brightness: mean luma, in levels.
        clipped: share of pixels with a channel at white or all at black.
    """

    contrast: float
    haze: float
    brightness: float
    clipped: float


def unreferenced(picture: Image) -> Unreferenced:
    part = lit_part(picture)
    luma = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    brightness = float(luma.mean())
    dark = dark_channel(part.astype(np.float32), DARK_PATCH_PX)
    clipped = (part.max(2) >= WHITE) | (part.max(2) <= BLACK)
    return Unreferenced(_contrast(luma), float(dark.mean()) / max(brightness, 1.0), brightness, float(clipped.mean()))


def _contrast(luma: NDArray[np.float32]) -> float:
    mean, square = (cv2.blur(plane, (WINDOW_PX, WINDOW_PX)) for plane in (luma, luma * luma))
    return float(np.sqrt(np.maximum(square - mean * mean, 0)).mean())
