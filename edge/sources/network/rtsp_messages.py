"""What travels on an RTSP connection: answers, requests and packets between them (RFC 2326). Reads no socket."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_MAX_HEAD_BYTES = 64 << 10
_MAX_BODY_BYTES = 1 << 20
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(r"RTSP/\d\.\d (\d{3}) ?(.*)")
_REQUEST = re.compile(r"([A-Z_]+) (\S+) RTSP/\d\.\d")


class BadMessage(ValueError):
    """What came is no RTSP; says what it is."""


@dataclass(frozen=True, slots=True)
class Packet:
    """Bytes of one channel between the messages (RFC 2326 section 10.12)."""

    channel: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """An answer, or a request of the server's.

    Attributes:
        status: 0 for a request.
        reason: of an answer; the method of a request.
        target: of a request, its address.
        headers: lower-case name -> values.
    """

    status: int
    reason: str
    headers: Mapping[str, list[str]]
    body: bytes
    target: str = ""

    def header(self, name: str) -> str:
        """Its first value, empty where there is none."""
        return self.headers.get(name, [""])[0]


class MessageReader:
    """Takes bytes, gives what is complete.

    Args:
        most_bytes: of a body.
    """

    def __init__(self, most_bytes: int = _MAX_BODY_BYTES) -> None:
        self._most_bytes = most_bytes
        self._buffer = bytearray()

    def feed(self, content: bytes) -> Iterator[Packet | Message]:
        """Add bytes.

        Raises:
            BadMessage: they are no RTSP, or a head or a body is too long.
        """
        self._buffer += content
        start = 0
        while True:
            found, used = self._next(start)
            if found is None:
                break
            start += used
            yield found
        del self._buffer[:start]

    def _next(self, start: int) -> tuple[Packet | Message | None, int]:
        buffer = self._buffer
        while start < len(buffer) and buffer[start] in b"\r\n":  # some cameras leave line ends between messages
            del buffer[start]
        if len(buffer) - start < 4:
            return None, 0
        if buffer[start] == ord("$"):
            end = start + 4 + (buffer[start + 2] << 8 | buffer[start + 3])
            if len(buffer) < end:
                return None, 0
            return Packet(buffer[start + 1], bytes(memoryview(buffer)[start + 4 : end])), end - start
        return self._message(start)

    def _message(self, start: int) -> tuple[Message | None, int]:
        end = _HEAD_END.search(self._buffer, start, start + _MAX_HEAD_BYTES)
        if end is None:
            if len(self._buffer) - start >= _MAX_HEAD_BYTES:
                raise BadMessage(f"an answer with more than {_MAX_HEAD_BYTES >> 10} kB of headers")
            return None, 0
        first, *lines = bytes(self._buffer[start : end.start()]).decode("utf-8", "replace").splitlines()
        headers: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        length_text = headers.get("content-length", ["0"])[0]
        length = int(length_text) if length_text.isascii() and length_text.isdecimal() and len(length_text) < 8 else -1
        if not 0 <= length <= self._most_bytes:
            raise BadMessage(f"an answer with a content length of {length_text[:20]!r}")
        if len(self._buffer) < end.end() + length:
            return None, 0
        body = bytes(self._buffer[end.end() : end.end() + length])
        used = end.end() + length - start
        if status := _STATUS.match(first):
            return Message(int(status[1]), status[2][:80], headers, body), used
        if request := _REQUEST.match(first):
            return Message(0, request[1], headers, body, request[2]), used
        raise BadMessage(f"{first[:40]!r}, which is no RTSP")
