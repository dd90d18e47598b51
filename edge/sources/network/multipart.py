"""The pictures in an MJPEG stream: `multipart/x-mixed-replace` as cameras really send it. Reads no socket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_PICTURE_BYTES = 16 << 20
_MAX_HEAD_BYTES = 16 << 10
_START, _END = b"\xff\xd8\xff", b"\xff\xd9"
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,9})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_TIME = re.compile(rb"^x-timestamp:[ \t]*(\d{1,12}(?:\.\d{1,9})?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_DELIMITER = re.compile(rb"--[^\r\n]{1,200}")


@dataclass(frozen=True, slots=True)
class Part:
    """One picture as it came, whole or not.

    Attributes:
        began_ns: when its first byte came.
        time_s: when the camera says that it took it, on its own clock; None where it says nothing.
    """

    jpeg: bytes
    began_ns: int
    time_s: float | None = None


class MultipartReader:
    """Takes bytes, gives parts.

    A part ends at the boundary, wherever its length says; a length only gives it earlier. Boundaries that differ from
    the announced one are learned from the stream, and pictures without any boundary are told apart by their own marks.

    Args:
        boundary: as the answer's `Content-Type` names it; empty where it names none.
    """

    def __init__(self, boundary: str = "") -> None:
        self._announced = boundary.strip('"').lstrip("-").encode("latin-1", "replace")
        self._delimiter = b"\n--" + self._announced if self._announced else b""
        self._has_learned = False
        self._buffer = bytearray()
        self._searched = 0
        self._length: int | None = None
        self._time_s: float | None = None
        self._is_in_part = False
        self._began_ns = 0

    def feed(self, content: bytes, now_ns: int, *, is_all: bool = True) -> Iterator[Part]:
        """Add bytes; give the parts that are complete now.

        Args:
            now_ns: when they came.
            is_all: nothing more waits to be read, so that a picture which ends here is at its end.
        """
        self._buffer += content
        while (part := self._next(now_ns, is_all)) is not None:
            if part.jpeg:
                yield part
        if len(self._buffer) > MAX_PICTURE_BYTES:  # no picture is so large: begin anew at the next boundary
            self._forget(len(self._buffer))
            yield Part(b"", now_ns)

    def _next(self, now_ns: int, is_all: bool) -> Part | None:
        if not self._is_in_part:
            if not self._entered():
                return None
            self._began_ns = now_ns
        end, taken = self._end(is_all)
        if end is None:
            return None
        part = Part(bytes(self._buffer[:end]).rstrip(b"\r\n"), self._began_ns, self._time_s)
        self._forget(taken)
        return part

    def _forget(self, num_bytes: int) -> None:
        del self._buffer[:num_bytes]
        self._searched = 0
        self._length = self._time_s = None
        self._is_in_part = False

    def _entered(self) -> bool:
        """Go to the first byte of a picture, reading the part's header where one is there."""
        start = self._buffer.find(_START)
        if start < 0:
            if len(self._buffer) > _MAX_HEAD_BYTES:
                del self._buffer[: -len(_START)]
            return False
        head = bytes(self._buffer[:start])
        self._learn(head)
        if length := _LENGTH.search(head):
            self._length = int(length[1])
        if time := _TIME.search(head):
            self._time_s = float(time[1])
        del self._buffer[:start]
        self._searched = 0
        self._is_in_part = True
        return True

    def _learn(self, head: bytes) -> None:
        delimiters: list[bytes] = _DELIMITER.findall(_HEAD_END.split(head.lstrip(b"\r\n"), maxsplit=1)[0])
        announced = [one for one in delimiters if self._announced and self._announced in one]
        if announced or delimiters:
            self._delimiter = b"\n" + (announced or delimiters)[0].rstrip()
            self._has_learned = True

    def _end(self, is_all: bool) -> tuple[int | None, int]:
        """Where the picture ends, None as long as nobody knows, and up to where it is used up."""
        if self._delimiter:
            at = self._buffer.find(self._delimiter, max(0, self._searched - len(self._delimiter)))
            if at >= 0:
                return at, at + 1
        if not self._has_learned and (at := self._buffer.find(_END + _START, max(0, self._searched - 4))) >= 0:
            return at + 2, at + 2
        self._searched = len(self._buffer)
        if self._length is not None:
            is_there = len(self._buffer) >= self._length > 0
            return (self._length, self._length) if is_there else (None, 0)
        if is_all and self._buffer[-8:].rstrip(b"\r\n").endswith(_END):
            return len(self._buffer), len(self._buffer)
        return None, 0
