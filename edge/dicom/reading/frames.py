"""Where the bytes of each frame lie in a file: checked against what the file says of itself, before any is decoded."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from edge.pictures.reading.refusals import Damaged, Refused

_ITEM, _END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_UNDEFINED = 0xFFFFFFFF
_MOST_FRAGMENTS = 1 << 20
_LONG_HEADS = (b"OB", b"OW", b"UN")
_SOI = b"\xff\xd8"


class Place(NamedTuple):
    """Where bytes lie in the file."""

    at: int
    num_bytes: int


@dataclass(frozen=True, slots=True)
class PixelValue:
    """The value of Pixel Data.

    Attributes:
        place: of a native value; of an encapsulated one, of its first item.
        is_words: it is said to be of 16-bit words (OW), which matters in big endian.
    """

    place: Place
    is_encapsulated: bool
    is_words: bool


def pixel_value(file: BinaryIO, at: int, *, is_little: bool, is_implicit: bool) -> PixelValue:
    """The value whose element begins at a place; raises `Damaged` where it does not lie in the file."""
    end = file.seek(0, os.SEEK_END)
    file.seek(at)
    head, order = file.read(12), "<" if is_little else ">"
    if not head:
        raise Damaged("it has no pixels, and may be cut short")
    if len(head) < 8:
        raise Damaged("cut short before its pixels")
    if struct.unpack_from(f"{order}HH", head) != (0x7FE0, 0x0010):
        raise Refused("it holds no pixels of a picture")
    if is_implicit or not head[4:6].isalpha():  # some write the one and say that it were the other
        size, begin, vr = struct.unpack_from(f"{order}I", head, 4)[0], at + 8, b"OW"
    else:
        vr = head[4:6]
        if vr not in _LONG_HEADS or len(head) < 12:
            raise Damaged("its pixels are of a type that no pixels have")
        size, begin = struct.unpack_from(f"{order}I", head, 8)[0], at + 12
    if size == _UNDEFINED:
        return PixelValue(Place(begin, end - begin), is_encapsulated=True, is_words=False)
    if begin + size > end:
        raise Damaged(f"cut short: {begin + size - end} bytes of its pixels are missing")
    return PixelValue(Place(begin, size), is_encapsulated=False, is_words=vr == b"OW")


def refuse_other_size(file: BinaryIO, value: PixelValue, frame_bytes: int, num_frames: int) -> None:
    """Raises `Damaged` where native pixels are not those of so many frames; zeros that fill up are no fault."""
    expected, found = frame_bytes * num_frames, value.place.num_bytes
    if found < expected:
        raise Damaged(f"{found} bytes of pixels; its {_frames(num_frames)} take {expected}")
    excess = found - expected
    if excess > 1:
        file.seek(value.place.at + expected)
        if excess >= frame_bytes or file.read(excess).strip(b"\0"):
            raise Damaged(f"{found} bytes of pixels, {excess} more than its {_frames(num_frames)} take")


def fragments_of(file: BinaryIO, value: PixelValue) -> tuple[list[int], list[Place]]:
    """The basic offset table and the fragments of encapsulated pixels (PS3.5, A.4).

    Raises:
        Damaged: they do not end, or lie beyond the end of the file.
    """
    at, end = value.place.at, value.place.at + value.place.num_bytes
    found: list[Place] = []
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            raise Damaged("cut short within its pixels")
        group, element, size = struct.unpack("<HHI", head)
        at += 8
        if (group, element) == _END:
            break
        if (group, element) != _ITEM or size == _UNDEFINED:
            raise Damaged("its pixels are not packed as they must be")
        if at + size > end:
            raise Damaged(f"cut short: {at + size - end} bytes of its pixels are missing")
        found.append(Place(at, size))
        if len(found) > _MOST_FRAGMENTS:
            raise Refused(f"more than {_MOST_FRAGMENTS} parts of pixels")
        at += size
    if len(found) < 2:
        raise Damaged("it has no pixels")
    return _numbers(file, found[0], "I"), found[1:]


def frames_of(
    file: BinaryIO, offsets: list[int], fragments: list[Place], num_frames: int, *, are_jpeg: bool
) -> list[list[Place]]:
    """The fragments of each frame.

    Args:
        offsets: where each frame begins, from the first fragment's item on; empty where no table says it.
        are_jpeg: a frame begins as a JPEG does, so that its first fragment is known without a table.

    Raises:
        Damaged: there are fewer or more of them than the object says.
    """
    if num_frames == 1:
        return [fragments]
    if len(fragments) == num_frames:
        return [[one] for one in fragments]
    if len(fragments) < num_frames:
        raise Damaged(f"pixels of {len(fragments)} frames; it says that it has {num_frames}")
    starts = {place.at - fragments[0].at: number for number, place in enumerate(fragments)}
    if offsets:
        if len(offsets) != num_frames or any(offset not in starts for offset in offsets) or offsets[0]:
            raise Damaged("its table of frames does not fit its pixels")
        firsts = [starts[offset] for offset in offsets]
    elif are_jpeg:
        firsts = [number for number, place in enumerate(fragments) if _begins(file, place, _SOI)]
    else:
        raise Refused(
            f"{len(fragments)} parts of pixels and no table says which belong to which of {num_frames} frames"
        )
    if len(firsts) != num_frames or firsts[0] or firsts != sorted(set(firsts)):
        raise Damaged(f"pixels of {len(firsts)} frames; it says that it has {num_frames}")
    return [fragments[first:last] for first, last in zip(firsts, [*firsts[1:], len(fragments)], strict=True)]


def content_of(file: BinaryIO, places: list[Place]) -> bytes:
    """What lies there, one after the other."""
    parts = []
    for place in places:
        file.seek(place.at)
        parts.append(file.read(place.num_bytes))
    return b"".join(parts)


def _numbers(file: BinaryIO, place: Place, form: str) -> list[int]:
    content = content_of(file, [place])
    size = struct.calcsize(f"<{form}")
    return list(struct.unpack(f"<{len(content) // size}{form}", content[: len(content) // size * size]))


def _begins(file: BinaryIO, place: Place, start: bytes) -> bool:
    file.seek(place.at)
    return file.read(len(start)) == start


def _frames(num_frames: int) -> str:
    return f"{num_frames} frame{'s' * (num_frames > 1)}"
