"""What a result must be before it counts: whole, of the right size, and not flat where the original is not.

These cost a hundredth of making it. `edge.batch.verify` reads results back pixel by pixel.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

from edge.basics.errors import EdgeError
from edge.clips.facts import clip_facts
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX
from edge.pictures.image import Image

EVERY_PX = 8
FLAT_LEVELS, SHOWN_LEVELS = 2, 16
"""Between the darkest and the brightest sample of any one colour: at most, of a flat answer; at least, of an original
for which a flat answer is wrong."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def contrast_levels(image: Image) -> int:
    """The largest range, 0 to 255, that a colour has over the picture; looks at each eighth row and column."""
    samples = np.ascontiguousarray(image[::EVERY_PX, ::EVERY_PX].transpose(2, 0, 1)).reshape(image.shape[2], -1)
    return int((samples.max(1) - samples.min(1)).max())


def is_flat(image: Image) -> bool:
    """Whether a picture shows too little to be told from a single colour, once a clip's coding has been over it."""
    return contrast_levels(image) < SHOWN_LEVELS


def refuse_flat(name: str, raw: Image, enhanced: Image) -> None:
    """Raises EdgeError where an answer is black, or another single colour, and the original is not."""
    if contrast_levels(enhanced) <= FLAT_LEVELS and not is_flat(raw):
        what = "black" if int(enhanced[::EVERY_PX, ::EVERY_PX].max()) <= FLAT_LEVELS else "one colour"
        raise EdgeError(f"{name}: the engine's answer is {what}, and the original is not; nothing of it is kept")


def png_size_px(content: bytes) -> tuple[int, int]:
    """Width and height of a PNG all of whose chunks are whole, by their checksums (PNG third edition, 5.3).

    Raises:
        ValueError: it is none, or not whole.
    """
    if content[:8] != _SIGNATURE:
        raise ValueError("no PNG")
    size_px, at, kind = (0, 0), 8, b""
    view = memoryview(content)
    while kind != b"IEND":
        if at + 12 > len(content):
            raise ValueError("cut short")
        (num_bytes,) = struct.unpack_from(">I", content, at)
        kind, end = content[at + 4 : at + 8], at + 8 + num_bytes
        if end + 4 > len(content) or zlib.crc32(view[at + 4 : end]) != struct.unpack_from(">I", content, end)[0]:
            raise ValueError("damaged")
        if kind == b"IHDR":
            size_px = struct.unpack_from(">II", content, at + 8)
        at = end + 4
    if at != len(content):
        raise ValueError("something follows its end")
    return size_px


def refuse_unsound_png(name: str, content: bytes) -> None:
    """Raises EdgeError where what was encoded is not whole, or not 1920x1080."""
    try:
        width_px, height_px = png_size_px(content)
    except ValueError as error:
        raise EdgeError(f"{name}: its result was not encoded whole: {error}; try it again") from error
    _refuse_size(name, width_px, height_px)


def refuse_unsound_clip(name: str, made: Path) -> None:
    """Raises EdgeError where a clip that was written cannot be opened, or is not 1920x1080."""
    facts = clip_facts(made)
    _refuse_size(name, facts.width_px, facts.height_px)


def _refuse_size(name: str, width_px: int, height_px: int) -> None:
    if (width_px, height_px) != (FRAME_WIDTH_PX, FRAME_HEIGHT_PX):
        raise EdgeError(f"{name}: its result is {width_px}x{height_px} px, expected 1920x1080; try it again")
