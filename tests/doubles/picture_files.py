"""Picture files made byte by byte, so that each property a device can write has a file that a test made itself."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, SEPARATED = 0, 1, 2, 5
"""TIFF 6.0, tag 262."""
ASSOCIATED, UNASSOCIATED = 1, 2
"""TIFF 6.0, tag 338."""
_FORMAT_OF_KIND = {"u": 1, "i": 2, "f": 3}


def exif(orientation: int) -> bytes:
    """A TIFF block that holds the orientation alone (tag 0x0112, SHORT)."""
    return b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def tiff(
    pages: Sequence[Pixels] | Pixels,
    *,
    photometric: int | None = None,
    alpha: int | None = None,
    icc: bytes = b"",
    orientation: int = 1,
    deflate: bool = False,
    strips: Sequence[bytes] = (),
    subfile: Sequence[int] = (),
    extra: dict[int, Sequence[int]] | None = None,
) -> bytes:
    """A little-endian TIFF of one strip a page, (H, W[, C]) of uint8, uint16 or float32.

    Args:
        strips: each page's bytes, where they are packed already.
        subfile: tag 254 of each page; 1 is a thumbnail of another.
        extra: other tags, as LONG.
    """
    pages = [pages] if isinstance(pages, np.ndarray) else pages
    file = bytearray(b"II*\0\0\0\0\0")
    link = 4
    for number, page in enumerate(pages):
        num_channels = 1 if page.ndim == 2 else page.shape[2]
        strip = page.tobytes()
        strip = zlib.compress(strip) if deflate else strip
        strip = strips[number] if strips else strip
        strip_at = len(file)
        file += strip + bytes(len(strip) % 2)
        colours = photometric if photometric is not None else (RGB if num_channels >= 3 else BLACK_IS_ZERO)
        tags: dict[int, tuple[int, Sequence[int] | bytes]] = {
            254: (4, [subfile[number] if subfile else 0]),
            256: (4, [page.shape[1]]),
            257: (4, [page.shape[0]]),
            258: (3, [8 * page.itemsize] * num_channels),
            259: (3, [8 if deflate else 1]),
            262: (3, [colours]),
            273: (4, [strip_at]),
            274: (3, [orientation]),
            277: (3, [num_channels]),
            278: (4, [page.shape[0]]),
            279: (4, [len(strip)]),
            284: (3, [1]),
            339: (3, [_FORMAT_OF_KIND[page.dtype.kind]] * num_channels),
        }
        if alpha is not None:
            tags[338] = (3, [alpha])
        if icc:
            tags[34675] = (7, icc)
        tags |= {key: (4, value) for key, value in (extra or {}).items()}
        link = _append_directory(file, link, tags)
    return bytes(file)


def _append_directory(file: bytearray, link: int, tags: dict[int, tuple[int, Sequence[int] | bytes]]) -> int:
    """Write one directory and what its entries point to; returns where the next one's offset goes."""
    entries = b""
    for key, (kind, values) in sorted(tags.items()):
        data = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{'_BBHI'[kind]}", *values)
        if len(data) > 4:
            at = struct.pack("<I", len(file))
            file += data + bytes(len(data) % 2)
        else:
            at = data.ljust(4, b"\0")
        entries += struct.pack("<HHI", key, kind, len(values)) + at
    file[link : link + 4] = struct.pack("<I", len(file))
    file += struct.pack("<H", len(tags)) + entries
    link = len(file)
    file += bytes(4)
    return link


def png(image: Pixels, *, icc: bytes = b"", orientation: int = 0, chunks: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
    """A PNG of (H, W[, C]) uint8 or uint16, 1 to 4 channels.

    Args:
        chunks: others, before the pixels.
    """
    num_channels = 1 if image.ndim == 2 else image.shape[2]
    rows = image.astype(image.dtype.newbyteorder(">")).reshape(image.shape[0], -1)
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[num_channels]
    head = struct.pack(">IIBBBBB", image.shape[1], image.shape[0], 8 * image.itemsize, colour, 0, 0, 0)
    content = b"".join(b"\0" + row.tobytes() for row in rows)
    body = png_chunk(b"IHDR", head)
    if icc:
        body += png_chunk(b"iCCP", b"a profile\0\0" + zlib.compress(icc))
    if orientation:
        body += png_chunk(b"eXIf", exif(orientation))
    body += b"".join(png_chunk(*chunk) for chunk in chunks)
    return b"\x89PNG\r\n\x1a\n" + body + png_chunk(b"IDAT", zlib.compress(content)) + png_chunk(b"IEND", b"")


def png_chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def jpeg_with(jpeg: bytes, *, icc: bytes = b"", orientation: int = 0) -> bytes:
    """A JPEG with an EXIF block and a profile (ICC.1 annex B.4) behind its first marker."""
    segments = b""
    if orientation:
        segments += _segment(0xE1, b"Exif\0\0" + exif(orientation))
    if icc:
        segments += _segment(0xE2, b"ICC_PROFILE\0\x01\x01" + icc)
    return jpeg[:2] + segments + jpeg[2:]


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload
