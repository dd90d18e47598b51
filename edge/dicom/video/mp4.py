"""The boxes of a plain MP4 (ISO/IEC 14496-12 and -15) with one track of video, as FFmpeg has just written it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

_HEAD = struct.Struct(">I4s")
_TO_STBL = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_SKIPPED = {b"stsd": 8, b"avc1": 78}
"""Bytes of a box before the boxes in it."""
_MAX_MOOV_BYTES = 64 << 20


class NotPlainMp4(ValueError):
    """Not what FFmpeg writes where it copies one track of H.264."""


@dataclass(frozen=True, slots=True)
class Track:
    """The video.

    Attributes:
        moov: the whole box; moov_at: where it begins, the last of the file.
        avcc: the content of `avcC`.
        sizes, durations: of each frame, in bytes and in ticks.
        first_at: where the first frame begins.
    """

    moov: bytes
    moov_at: int
    avcc: bytes
    timescale: int
    sizes: list[int]
    durations: list[int]
    first_at: int

    @property
    def duration_s(self) -> float:
        return sum(self.durations) / self.timescale


def read_track(file: BinaryIO) -> Track:
    """Raises NotPlainMp4."""
    try:
        moov_at, moov = _moov(file)
        stbl = _inner(moov, *_TO_STBL)
        avcc = _inner(_inner(stbl, b"stsd"), b"avc1", b"avcC")
        mdhd = _inner(moov, b"moov", b"trak", b"mdia", b"mdhd")
        timescale = _number(mdhd, 20 if mdhd[0] else 12)
        return Track(moov, moov_at, avcc, timescale, _sizes(stbl), _durations(stbl), _first_at(stbl))
    except (struct.error, IndexError) as error:
        raise NotPlainMp4("a box that is cut short") from error


def with_avcc(file: BinaryIO, track: Track, avcc: bytes) -> None:
    """Put another `avcC` into the file; the frames stay where they are, since `moov` comes behind them."""
    file.seek(track.moov_at)
    file.write(_replaced(track.moov, (*_TO_STBL, b"stsd", b"avc1", b"avcC"), avcc))
    file.truncate()
    file.flush()


def first_units(file: BinaryIO, track: Track) -> set[int]:
    """The types of the NAL units of the first frame (ISO/IEC 14496-10, table 7-1)."""
    file.seek(track.first_at)
    frame = file.read(track.sizes[0])
    length_bytes = (track.avcc[4] & 3) + 1
    found, at = set(), 0
    while at + length_bytes < len(frame):
        found.add(frame[at + length_bytes] & 31)
        at += length_bytes + int.from_bytes(frame[at : at + length_bytes], "big")
    return found


def _moov(file: BinaryIO) -> tuple[int, bytes]:
    at, end = 0, file.seek(0, 2)
    while at < end:
        file.seek(at)
        size, kind = _HEAD.unpack(file.read(8))
        if size == 1:
            size = int.from_bytes(file.read(8), "big")
        if kind == b"moov":
            if at + size != end or size > _MAX_MOOV_BYTES:
                break
            file.seek(at)
            return at, file.read(size)
        if size < 8:
            break
        at += size
    raise NotPlainMp4("no head at its end")


def _boxes(content: bytes) -> list[tuple[bytes, int, int]]:
    """Kind, begin and end of each, its head included."""
    found, at = [], 0
    while at + 8 <= len(content):
        size, kind = _HEAD.unpack_from(content, at)
        if size < 8 or at + size > len(content):
            raise NotPlainMp4("a box that is longer than what holds it")
        found.append((kind, at, at + size))
        at += size
    return found


def _inner(content: bytes, *path: bytes) -> bytes:
    """The content of a box in a row of boxes, by the way to it."""
    for kind in path:
        where = [(begin, end) for name, begin, end in _boxes(content) if name == kind]
        if len(where) != 1:
            raise NotPlainMp4(f"{len(where)} boxes {kind.decode()}; expected one")
        begin, end = where[0]
        content = content[begin + 8 + _SKIPPED.get(kind, 0) : end]
    return content


def _replaced(content: bytes, path: tuple[bytes, ...], new: bytes) -> bytes:
    kind, *rest = path
    for name, begin, end in _boxes(content):
        if name == kind:
            head = content[begin + 8 : begin + 8 + _SKIPPED.get(kind, 0)]
            inner = content[begin + 8 + len(head) : end]
            body = head + (_replaced(inner, tuple(rest), new) if rest else new)
            return content[:begin] + _HEAD.pack(8 + len(body), kind) + body + content[end:]
    raise NotPlainMp4(f"no box {kind.decode()}")


def _number(content: bytes, at: int, kind: str = "I") -> int:
    return int(struct.unpack_from(f">{kind}", content, at)[0])


def _sizes(stbl: bytes) -> list[int]:
    stsz = _inner(stbl, b"stsz")
    same, num = _number(stsz, 4), _number(stsz, 8)
    return [same] * num if same else list(struct.unpack_from(f">{num}I", stsz, 12))


def _durations(stbl: bytes) -> list[int]:
    stts = _inner(stbl, b"stts")
    numbers = struct.unpack_from(f">{2 * _number(stts, 4)}I", stts, 8)
    return [ticks for num, ticks in zip(numbers[::2], numbers[1::2], strict=True) for _ in range(num)]


def _first_at(stbl: bytes) -> int:
    if any(kind == b"co64" for kind, _, _ in _boxes(stbl)):
        return _number(_inner(stbl, b"co64"), 8, "Q")
    return _number(_inner(stbl, b"stco"), 8)
