"""One JPEG of a picture's strips, each encoded from where it lies.

So what is drawn into a picture costs a copy of the strips that it touches, and not of the frame, which others show too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor

import numpy as np
import simplejpeg

from edge.pictures.image import Image

STRIP_ROWS = 128
"""Eight rows of 4:2:0 blocks. With fewer each strip's own headers cost more than the smaller copy saves."""
_BLOCK_PX = 16
_SOF0, _SOS, _DRI, _FIRST_RST, _EOI = 0xC0, 0xDA, 0xDD, 0xD0, b"\xff\xd9"


def strips_of(image: Image) -> list[Image]:
    """The picture in views of `STRIP_ROWS` each; the last one has what is left."""
    return [image[top : top + STRIP_ROWS] for top in range(0, image.shape[0], STRIP_ROWS)]


def jpeg_of_strips(strips: Sequence[Image], quality: int, helper: Executor | None = None) -> bytes:
    """A baseline JPEG, 4:2:0, of strips that lie beneath each other; its pixels are those of the whole in one piece.

    Each strip becomes a restart interval (ITU-T T.81, B.2.4.4 and E.1.4), which begins as an encoder begins: strips
    that were encoded each for itself need nothing but the markers between them. Other threads run meanwhile.

    Args:
        strips: RGB uint8 (`STRIP_ROWS`, W, 3), the last one as high as it likes up to that; wherever they lie.
        helper: encodes the lower half meanwhile.
    """
    parts = _all_encoded(strips, quality, helper)
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    places = dict(_segments(first))
    height_px, num_blocks = sum(len(strip) for strip in strips), -(-strips[0].shape[1] // _BLOCK_PX)
    interval = num_blocks * STRIP_ROWS // _BLOCK_PX
    head = bytearray(first[: places[_SOS]])
    height_at = places[_SOF0] + 5
    head[height_at : height_at + 2] = height_px.to_bytes(2, "big")
    joined = [bytes(head), bytes((0xFF, _DRI, 0, 4)), interval.to_bytes(2, "big"), first[places[_SOS] : -len(_EOI)]]
    for number, part in enumerate(parts[1:]):
        joined += [bytes((0xFF, _FIRST_RST + number % 8)), memoryview(part)[_scan_at(part) : -len(_EOI)]]
    return b"".join([*joined, _EOI])


def _all_encoded(strips: Sequence[Image], quality: int, helper: Executor | None) -> list[bytes]:
    if helper is None or len(strips) == 1:
        return [_encoded(strip, quality) for strip in strips]
    middle = len(strips) // 2
    lower = helper.submit(_all_encoded, strips[middle:], quality, None)
    upper = _all_encoded(strips[:middle], quality, None)
    return upper + lower.result()


def _encoded(image: Image, quality: int) -> bytes:
    jpeg: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(image), quality=quality, colorspace="RGB", colorsubsampling="420", fastdct=True
    )
    return jpeg


def _segments(jpeg: bytes) -> Iterator[tuple[int, int]]:
    """Marker and place of each segment up to the scan."""
    at, marker = 2, 0
    while marker != _SOS:
        marker = jpeg[at + 1]
        yield marker, at
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")


def _scan_at(jpeg: bytes) -> int:
    """Where the coded blocks begin."""
    at = dict(_segments(jpeg))[_SOS]
    return at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
