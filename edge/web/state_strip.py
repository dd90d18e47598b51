"""48 bits in the pixels of every streamed picture: which frame it is and whether it is live, for programs to read.

Cells of 4x4 pixels from the lower left corner, white for 1: 28 bits of the frame's number, 4 of state and mode, 16 of
CRC-16/CCITT-FALSE over those 32, each with its highest bit first (docs/interfaces.md). Drawn when the picture has the
size at which it is sent.
"""

from __future__ import annotations

from binascii import crc_hqx
from dataclasses import dataclass
from typing import get_args

import cv2
import numpy as np

from edge.pictures.image import Image, Mode
from edge.web.banner import PictureState

CELL_PX = 4
NUM_CELLS = 48
WIDTH_PX = NUM_CELLS * CELL_PX
NUM_SEQS = 1 << 28
"""Frame numbers begin again here."""
_STATES: tuple[PictureState, ...] = ("starting", "live", "frozen", "stale", "no-signal")
_ENHANCED_BIT = 8
_DARK, _BRIGHT = 96, 160
"""Of a cell's middle: what lies between is neither, however the rest of the strip reads."""

assert set(_STATES) == set(get_args(PictureState)), "each state has its number"


@dataclass(frozen=True, slots=True)
class Stripe:
    """What a strip says.

    Attributes:
        seq: of the frame, modulo `NUM_SEQS`; 0 before the first.
        mode: what the pixels are.
    """

    seq: int
    state: PictureState
    mode: Mode


def draw(rows: Image, seq: int | None, state: PictureState, mode: Mode) -> None:
    """Draw into a picture, or into its lowest rows; into none that is less than 192 pixels wide or 4 high.

    Args:
        rows: RGB uint8 (>= 4, W, 3).
    """
    if rows.shape[0] < CELL_PX or rows.shape[1] < WIDTH_PX:
        return
    code = _STATES.index(state) + _ENHANCED_BIT * (mode == "enhanced")
    said = ((seq or 0) % NUM_SEQS << 4 | code).to_bytes(4, "big")
    bits = np.unpackbits(np.frombuffer(said + crc_hqx(said, 0xFFFF).to_bytes(2, "big"), np.uint8))
    rows[-CELL_PX:, :WIDTH_PX] = np.repeat(bits * np.uint8(255), CELL_PX)[None, :, None]


def read(picture: Image) -> Stripe | None:
    """What the strip of a picture says; None where there is none, or it cannot be read for certain.

    Args:
        picture: RGB uint8 (H, W, 3), decoded at the size at which it was sent.
    """
    if picture.shape[0] < CELL_PX or picture.shape[1] < WIDTH_PX:
        return None
    grey = cv2.cvtColor(np.ascontiguousarray(picture[-CELL_PX:, :WIDTH_PX]), cv2.COLOR_RGB2GRAY)
    middles = grey[1:-1].reshape(CELL_PX - 2, NUM_CELLS, CELL_PX)[:, :, 1:-1].mean(axis=(0, 2))
    if ((middles > _DARK) & (middles < _BRIGHT)).any():
        return None
    read_bytes = np.packbits(middles >= _BRIGHT).tobytes()
    word, code = int.from_bytes(read_bytes[:4], "big"), read_bytes[3] & 0xF
    state = code % _ENHANCED_BIT
    if crc_hqx(read_bytes[:4], 0xFFFF) != int.from_bytes(read_bytes[4:], "big") or state >= len(_STATES):
        return None
    return Stripe(word >> 4, _STATES[state], "enhanced" if code & _ENHANCED_BIT else "raw")
