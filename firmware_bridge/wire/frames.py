"""Bytes to frames and back: COBS, CRC-32, resynchronisation. No input or output, no clock, no exceptions on bad bytes.

On the wire a frame is `COBS(version, type, seq, payload, CRC-32) 00`. A sender puts one more 00 in front, so that
whatever damage came before cannot reach into it.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import NamedTuple

VERSION_MAJOR = 1
VERSION_MINOR = 0
VERSION = VERSION_MAJOR << 4 | VERSION_MINOR
MAX_PAYLOAD_BYTES = 64
HEADER_BYTES = 4
CRC_BYTES = 4
MIN_FRAME_BYTES = HEADER_BYTES + CRC_BYTES
MAX_FRAME_BYTES = MIN_FRAME_BYTES + MAX_PAYLOAD_BYTES
MAX_COBS_BYTES = MAX_FRAME_BYTES + 1
"""COBS adds one byte to anything shorter than 255 (Cheshire and Baker 1999, section 4)."""
DELIMITER = b"\0"


class Frame(NamedTuple):
    """One frame as it was sent.

    Attributes:
        type: of the message, 0 to 255.
        seq: sequence number, 0 to 65535.
        payload: at most 64 bytes.
        version: major in the high four bits, minor in the low four.
    """

    type: int
    seq: int
    payload: bytes = b""
    version: int = VERSION

    @property
    def version_major(self) -> int:
        return self.version >> 4

    @property
    def version_minor(self) -> int:
        return self.version & 15


def wire_from_frame(frame: Frame) -> bytes:
    """The frame's bytes with the delimiter that ends it.

    Raises:
        ValueError: the payload is longer than 64 bytes, or a number does not fit its field.
    """
    type_, seq, payload, version = frame
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"payload of {len(payload)} bytes: a frame holds at most {MAX_PAYLOAD_BYTES}")
    if not (0 <= type_ <= 0xFF and 0 <= seq <= 0xFFFF and 0 <= version <= 0xFF):
        raise ValueError(f"type {type_}, seq {seq}, version {version}: expected 8, 16 and 8 bits")
    body = bytes((version, type_, seq & 0xFF, seq >> 8)) + payload
    body += zlib.crc32(body).to_bytes(CRC_BYTES, "little")
    return b"".join(bytes((len(run) + 1,)) + run for run in body.split(DELIMITER)) + DELIMITER


def sent_bytes(frame: Frame) -> bytes:
    """What a sender writes: the frame between two delimiters."""
    return DELIMITER + wire_from_frame(frame)


@dataclass(slots=True)
class DecoderCounts:
    """What a decoder has seen. Runs of bytes between delimiters are `frames` or one of the bad kinds; empty ones
    count for nothing.

    Attributes:
        frames: accepted.
        bad_cobs: a code points behind the end.
        bad_crc: the checksum does not fit.
        bad_length: shorter than header and checksum, or longer than a frame can be.
        num_bytes: all bytes fed, delimiters and noise included.
    """

    frames: int = 0
    bad_cobs: int = 0
    bad_crc: int = 0
    bad_length: int = 0
    num_bytes: int = 0

    @property
    def bad(self) -> int:
        return self.bad_cobs + self.bad_crc + self.bad_length


class FrameDecoder:
    """Finds frames in a stream of bytes that arrives in any pieces. Its memory never exceeds one frame."""

    def __init__(self) -> None:
        self.counts = DecoderCounts()
        self._rest = b""
        self._overlong = False

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that these bytes complete, in order."""
        self.counts.num_bytes += len(data)
        *runs, rest = data.split(DELIMITER)
        frames: list[Frame] = []
        if runs:
            if self._overlong:  # counted when it grew too long
                del runs[0]
            else:
                runs[0] = self._rest + runs[0]
            self._rest, self._overlong = b"", False
            frames = [frame for run in runs if run and (frame := self._frame_from_run(run)) is not None]
        if not self._overlong:
            self._rest += rest
            if len(self._rest) > MAX_COBS_BYTES:
                self.counts.bad_length += 1
                self._rest, self._overlong = b"", True
        return frames

    def _frame_from_run(self, run: bytes) -> Frame | None:
        """Decode what stood between two delimiters: each COBS code becomes the zero that it stands for."""
        end = len(run)
        if not MIN_FRAME_BYTES < end <= MAX_COBS_BYTES:
            self.counts.bad_length += 1
            return None
        body = bytearray(run)
        at = 0
        while at < end:
            code = body[at]
            body[at] = 0
            at += code
        if at != end:
            self.counts.bad_cobs += 1
            return None
        payload_end = end - CRC_BYTES
        if zlib.crc32(memoryview(body)[1:payload_end]) != int.from_bytes(body[payload_end:], "little"):
            self.counts.bad_crc += 1
            return None
        self.counts.frames += 1
        return Frame(body[2], body[3] | body[4] << 8, bytes(body[5:payload_end]), body[1])
