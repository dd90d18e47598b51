"""What the output judge looks at of a frame: means of blocks, and points, from some of its rows."""

from __future__ import annotations

import cv2
import numpy as np

from edge.engines.passes import compiled_library
from edge.pictures.image import Image

ROW_STEP_PX = 8
"""Every eighth row is looked at, the fifth first."""
BLOCK_PX = 40


def block_means(image: Image) -> Image:
    """Means of blocks of 40x40 px from every eighth row, rounded half to even: (H, W, 3) -> (H / 40, W / 40, 3).

    Args:
        image: RGB uint8, in one piece for the compiled form; sides are multiples of 40.
    """
    height, width = image.shape[0] // BLOCK_PX, image.shape[1] // BLOCK_PX
    library = compiled_library()
    if library is None or not image.flags.c_contiguous:
        return block_means_by_opencv(image)
    blocks, columns = np.empty((height, width, 3), np.uint8), np.empty(width * BLOCK_PX * 3, np.uint16)
    library.edge_sample(*(one.ctypes.data for one in (image, blocks, columns)), height, width)
    return blocks


def block_means_by_opencv(image: Image) -> Image:
    """The same by OpenCV's call, where the passes were not compiled."""
    size = (image.shape[1] // BLOCK_PX, image.shape[0] // BLOCK_PX)
    rows = image[ROW_STEP_PX // 2 :: ROW_STEP_PX]
    return np.asarray(cv2.resize(rows, size, interpolation=cv2.INTER_AREA), np.uint8)


def every_eighth_point(image: Image) -> Image:
    """The pixels of every second such row that lie 8 px apart: (H, W, 3) -> (H / 16, W / 8, 3), rounded up."""
    rows = image[ROW_STEP_PX // 2 :: 2 * ROW_STEP_PX]
    size = (image.shape[1] // ROW_STEP_PX, len(rows))
    return np.asarray(cv2.resize(rows, size, interpolation=cv2.INTER_NEAREST), np.uint8)
