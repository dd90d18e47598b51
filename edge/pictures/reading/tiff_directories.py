"""The pages of a TIFF: which of its directories are pictures, and which are thumbnails or masks of others."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from edge.pictures.reading.refusals import Damaged, Refused

_NEW_SUBFILE_TYPE, _COMPRESSION, _DNG_VERSION = 254, 259, 50706
_STRIP_PLACES, _STRIP_SIZES, _TILE_PLACES, _TILE_SIZES = 273, 279, 324, 325
_LOOKED_AT = frozenset({_NEW_SUBFILE_TYPE, _COMPRESSION, _DNG_VERSION}) | {
    *(_STRIP_PLACES, _STRIP_SIZES, _TILE_PLACES, _TILE_SIZES)
}
_THUMBNAIL_OR_MASK = 0b101
_MOST_DIRECTORIES, _MOST_VALUES = 65_536, 1 << 20
_JPEG_COMPRESSIONS, _DEFLATE_COMPRESSIONS = frozenset({6, 7}), frozenset({8, 32_946})
_FORMATS = {3: "H", 4: "I", 16: "Q"}
"""SHORT, LONG and BigTIFF's LONG8."""

_Tags = dict[int, tuple[int, ...]]


class TiffPage(NamedTuple):
    """A page.

    Attributes:
        directory: its number in the file, from 0.
        is_jpeg: its pixels are JPEG.
        deflated: where zlib's streams of its pixels begin and how many bytes they have; empty for another packing.
    """

    directory: int
    is_jpeg: bool
    deflated: tuple[tuple[int, int], ...]


class TiffPages(NamedTuple):
    """The pages in order, and why there may have been more; empty where there were not."""

    pages: list[TiffPage]
    damage: str


def tiff_pages(file: BinaryIO) -> TiffPages:
    """The pages, by their directories alone (TIFF 6.0, section 2; BigTIFF).

    Raises:
        Damaged: not even the first directory can be read.
        Refused: there is no page, or the pixels are a camera's raw ones.
    """
    directories: list[_Tags] = []
    damage = ""
    try:
        for tags in _directories(file):
            directories.append(tags)
    except Damaged as error:
        if not directories:
            raise
        damage = str(error)
    if any(_DNG_VERSION in tags for tags in directories):
        raise Refused("a camera's raw pixels (DNG); save it as TIFF or JPEG in the program that develops it")
    pages = [
        _page(number, tags)
        for number, tags in enumerate(directories)
        if not (*tags.get(_NEW_SUBFILE_TYPE, ()), 0)[0] & _THUMBNAIL_OR_MASK
    ]
    if not pages:
        raise Refused("holds thumbnails and no picture; save it as TIFF or JPEG in the program that made it")
    return TiffPages(pages, damage)


def _page(number: int, tags: _Tags) -> TiffPage:
    compression = (*tags.get(_COMPRESSION, ()), 1)[0]
    places = tags.get(_STRIP_PLACES, ()) or tags.get(_TILE_PLACES, ())
    sizes = tags.get(_STRIP_SIZES, ()) or tags.get(_TILE_SIZES, ())
    is_deflated = compression in _DEFLATE_COMPRESSIONS and len(places) == len(sizes)
    return TiffPage(
        number, compression in _JPEG_COMPRESSIONS, tuple(zip(places, sizes, strict=True)) if is_deflated else ()
    )


def _directories(file: BinaryIO) -> Iterator[_Tags]:
    """The values of those tags of each directory that are looked at here."""
    head = _read(file, 0, 16)
    order = "<" if head[:2] == b"II" else ">"
    is_big = head[2:4] in (b"+\0", b"\0+")
    offset, count = ("Q", "Q") if is_big else ("I", "H")
    entry = struct.Struct(f"{order}HH{offset}{8 if is_big else 4}s")
    (at,) = struct.unpack_from(order + offset, head, 8 if is_big else 4)
    seen: set[int] = set()
    while at:
        if at in seen or len(seen) == _MOST_DIRECTORIES:
            raise Damaged("its pages lead back to each other")
        (num_tags,) = struct.unpack(order + count, _read(file, at, struct.calcsize("=" + count)))
        body_at = at + struct.calcsize("=" + count)
        body = _read(file, body_at, min(num_tags, 65_536) * entry.size)
        seen.add(at)
        yield {
            key: _values(file, order, _FORMATS[kind], num_values, field)
            for key, kind, num_values, field in entry.iter_unpack(body)
            if key in _LOOKED_AT and kind in _FORMATS
        }
        (at,) = struct.unpack(order + offset, _read(file, body_at + len(body), struct.calcsize("=" + offset)))


def _values(file: BinaryIO, order: str, form: str, num_values: int, field: bytes) -> tuple[int, ...]:
    """A tag's values, which stand in its field where they fit; none where they are beyond reason or the file."""
    num_bytes = num_values * struct.calcsize("=" + form)
    if num_values > _MOST_VALUES:
        return ()
    try:
        place = int.from_bytes(field, "little" if order == "<" else "big")
        content = field[:num_bytes] if num_bytes <= len(field) else _read(file, place, num_bytes)
    except Damaged:
        return ()  # libtiff tells what it misses
    return struct.unpack(f"{order}{num_values}{form}", content)


def _read(file: BinaryIO, at: int, num_bytes: int) -> bytes:
    """Bytes of a page's directory; raises `Damaged` where the file ends before."""
    try:
        file.seek(at)
    except (OverflowError, ValueError, OSError):
        raise Damaged("its pages lie beyond the end of the file") from None
    content = file.read(num_bytes)
    if len(content) < num_bytes:
        raise Damaged("its pages lie beyond the end of the file")
    return content
