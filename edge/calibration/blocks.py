"""A unit's calibration applied to block means of a frame: near enough to compare pictures, in 0.1 ms."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.basics.errors import EdgeError
from edge.calibration.calibration import Calibration
from edge.calibration.file import read_calibration
from edge.calibration.lens import undistortion
from edge.pictures.colour import LINEAR_OF_CODE, encode_srgb
from edge.pictures.geometry import FRAME_WIDTH_PX
from edge.pictures.image import Image

BLOCKS = (27, 48)
"""Rows and columns of blocks of 40x40 px."""


class BlockCorrection:
    """What `edge.calibration.correction.Correction` does to a frame, for the means of its blocks.

    Hot pixels are left alone.
    """

    def __init__(self, calibration: Calibration) -> None:
        rows, columns = BLOCKS
        gain = np.asarray(cv2.resize(calibration.gain, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)
        self._places: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
        if calibration.lens is not None:
            step = FRAME_WIDTH_PX // columns
            x, y = (
                (one[step // 2 :: step, step // 2 :: step] + 0.5) / step - 0.5 for one in undistortion(calibration.lens)
            )
            self._places = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.float32)
            gain = np.asarray(cv2.remap(gain, *self._places, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE), np.float32)
        white = calibration.white / (calibration.white * (1 - calibration.dark)).min()
        self._gain = (gain * white).astype(np.float32)
        self._light = np.asarray(LINEAR_OF_CODE[:, None] - calibration.dark, np.float32)[None]
        self._matrix = np.asarray(calibration.matrix, np.float32)

    def apply(self, blocks: Image) -> Image:
        """RGB uint8 (27, 48, 3) -> corrected, same shape."""
        if self._places is not None:
            moved = cv2.remap(blocks, *self._places, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
            blocks = np.asarray(moved, np.uint8)
        light = np.minimum(cv2.LUT(blocks, self._light) * self._gain, 1)
        mixed = np.asarray(cv2.transform(light, self._matrix), np.float32)
        return np.rint(encode_srgb(mixed)).astype(np.uint8)


def block_correction(path: str, sha256: str, manifest: Mapping[str, Any]) -> tuple[BlockCorrection | None, bool]:
    """What an engine does to the raw picture first, None where nothing; and whether that is known.

    Args:
        path, sha256: of the unit's calibration; empty where it has none.
        manifest: the profile's. One whose graph corrects does not tell how.
    """
    if "calibration" in manifest:
        return None, False
    if not path:
        return None, True
    try:
        return _held(path, sha256), True
    except EdgeError:  # the engine says it better
        return None, False


@lru_cache(maxsize=2)
def _held(path: str, sha256: str) -> BlockCorrection:
    return BlockCorrection(read_calibration(Path(path)))
