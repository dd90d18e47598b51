"""A time code in a picture: when it was taken, as black and white blocks that survive JPEG, H.264 and any fit to 1080p.

Three copies lie above each other, so that a picture of two moments is told from a whole one.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_COLUMNS, _ROWS = 32, 3
_BLOCKS_ACROSS = 60
"""A block is a sixtieth of the picture's width: 32 px at 1080p."""
CENTRES = (0.25, 0.5, 0.75)
"""Of the picture's height; all three stay when a square picture is cropped to 16:9."""
_US_BITS, _SEQ_BITS, _CHECK_BITS = 48, 24, 24
_BLACK, _WHITE = 20, 235
_MIN_CONTRAST = 60.0
_TRIED_RATIOS = ((16, 9), (4, 3), (1, 1), (5, 4), (3, 2), (9, 16), (3, 4))
_OUT_WIDTH_PX, _OUT_HEIGHT_PX = 1920, 1080


@dataclass(frozen=True, slots=True)
class Code:
    """What the blocks say.

    Attributes:
        taken_ns: CLOCK_MONOTONIC when the picture was taken, to the microsecond.
        seq: number of the picture, modulo 2**24.
    """

    taken_ns: int
    seq: int


def draw_code(luma: NDArray[np.uint8], code: Code) -> None:
    """Draw all copies into the luma plane of a picture of any size, in place."""
    height_px, width_px = luma.shape
    word = (code.taken_ns // 1000 % (1 << _US_BITS)) << _SEQ_BITS | code.seq % (1 << _SEQ_BITS)
    word = word << _CHECK_BITS | _check(word)
    num_bits = _COLUMNS * _ROWS
    bits = np.array([word >> shift & 1 for shift in range(num_bits - 1, -1, -1)], bool).reshape(_ROWS, _COLUMNS)
    levels = np.where(bits, _WHITE, _BLACK).astype(np.uint8)
    rows, columns = _cells_of(width_px)
    blocks = levels[rows][:, columns]
    for centre in CENTRES:
        top = round(centre * height_px) - len(rows) // 2
        left = (width_px - len(columns)) // 2
        luma[top : top + len(rows), left : left + len(columns)] = blocks


def read_codes(image: NDArray[np.uint8]) -> tuple[Code | None, Code | None, Code | None]:
    """The three copies in an RGB picture (1080, 1920, 3), from the top; None where one cannot be read.

    The picture may have had another shape, and have been cropped or padded to this one.
    """
    best: list[Code | None] = [None, None, None]
    for points in _tried_points():
        found = [_read(image, rows, columns) for rows, columns in points]
        if sum(code is not None for code in found) > sum(code is not None for code in best):
            best = found
        if all(best):
            break
    return best[0], best[1], best[2]


def timecode_ns(image: NDArray[np.uint8]) -> int | None:
    """When the oldest part of the picture was taken (CLOCK_MONOTONIC), None where no copy can be read."""
    return min((code.taken_ns for code in read_codes(image) if code is not None), default=None)


def is_of_one_moment(image: NDArray[np.uint8]) -> bool:
    """Whether all copies can be read and agree."""
    codes = read_codes(image)
    return codes[0] is not None and codes[0] == codes[1] == codes[2]


def _check(word: int) -> int:
    return zlib.crc32(word.to_bytes(9, "big")) & ((1 << _CHECK_BITS) - 1)


@lru_cache(maxsize=4)
def _cells_of(width_px: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each pixel row and column of the code: which cell it belongs to."""
    block_px = width_px / _BLOCKS_ACROSS
    columns = (np.arange(round(block_px * _COLUMNS)) / block_px).astype(np.intp).clip(0, _COLUMNS - 1)
    rows = (np.arange(round(block_px * _ROWS)) / block_px).astype(np.intp).clip(0, _ROWS - 1)
    return rows, columns


Points = tuple[NDArray[np.intp], NDArray[np.intp]]


@lru_cache(maxsize=1)
def _tried_points() -> list[list[Points]]:
    """For each shape and fit: the pixels to look at of each copy, (rows, columns), 5 a cell and direction."""
    tried: list[list[Points]] = []
    for ratio_width, ratio_height in _TRIED_RATIOS:
        for fit in (max, min):
            scale = fit(_OUT_WIDTH_PX / ratio_width, _OUT_HEIGHT_PX / ratio_height)
            width_px, height_px = ratio_width * scale, ratio_height * scale
            block_px = width_px / _BLOCKS_ACROSS
            left = _OUT_WIDTH_PX / 2 - _COLUMNS / 2 * block_px
            offsets = np.array([0.3, 0.4, 0.5, 0.6, 0.7])
            columns = left + (np.arange(_COLUMNS)[:, None] + offsets).ravel() * block_px
            points = []
            for centre in CENTRES:
                top = _OUT_HEIGHT_PX / 2 + (centre - 0.5) * height_px - _ROWS / 2 * block_px
                rows = top + (np.arange(_ROWS)[:, None] + offsets).ravel() * block_px
                points.append((rows.astype(np.intp), columns.astype(np.intp)))
            if all(rows.min() >= 0 and rows.max() < _OUT_HEIGHT_PX for rows, _ in points) and columns.min() >= 0:
                tried.append(points)
    return tried


def _read(image: NDArray[np.uint8], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Code | None:
    cells = image[rows[:, None], columns].reshape(_ROWS, 5, _COLUMNS, 5, -1).mean(axis=(1, 3, 4))
    low, high = float(cells.min()), float(cells.max())
    if high - low < _MIN_CONTRAST:
        return None
    word = 0
    for bit in (cells > (low + high) / 2).ravel():
        word = word << 1 | int(bit)
    word, check = word >> _CHECK_BITS, word & ((1 << _CHECK_BITS) - 1)
    if _check(word) != check:
        return None
    return Code((word >> _SEQ_BITS) * 1000, word & ((1 << _SEQ_BITS) - 1))
