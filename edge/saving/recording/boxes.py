"""The boxes of a fragmented MP4 (ISO/IEC 14496-12), as far as a recorder must know them.

Such a file is `ftyp` and `moov`, then pairs of `moof` and `mdat`: each pair, a fragment, can be decoded by itself here,
since it begins with a key frame. So what was written up to the last whole fragment plays, whatever became of the rest.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

TICKS_PER_S = 90_000
MAX_HEAD_BYTES, MAX_FRAGMENT_BYTES = 4 << 20, 256 << 20
"""Of `moov` and `moof`, and of what a fragment holds: two seconds of 1080p that cannot be packed take 100 MB."""
_HEAD = struct.Struct(">I4s")
_NOUGHTS = 64  # a head of JPEG has some in a row

Read = Callable[[int], bytes]
"""Gives so many bytes; fewer at the end alone."""


class NotMp4(ValueError):
    """Bytes that are no fragmented MP4 of this program's."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """`moof` and `mdat` of one track.

    Attributes:
        begin, duration: in ticks of 1/90000 s.
        time_at: where in `content` the eight bytes of its time stand.
    """

    content: bytes
    begin: int
    duration: int
    num_frames: int
    time_at: int

    def moved_to(self, begin: int) -> bytes:
        """The same at another time."""
        return self.content[: self.time_at] + begin.to_bytes(8, "big") + self.content[self.time_at + 8 :]


def read_init(read: Read) -> bytes:
    """`ftyp` and `moov`; empty where nothing comes.

    Raises:
        NotMp4: something else comes.
    """
    init = b""
    while box := _read_box(read, MAX_HEAD_BYTES):
        init += box
        if box[4:8] == b"moov":
            return init
        if box[4:8] != b"ftyp":
            break
    if init or box:
        raise NotMp4("a clip without a head")
    return init


def read_fragments(read: Read) -> Iterator[Fragment]:
    """What follows the head, until it ends, a fragment that is cut short left out; boxes of other kinds are skipped.

    Raises:
        NotMp4: a fragment that cannot be understood.
    """
    head = b""
    while box := _read_box(read, MAX_FRAGMENT_BYTES):
        kind = box[4:8]
        if kind == b"moof":
            head = box
        elif kind == b"mdat" and head:
            yield fragment_of(head, box)
            head = b""


def fragment_of(moof: bytes, mdat: bytes) -> Fragment:
    """Raises NotMp4 where its time does not stand in it."""
    time_at = begin = duration = num_frames = -1
    default = 0
    try:
        for kind, at, end in _inside(moof, 8, len(moof)):
            if kind != b"traf":
                continue
            for inner, first, last in _inside(moof, at, end):
                if inner == b"tfhd":
                    default = _default_duration(moof[first:last])
                elif inner == b"tfdt" and moof[first] == 1:
                    time_at = first + 4
                    begin = int.from_bytes(moof[time_at : time_at + 8], "big")
                elif inner == b"trun":
                    num_frames, duration = _run(moof[first:last], default)
    except (struct.error, IndexError) as error:
        raise NotMp4("a fragment that is cut short") from error
    if time_at < 0 or num_frames < 1:
        raise NotMp4("a fragment without its time or frames")
    return Fragment(moof + mdat, begin, duration, num_frames, time_at)


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a file is whole. Attributes: num_bytes: 0 without one whole fragment; duration: in ticks."""

    num_bytes: int
    num_frames: int
    duration: int


def whole_extent(file: BinaryIO) -> Extent:
    """Read the heads of a file's boxes, from its begin up to the last fragment that is there whole.

    What is in a fragment is read from the last one backwards, as far as a file system left noughts in it.
    """
    size = file.seek(0, 2)
    at = num_frames = 0
    found: list[tuple[int, Extent]] = []
    moof, has_head = b"", False
    while at + _HEAD.size <= size:
        file.seek(at)
        num_bytes, kind = _HEAD.unpack(file.read(_HEAD.size))
        if num_bytes < _HEAD.size or at + num_bytes > size or kind not in (b"ftyp", b"moov", b"moof", b"mdat"):
            break
        if num_bytes > (MAX_FRAGMENT_BYTES if kind == b"mdat" else MAX_HEAD_BYTES):
            break
        if kind == b"moof":
            file.seek(at)
            moof = file.read(num_bytes)
        at += num_bytes
        has_head = has_head or kind == b"moov"
        if kind == b"mdat" and moof and has_head:
            try:
                fragment = fragment_of(moof, b"")
            except NotMp4:
                break
            moof = b""
            num_frames += fragment.num_frames
            found.append((at - num_bytes + _HEAD.size, Extent(at, num_frames, fragment.begin + fragment.duration)))
    while found and not _is_written(file, found[-1][0], found[-1][1].num_bytes):
        found.pop()
    return found[-1][1] if found else Extent(0, 0, 0)


def _is_written(file: BinaryIO, begin: int, end: int) -> bool:
    """Whether frames are there and no noughts where a file system had not written yet.

    Neither H.264 (no NAL unit ends with a nought or has three in a row, ISO/IEC 14496-10, section 7.4.1) nor JPEG (FFD9
    at its end) can look like that.
    """
    file.seek(begin)
    content = file.read(end - begin)
    return bool(content) and content[-1] != 0 and bytes(_NOUGHTS) not in content


def _read_box(read: Read, most: int) -> bytes:
    """The next box, whole; empty at the end."""
    head = read(_HEAD.size)
    if len(head) < _HEAD.size:
        return b""
    num_bytes, _kind = _HEAD.unpack(head)
    if not _HEAD.size <= num_bytes <= most:
        raise NotMp4(f"a box of {num_bytes} bytes")
    body = read(num_bytes - _HEAD.size)
    return head + body if len(body) == num_bytes - _HEAD.size else b""


def _inside(content: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of what each box between two places holds."""
    while at + _HEAD.size <= end:
        num_bytes, kind = _HEAD.unpack_from(content, at)
        if num_bytes < _HEAD.size or at + num_bytes > end:
            raise NotMp4("a box that is larger than what it lies in")
        yield kind, at + _HEAD.size, at + num_bytes
        at += num_bytes


def _default_duration(tfhd: bytes) -> int:
    """Section 8.8.7: of a frame, where the run does not say."""
    flags = int.from_bytes(tfhd[1:4], "big")
    at = 8 + 8 * bool(flags & 0x1) + 4 * bool(flags & 0x2)
    return int(struct.unpack_from(">I", tfhd, at)[0]) if flags & 0x8 else 0


def _run(trun: bytes, default: int) -> tuple[int, int]:
    """Section 8.8.8: number of frames and their duration."""
    flags = int.from_bytes(trun[1:4], "big")
    num_frames = int(struct.unpack_from(">I", trun, 4)[0])
    if not flags & 0x100:
        return num_frames, num_frames * default
    at = 8 + 4 * bool(flags & 0x1) + 4 * bool(flags & 0x4)
    step = 4 * (1 + bool(flags & 0x200) + bool(flags & 0x400) + bool(flags & 0x800))
    return num_frames, sum(int(struct.unpack_from(">I", trun, at + step * one)[0]) for one in range(num_frames))
