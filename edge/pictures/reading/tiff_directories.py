"""The pages of a TIFF: which of its directories are pictures, and which are thumbnails or masks of others."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple

from edge.pictures.reading.refusals import Damaged, Refused

_NEW_SUBFILE_TYPE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _COLOURS, _CHANNELS = 254, 256, 257, 258, 259, 262, 277
_STRIP_PLACES, _STRIP_ROWS, _STRIP_SIZES, _PLANES = 273, 278, 279, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILE_PLACES, _TILE_SIZES = 322, 323, 324, 325
_DNG_VERSION = 50706
_LOOKED_AT = frozenset({_NEW_SUBFILE_TYPE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _COLOURS, _CHANNELS, _DNG_VERSION}) | {
    *(_STRIP_PLACES, _STRIP_ROWS, _STRIP_SIZES, _PLANES, _TILE_WIDTH, _TILE_HEIGHT, _TILE_PLACES, _TILE_SIZES)
}
_THUMBNAIL_OR_MASK, _YCBCR, _ONE_CHANNEL_A_PLANE = 0b101, 6, 2
_MOST_DIRECTORIES, _MOST_VALUES = 65_536, 1 << 20
_LZW, _JPEG, _DEFLATE = frozenset({5}), frozenset({6, 7}), frozenset({8, 32_946})
_FORMATS = {3: "H", 4: "I", 16: "Q"}
"""SHORT, LONG and BigTIFF's LONG8."""

_Tags = dict[int, tuple[int, ...]]


class Piece(NamedTuple):
    """A strip or tile.

    Attributes:
        place: where its packed bytes begin in the file.
        num_bytes: how many they are.
        unpacked: how many bytes of pixels they may stand for; empty where that is not known.
    """

    place: int
    num_bytes: int
    unpacked: tuple[int, ...]


class TiffPage(NamedTuple):
    """A page: the number of its directory in the file, from 0, how its pixels are packed, and where they are."""

    directory: int
    packing: Literal["LZW", "JPEG", "deflate", "other"]
    pieces: tuple[Piece, ...]


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
        if not _first(tags, _NEW_SUBFILE_TYPE, 0) & _THUMBNAIL_OR_MASK
    ]
    if not pages:
        raise Refused("holds thumbnails and no picture; save it as TIFF or JPEG in the program that made it")
    return TiffPages(pages, damage)


def _page(number: int, tags: _Tags) -> TiffPage:
    compression = _first(tags, _COMPRESSION, 1)
    if compression in _JPEG:
        return TiffPage(number, "JPEG", ())
    if compression in _DEFLATE:
        return TiffPage(number, "deflate", _pieces(tags))
    return TiffPage(number, "LZW" if compression in _LZW else "other", _pieces(tags))


def _pieces(tags: _Tags) -> tuple[Piece, ...]:
    places = tags.get(_STRIP_PLACES, ()) or tags.get(_TILE_PLACES, ())
    sizes = tags.get(_STRIP_SIZES, ()) or tags.get(_TILE_SIZES, ())
    if len(places) != len(sizes):
        return ()
    unpacked = _unpacked_sizes(tags, len(places))
    return tuple(Piece(*piece) for piece in zip(places, sizes, unpacked, strict=True))


def _unpacked_sizes(tags: _Tags, num_pieces: int) -> list[tuple[int, ...]]:
    """Bytes that each piece may have unpacked: the last strip may be filled up, and writers may make it even."""
    width_px, height_px, bits = _first(tags, _WIDTH, 0), _first(tags, _HEIGHT, 0), tags.get(_BITS, (1,))
    in_planes = _first(tags, _PLANES, 1) == _ONE_CHANNEL_A_PLANE
    num_channels = _first(tags, _CHANNELS, 1)
    if _first(tags, _COLOURS, 0) == _YCBCR or len(bits) != num_channels or not width_px or not height_px:
        return [()] * num_pieces
    bits_px = bits[0] if in_planes else sum(bits)
    if _TILE_PLACES in tags:
        whole = -(-_first(tags, _TILE_WIDTH, 0) * bits_px // 8) * _first(tags, _TILE_HEIGHT, 0)
        return [(whole, whole + 1)] * num_pieces
    row_bytes, rows = -(-width_px * bits_px // 8), max(1, min(_first(tags, _STRIP_ROWS, height_px), height_px))
    in_plane = -(-height_px // rows)
    left = [height_px - (number % in_plane) * rows for number in range(num_pieces)]
    return [(row_bytes * min(rows, n), row_bytes * min(rows, n) + 1, row_bytes * rows) for n in left]


def _first(tags: _Tags, key: int, default: int) -> int:
    return (*tags.get(key, ()), default)[0]


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
