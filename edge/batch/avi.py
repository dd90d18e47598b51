"""Motion-JPEG in an AVI file, written straight through, of any length.

The format is AVI with Matrox's OpenDML file format extensions 1.02 (1996): the file is cut into RIFF parts
of at most 1 GiB, each with an index of its own (`ix00`), and the head of the file has an index of those
(`indx`). The first part has the older `idx1` besides, for players that know no other. Numbers are
little-endian.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import BinaryIO

SEGMENT_BYTES = 1 << 30
MAX_SEGMENTS = 1024
_FRAME_ID = b"00dc"
_AVIF_HASINDEX, _AVIF_ISINTERLEAVED, _AVIF_TRUSTCKTYPE = 0x10, 0x100, 0x800
_AVIIF_KEYFRAME = 0x10


def _chunk(fourcc: bytes, payload: bytes) -> bytes:
    """A RIFF chunk; the padding to an even length is not counted in its size."""
    return fourcc + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)


def _list(name: bytes, *chunks: bytes) -> bytes:
    return _chunk(b"LIST", name + b"".join(chunks))


class AviWriter:
    """Writes JPEG pictures, one a frame, into an open file; `finish` makes it a whole AVI.

    Args:
        file: empty, open for writing, seekable. It stays open.
        fps: frames per second; kept as a fraction, 29.97 as 30000 / 1001.
        comment: what the file says of itself (`ICMT`), which players show among its properties.
        segment_bytes: where a RIFF part ends; smaller only in tests.

    Raises:
        OSError: from `add` and `finish`, where the file cannot be written.
    """

    def __init__(
        self,
        file: BinaryIO,
        width_px: int,
        height_px: int,
        fps: float,
        comment: str,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self._file = file
        self._size_px = (width_px, height_px)
        self._rate = Fraction(fps).limit_denominator(1001)
        self._comment = comment
        self._segment_bytes = segment_bytes
        self._largest_frame = 0
        self._frames: list[tuple[int, int]] = []  # of the open segment: offset of the JPEG in the file, its size
        self._segments: list[tuple[int, int, int]] = []  # offset and size of an ix00, and its number of frames
        file.write(self._head())
        self._riff_at = 0
        self._movi_at = file.tell() - 4

    @property
    def num_frames(self) -> int:
        return len(self._frames) + sum(num for _, _, num in self._segments)

    def add(self, jpeg: bytes) -> None:
        """Append a frame."""
        if self._file.tell() + len(jpeg) - self._riff_at > self._segment_bytes and self._frames:
            self._end_segment()
            self._begin_segment()
        self._frames.append((self._file.tell() + 8, len(jpeg)))
        self._largest_frame = max(self._largest_frame, len(jpeg))
        self._file.write(_chunk(_FRAME_ID, jpeg))

    def finish(self) -> None:
        """Write the last index and the head, which needs the number of frames."""
        self._end_segment()
        self._file.seek(8)
        self._file.write(self._head()[8:-8])  # all between the two sizes, which are there already
        self._file.seek(0, 2)

    def _begin_segment(self) -> None:
        if len(self._segments) == MAX_SEGMENTS:
            raise OSError(f"the clip is longer than {MAX_SEGMENTS} GiB")
        self._riff_at = self._file.tell()
        self._file.write(b"RIFF\0\0\0\0AVIX" + b"LIST\0\0\0\0movi")
        self._movi_at = self._file.tell() - 4

    def _end_segment(self) -> None:
        """Write the open segment's index and the sizes that were not known when it began."""
        index_at = self._file.tell()
        index = self._segment_index()
        self._file.write(index)
        self._patch_size(self._movi_at - 4)
        if not self._segments:
            self._file.write(self._old_index())
        self._patch_size(self._riff_at + 4)
        self._segments.append((index_at, len(index), len(self._frames)))
        self._frames = []

    def _patch_size(self, at: int) -> None:
        end = self._file.tell()
        self._file.seek(at)
        self._file.write(struct.pack("<I", end - at - 4))
        self._file.seek(end)

    def _segment_index(self) -> bytes:
        head = struct.pack("<HBBI4sQI", 2, 0, 1, len(self._frames), _FRAME_ID, self._movi_at, 0)
        entries = (struct.pack("<II", at - self._movi_at, size) for at, size in self._frames)
        return _chunk(b"ix00", head + b"".join(entries))

    def _old_index(self) -> bytes:
        entries = (
            struct.pack("<4sIII", _FRAME_ID, _AVIIF_KEYFRAME, at - 8 - self._movi_at, size) for at, size in self._frames
        )
        return _chunk(b"idx1", b"".join(entries))

    def _head(self) -> bytes:
        """All before the first frame, always of one length; the sizes of the first part are left 0."""
        stream = _list(b"strl", self._stream_header(), self._picture_format(), self._index_of_indexes())
        num_frames = struct.pack("<I", self.num_frames).ljust(248, b"\0")
        header = _list(b"hdrl", self._main_header(), stream, _list(b"odml", _chunk(b"dmlh", num_frames)))
        texts = (self._comment.encode() + b"\0", b"edge-enhance\0")
        info = _list(b"INFO", _chunk(b"ICMT", texts[0]), _chunk(b"ISFT", texts[1]))
        return b"RIFF\0\0\0\0AVI " + header + info + b"LIST\0\0\0\0movi"

    def _main_header(self) -> bytes:
        period_us = round(1_000_000 / self._rate)
        flags = _AVIF_HASINDEX | _AVIF_ISINTERLEAVED | _AVIF_TRUSTCKTYPE
        num_in_first = self._segments[0][2] if self._segments else 0
        bytes_per_s = min(round(self._largest_frame * self._rate), 0xFFFFFFFF)
        values = (period_us, bytes_per_s, 0, flags, num_in_first, 0, 1, self._largest_frame, *self._size_px)
        return _chunk(b"avih", struct.pack("<14I", *values, 0, 0, 0, 0))

    def _stream_header(self) -> bytes:
        timing = (self._rate.denominator, self._rate.numerator, 0, self.num_frames)
        fields = (
            b"vids",
            b"MJPG",
            0,
            0,
            0,
            0,
            *timing,
            self._largest_frame,
            0xFFFFFFFF,
            0,
            0,
            0,
            *self._size_px,
        )
        return _chunk(b"strh", struct.pack("<4s4sIHHIIIIIIII4H", *fields))

    def _picture_format(self) -> bytes:
        width_px, height_px = self._size_px
        num_bytes = width_px * height_px * 3
        fields = (40, width_px, height_px, 1, 24, b"MJPG", num_bytes, 0, 0, 0, 0)
        return _chunk(b"strf", struct.pack("<IiiHH4sIiiII", *fields))

    def _index_of_indexes(self) -> bytes:
        head = struct.pack("<HBBI4sIII", 4, 0, 0, len(self._segments), _FRAME_ID, 0, 0, 0)
        entries = b"".join(struct.pack("<QII", *segment) for segment in self._segments)
        return _chunk(b"indx", head + entries.ljust(16 * MAX_SEGMENTS, b"\0"))
