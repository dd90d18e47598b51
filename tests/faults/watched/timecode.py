"""A code in a frame's own pixels: which frame it is and when it was taken. It survives JPEG, dehazing, grey and blur.

Each bit is two cells, white-black or black-white, so reading compares neighbours and needs no threshold.
"""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass

import numpy as np

from edge.pictures.image import Image

CELL_PX, ROWS_PX = 16, 24
NUM_BITS = 48
LEFT_PX = (1920 - 2 * NUM_BITS * CELL_PX) // 2
TOP_PX = 1080 - 40 - ROWS_PX
"""Above the border that the banner draws."""
WHITE, BLACK = 225, 25
_MS_BITS, _SEQ_BITS, _KIND_BITS, _CRC_BITS = 24, 12, 4, 8
_MIN_CONTRAST = 12.0

PLAIN, OTHER = 0, 1
"""Kinds of content: a known frame of the campaign, or anything else, such as garbage."""


@dataclass(frozen=True, slots=True)
class Code:
    """What the cells say.

    Attributes:
        seq: modulo 4096.
        ms: CLOCK_MONOTONIC at the moment of capture, modulo 2**24 (4.7 h).
        kind: PLAIN or OTHER.
    """

    seq: int
    ms: int
    kind: int

    def age_ms(self, now_ns: int) -> float:
        """From the capture until `now_ns`; negative where the clock ran back."""
        wrapped = (now_ns / 1e6 - self.ms) % (1 << _MS_BITS)
        return wrapped if wrapped < 1 << (_MS_BITS - 1) else wrapped - (1 << _MS_BITS)


def now_code(seq: int, kind: int = PLAIN) -> Code:
    return Code(seq % (1 << _SEQ_BITS), time.monotonic_ns() // 1_000_000 % (1 << _MS_BITS), kind)


def _bits(code: Code) -> np.ndarray:
    word = (code.ms << _SEQ_BITS | code.seq) << _KIND_BITS | code.kind
    word = word << _CRC_BITS | _checksum(word)
    return np.array([word >> shift & 1 for shift in range(NUM_BITS - 1, -1, -1)], np.uint8)


def _checksum(word: int) -> int:
    return zlib.crc32(word.to_bytes(5, "big")) & 0xFF


def write_code(image: Image, code: Code) -> None:
    """Draw the code into a frame of 1920x1080, in place."""
    bits = _bits(code)
    cells = np.stack([bits, 1 - bits], axis=1).reshape(-1)
    levels = np.where(cells, WHITE, BLACK).astype(np.uint8)
    row = np.repeat(levels, CELL_PX)
    image[TOP_PX : TOP_PX + ROWS_PX, LEFT_PX : LEFT_PX + row.size] = row[None, :, None]


def read_code(image: Image) -> Code | None:
    """The code of a 16:9 frame of any height, None where there is none."""
    scale = image.shape[0] / 1080
    cell_px = CELL_PX * scale
    top = round((TOP_PX + ROWS_PX * 0.3) * scale)
    bottom = max(top + 1, round((TOP_PX + ROWS_PX * 0.7) * scale))
    line = image[top:bottom].mean(axis=(0, 2))
    begins = LEFT_PX * scale + np.arange(2 * NUM_BITS) * cell_px
    inner = [
        line[int(begin + 0.3 * cell_px) : max(int(begin + 0.7 * cell_px), int(begin + 0.3 * cell_px) + 1)]
        for begin in begins
    ]
    levels = np.array([part.mean() for part in inner]).reshape(-1, 2)
    contrast = levels[:, 0] - levels[:, 1]
    if np.abs(contrast).min() < _MIN_CONTRAST:
        return None
    word = 0
    for bit in contrast > 0:
        word = word << 1 | int(bit)
    word, checksum = word >> _CRC_BITS, word & 0xFF
    if _checksum(word) != checksum:
        return None
    kind = word & ((1 << _KIND_BITS) - 1)
    seq = word >> _KIND_BITS & ((1 << _SEQ_BITS) - 1)
    return Code(seq, word >> (_KIND_BITS + _SEQ_BITS), kind)
