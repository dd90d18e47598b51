"""JPEGs in which bytes were lost or altered so that the decoder has nothing to complain of: what it shows is cut."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.image import Image

MIN_STEP = 8.0
"""Levels; sound pictures have 6 at most, those with straight borders 13 (`docs/testing.md`)."""
_OUTLIER = 16
_NUM_COLUMNS = 120
_SMALLEST_PX = 64
_BANDS = 5


class CutGuard:
    """Tells a cut picture by its pixels, and by those of the picture before.

    JPEG codes the mean of a block as its difference from the block before, along the rows of blocks (ITU-T T.81,
    F.1.1): damage shifts brightness or colour of all that follows, where no block is missing or left over. So a row of
    blocks lies off from the one above from column c on, and the next row up to c: for one line's length in the order
    of blocks there is a step of one sign between a row of pixels and the next, that goes on neither above nor below.

    An edge of the scene that comes to lie so (a chart's, a border's) is there in the next picture too: it costs one.
    Where there are edges between the borders of blocks as well (bands of a light that is switched), none is a cut.
    """

    def __init__(self) -> None:
        self._before: NDArray[np.float64] | None = None

    def is_cut(self, image: Image, block_rows_px: int) -> bool:
        """Whether the picture, as decoded, is cut where the one before was not.

        Args:
            image: (H, W, 3) uint8 at the size that was coded.
            block_rows_px: rows of pixels that are coded together, 8 or 16 by the subsampling.
        """
        if min(image.shape[:2]) < _SMALLEST_PX:
            return False
        steps = _steps(image, block_rows_px)
        before, self._before = self._before, steps
        if steps.max() <= MIN_STEP:
            return False
        known = np.full(steps.shape, MIN_STEP)
        if before is not None and before.shape == steps.shape:
            near = np.ones((1, _NUM_COLUMNS // 4 + 1), np.uint8)
            known = np.maximum(known, 2 * cv2.dilate(before, near))
        return bool((steps > known).any()) and not _has_bands(image, block_rows_px, float(steps.max()) / 2)


def _has_bands(image: Image, block_rows_px: int, step: float) -> bool:
    """Whether whole rows of pixels step by as much inside five rows of blocks or more: a cut picture has none such."""
    columns = cv2.resize(image, (_NUM_COLUMNS, image.shape[0]), interpolation=cv2.INTER_LINEAR).astype(np.int16)
    doubled = 3 * (columns[2:-1] - columns[1:-2]) - (columns[3:] - columns[:-3])
    (rows,) = np.nonzero(np.abs(np.median(doubled, axis=1)).max(axis=1) > 2 * step)
    block, row = np.divmod(rows + 2, block_rows_px)
    return np.unique(block[(row > 1) & (row < block_rows_px - 1)]).size >= _BANDS


def _steps(image: Image, block_rows_px: int) -> NDArray[np.float64]:
    """(3, rows of blocks times columns): by how many levels each channel steps over the line's length from there."""
    num_borders = (image.shape[0] - 3) // block_rows_px
    size = (_NUM_COLUMNS, num_borders)

    def rows(offset_px: int) -> NDArray[np.int16]:
        first = block_rows_px + offset_px
        of_border = image[first : first + (num_borders - 1) * block_rows_px + 1 : block_rows_px]
        return cv2.resize(of_border, size, interpolation=cv2.INTER_LINEAR).astype(np.int16)

    doubled = 3 * (rows(0) - rows(-1)) - (rows(1) - rows(-2))  # what goes on above or below is no step
    clipped = np.clip(doubled, -2 * _OUTLIER, 2 * _OUTLIER).reshape(-1, 3).T
    half = _NUM_COLUMNS // 2  # in the first and the last row of blocks a part of the line must do
    summed = np.cumsum(np.pad(clipped, ((0, 0), (half + 1, half))), axis=1, dtype=np.int32)
    num_summed = np.full(summed.shape[1] - _NUM_COLUMNS, _NUM_COLUMNS)
    num_summed[:half] = num_summed[: -half - 1 : -1] = np.arange(half, _NUM_COLUMNS)
    of_lines = summed[:, _NUM_COLUMNS:] - summed[:, :-_NUM_COLUMNS]
    return np.asarray(np.abs(of_lines) / (2.0 * num_summed), np.float64)
