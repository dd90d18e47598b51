"""Whether what an engine gave can be shown: it is held to the raw picture that it was made of.

Blocks of 40x40 px are compared, from every eighth row. Their detail (what differs from the blocks around, so that fog,
which is smooth, does not count) has to be the raw picture's. Displacement of a block is allowed everywhere, since a
calibrated unit's lens is corrected on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frame import Image

_ROW_STEP_PX = 8
_WIDTH, _HEIGHT = 48, 27
_REGIONS_X, _REGIONS_Y = 4, 3
_SHIFT = 1
"""Blocks of displacement that are allowed."""
_AROUND, _WINDOW = 3, 5
"""Detail is what differs from the mean of so many blocks squared; its contrast is made even over so many."""
_STILL_LEVELS = 2.0
"""Contrast that is not made larger: sensor noise stays small."""
_PLANES = np.array([[0.299, 0.587, 0.114], [1, 0, -1]], np.float32)
"""Luma, and red less blue."""


@dataclass(frozen=True)
class JudgeLimits:
    """Limits, in levels of 255 where nothing else is said; `benchmarks/output_limits.py` measures them.

    Attributes:
        flat: spread of blocks under which a picture is one flat colour.
        shown: spread of the raw blocks from which a flat answer is wrong.
        detail: of a raw region, from which it can be compared.
        likeness: correlation of detail, mean of the worse half of the comparable regions, under which it is foreign.
        colour_detail: of red less blue in the raw picture, from which it can be compared.
        colour_likeness: correlation of the detail of red less blue under which colours are foreign.
        colour: how far the mean colour may leave the direction of the raw one, in shares of R, G and B.
        holes: share of the blocks that may be black where the raw picture is not.
        rough: mean step between samples 8 px apart that is noise where it is also `rough_gain` times the raw one's.
        moved: change of a raw block, since its answer last changed, that an engine cannot answer by the same block.
        frozen: share of the blocks that may be the same in spite of that.
    """

    flat: float = 1.0
    shown: float = 4.0
    detail: float = 2.0
    likeness: float = 0.4
    colour_detail: float = 1.5
    colour_likeness: float = 0.2
    colour: float = 0.12
    holes: float = 0.03
    rough: float = 30.0
    rough_gain: float = 4.0
    moved: float = 6.0
    frozen: float = 0.1


@dataclass(frozen=True)
class Statistics:
    """What a pair is judged by; see `JudgeLimits`. NaN where a pair has too little to compare."""

    raw_spread: float
    spread: float
    level: float
    likeness: float
    colour_likeness: float
    colour: float
    holes: float
    raw_rough: float
    rough: float
    frozen: float


class Sample:
    """What is kept of a picture.

    Attributes:
        blocks: means of 40x40 px, from every eighth row, uint8 (27, 48, 3).
        rough: mean step between samples 8 px apart.
    """

    def __init__(self, image: Image) -> None:
        rows = image[_ROW_STEP_PX // 2 :: _ROW_STEP_PX]
        self.blocks = np.asarray(cv2.resize(rows, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
        size = (image.shape[1] // _ROW_STEP_PX, len(rows) // 2)
        points = cv2.resize(rows[::2], size, interpolation=cv2.INTER_NEAREST)
        self.rough = cv2.norm(points[:, 1:], points[:, :-1], cv2.NORM_L1) / points[:, 1:].size
