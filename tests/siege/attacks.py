"""What a crowd can send: each attack is a request, how it is sent, and what is done with the answer."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

Reading = Literal["all", "some", "none"]
Ending = Literal["hold", "close", "reset", "again"]

_PACKED = gzip.compress(bytes(1 << 20))


@dataclass(frozen=True)
class Attack:
    """One kind.

    Attributes:
        request: the bytes of one connection; empty to send nothing.
        num: connections at a time.
        reading: all of the answer, a byte now and then, or nothing.
        ending: keep the connection; close or reset it once the request is sent; or ask again after each answer.
        drip: send the request a byte at a time.
        body: what follows the request for as long as it is taken.
    """

    name: str
    request: Callable[[Random], bytes]
    num: int = 1000
    reading: Reading = "none"
    ending: Ending = "hold"
    drip: bool = False
    body: bytes = b""


def get(path: str, *headers: str, method: str = "GET", host: str = "localhost") -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", "")).encode()


def _always(content: bytes) -> Callable[[Random], bytes]:
    return lambda draw: content


def _another_split(draw: Random) -> bytes:
    return get(f"/stream.mjpg?view=split&at={draw.random():.3f}")


def _foreign_page(draw: Random) -> bytes:
    path = draw.choice((f"/stream.mjpg?view=split&at={draw.random():.3f}", "/snapshot.png?view=raw", "/stream.mjpg"))
    said = draw.choice(("Sec-Fetch-Site: cross-site", "Referer: http://evil.example/", "Origin: http://evil.example"))
    return get(path, said)


def _garbage(draw: Random) -> bytes:
    return draw.choice((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"")) + draw.randbytes(draw.randrange(1, 500))


def _any_view(draw: Random) -> bytes:
    return get(f"/stream.mjpg?view={draw.choice(('raw', 'pair', 'enhanced'))}")


def _posted(*headers: str) -> bytes:
    return get("/api/live", *headers, method="POST")


def frame(opcode: int, content: bytes) -> bytes:
    """A frame of a WebSocket, masked with zeros."""
    return bytes((0x80 | opcode, 0x80 | len(content))) + bytes(4) + content


_UPGRADE = get(
    "/stream.ws",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)
_WANT, _NEXT = frame(1, b'{"want": "pair"}'), frame(1, b'{"next": 1}')
_HEALTH, _SNAPSHOT = get("/health"), get("/snapshot.png?view=enhanced")
_SAVE = get("/api/save", "Content-Length: 0", method="POST")
_PACKED_HEAD = _posted("Content-Encoding: gzip", f"Content-Length: {len(_PACKED)}")
_CHUNKED_HEAD, _CHUNK = _posted("Transfer-Encoding: chunked"), b"8000\r\n" + bytes(0x8000) + b"\r\n"
_OPEN_HEAD, _LINE = b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X: " + b"y" * 4000 + b"\r\n"

ATTACKS = (
    Attack("silent connections", _always(b"")),
    Attack("half a request", _always(b"GET /health HTTP/1.1\r\nHost: loc")),
    Attack("requests byte by byte", _always(get("/health", "X: " + "y" * 2000)), drip=True),
    Attack("streams that are read", _always(get("/stream.mjpg?view=enhanced")), num=100, reading="all"),
    Attack("streams of every view", _any_view, num=100, reading="all"),
    Attack("streams that nobody reads", _always(get("/stream.mjpg?view=raw"))),
    Attack("streams read a byte at a time", _always(get("/stream.mjpg?view=pair")), reading="some"),
    Attack("WebSockets that say nothing", _always(_UPGRADE)),
    Attack("WebSockets that nobody reads", _always(_UPGRADE + _WANT + 20 * _NEXT)),
    Attack("messages without an end", _always(_UPGRADE + _WANT), num=100, reading="all", body=1000 * _NEXT),
    Attack("pings without an end", _always(_UPGRADE), num=100, reading="all", body=1000 * frame(9, b"x" * 100)),
    Attack("many dividers", _another_split, reading="all"),
    Attack("events that nobody reads", _always(get("/events"))),
    Attack("snapshots", _always(_SNAPSHOT), num=100, reading="all", ending="again"),
    Attack("snapshots that nobody reads", _always(_SNAPSHOT)),
    Attack("saves", _always(_SAVE), num=50, reading="all", ending="again"),
    Attack("health again and again", _always(_HEALTH), num=100, reading="all", ending="again"),
    Attack("a hundred requests at once", _always(_HEALTH * 100), num=50, reading="all", ending="again"),
    Attack("nothing there", lambda draw: get(f"/{draw.random()}"), num=100, reading="all", ending="again"),
    Attack("packed bodies", _always(_PACKED_HEAD), num=100, reading="all", body=_PACKED),
    Attack("bodies without an end", _always(_CHUNKED_HEAD), num=100, reading="all", body=_CHUNK),
    Attack("bodies that never come", _always(_posted("Content-Length: 4000"))),
    Attack("pictures in a foreign page", _foreign_page, num=72, reading="all"),
    Attack("names of others", _always(get("/health", host="rebound.example")), num=100, reading="all", ending="again"),
    Attack("come and go", _always(get("/stream.mjpg?view=raw")), num=200, ending="close"),
    Attack("come and reset", _always(get("/events")), num=200, ending="reset"),
    Attack("heads without an end", _always(_OPEN_HEAD), num=100, body=_LINE),
    Attack("no request at all", _garbage, num=200, reading="all"),
)
