"""The time of day in milliseconds, drawn into a source picture, as `page/reading.js` reads it back from its canvas."""

from __future__ import annotations

import time
from binascii import crc_hqx

import numpy as np

from edge.pictures.image import Image

CELL_PX, NUM_CELLS = 16, 48
LEFT_PX, TOP_PX = 576, 800
"""Of a picture of 1920x1080: away from the banner, the border and the strip, and on 8x8 blocks of each size."""


def stamp(image: Image, now_ms: int | None = None) -> None:
    """Draw it into these pixels: 32 bits of the time, 16 of CRC-16/CCITT-FALSE over them, highest first.

    Args:
        image: RGB uint8 (1080, 1920, 3).
        now_ms: of the time of day; now by default.
    """
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    said = (now_ms % (1 << 32)).to_bytes(4, "big")
    bits = np.unpackbits(np.frombuffer(said + crc_hqx(said, 0xFFFF).to_bytes(2, "big"), np.uint8))
    cells = np.repeat(16 + bits * np.uint8(224), CELL_PX)
    image[TOP_PX : TOP_PX + CELL_PX, LEFT_PX : LEFT_PX + CELL_PX * NUM_CELLS] = cells[None, :, None]
