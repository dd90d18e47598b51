"""Requests as bytes: well-formed ones that are a little wrong, as raw sockets send them."""

from __future__ import annotations

import contextlib
import logging
import re
import selectors
import socket
from collections.abc import Sequence
from random import Random
from urllib.parse import quote

from edge.access.rights import RIGHTS
from tests.fuzz.harness import chance
from tests.fuzz.mutations import STRANGE_NUMBERS, STRANGE_TEXTS, damaged_bytes, damaged_text, noise

ELSEWHERE = ("/api/reference", "/calib.", "/guidance")
"""Served while a unit is being calibrated alone."""
OPERATIONS = tuple(
    (method, route)
    for method, route in RIGHTS
    if method != "*" and not route.startswith(ELSEWHERE) and not route.endswith(".js")
)
NAMES = {"{name}": ("live", "throat-0001", "raw.png"), "{id}": ("0", "x")}
KEYS_OF: dict[str, tuple[str, ...]] = {
    "/stream.mjpg": ("view", "at", "width", "fps", "place"),
    "/snapshot.png": ("view", "seq"),
    "/api/strength": ("value",),
    "/api/profile": ("name",),
    "/api/saved": ("session", "before", "num"),
    "/api/saved/{name}": ("confirm",),
    "/api/session": ("only",),
}
BODY_OF = {
    "/api/light": b'{"percent": 5}',
    "/api/camera-controls": b'{"exposure": 5}',
    "/api/recording/start": b'{"views": ["raw"]}',
    "/api/session": b'{"patient": "x"}',
    "/api/login": b'{"name": "nobody", "password": "what nobody has"}',
}
METHODS = (
    ("GET",) * 16 + ("POST",) * 5 + ("HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "get", "G T", "")
)
KEYS = ("view", "at", "fps", "seq", "value", "name", "place")
GOOD_VALUES = ("enhanced", "raw", "split", "pair", "0.5", "1", "30", "live", "miinet")
HEADERS = (
    "Content-Length", "Transfer-Encoding", "Sec-Fetch-Site", "Connection", "Upgrade", "Range", "If-None-Match",
    "Expect", "If-Modified-Since", "Accept-Encoding", "Cookie", "Origin", "Content-Type", "X" * 300, "Host",
)  # fmt: skip
HEADER_VALUES = (
    "0", "-1", "99999999999999999999", "chunked", "chunked, chunked", "identity", "same-origin",
    "cross-site", "close", "keep-alive", "websocket", "bytes=0-1", "bytes=-5", "bytes=9-1", "bytes=a-b", "*", "gzip",
    "100-continue",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "a=b; c", "text/plain; charset=\"", "x" * 9000, "",
)  # fmt: skip
ANSWER_WITHIN_S = 60
PATIENCE_S = (0.05, 1.0, ANSWER_WITHIN_S)
"""Of silence: then our half is closed where a body is not whole; then everywhere; then nothing came."""
BUSY = 503


def address_of(place: int) -> str:
    """One of the many that a machine has for itself: the unit counts pace and attempts by the address."""
    return f"127.0.0.{10 + place}"


class Loud(logging.Handler):
    """Keeps what the server's own loggers say of an exception."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or record.levelno >= logging.ERROR:
            self.heard.append(f"{record.name}: {record.getMessage()} {record.exc_info}")


def query(draw: Random, keys: Sequence[str]) -> str:
    pairs = []
    for _ in range(draw.randrange(4) if keys or chance(draw, 0.1) else 0):
        key = draw.choice(keys or KEYS) if chance(draw, 0.95) else draw.choice((*KEYS, draw.choice(STRANGE_TEXTS)))
        value = draw.choice((*GOOD_VALUES, draw.choice(STRANGE_TEXTS), str(draw.choice(STRANGE_NUMBERS))))
        if chance(draw, 0.2):
            value = damaged_text(value, draw)
        pairs.append(
            f"{key}={value}" if chance(draw, 0.05) else "=".join(quote(part, errors="replace") for part in (key, value))
        )
    return "?" + draw.choice("&&&;").join(pairs) if pairs else ""


def request(draw: Random, shown: Sequence[str] = (), host: str = "localhost") -> bytes:
    """One of them: most are one or two steps away from what an operation takes, so that most get as far as to it.

    Args:
        shown: lines of the head with what the visitor shows.
    """
    method, route = draw.choice(OPERATIONS)
    body = BODY_OF.get(route, b"") if method == "POST" else b""
    if chance(draw, 0.15):
        method = draw.choice(METHODS)
    path = route
    for name, values in NAMES.items():
        path = path.replace(name, draw.choice(values))
    if chance(draw, 0.07):
        path = damaged_text(path, draw)
    version = draw.choice(("HTTP/1.1",) * 80 + ("HTTP/1.0", "HTTP/2.0", "HTTP/9.9", "", "RTSP/1.0"))
    lines = [f"{method} {path}{query(draw, KEYS_OF.get(route, ()))} {version}", f"Host: {host}", *shown]
    lines += ["Content-Type: application/json"] if body else []
    for _ in range(draw.choice((0, 0, 0, 0, 1, 1, 2, 3))):
        name = draw.choice(HEADERS) if chance(draw, 0.97) else draw.choice(STRANGE_TEXTS)
        value = draw.choice(HEADER_VALUES) if chance(draw, 0.9) else draw.choice(STRANGE_TEXTS)
        lines.append(f"{name}: {value}")
    if chance(draw, 0.1):
        body = draw.choice((b"{}", *BODY_OF.values(), b"5\r\nabcde\r\n0\r\n\r\n", noise(draw)))
    if body and chance(draw, 0.95):
        lines.append(f"Content-Length: {len(body)}")
    content = "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body
    return damaged_bytes(content, draw, 3) if chance(draw, 0.12) else content


def answer_of(address: tuple[str, int], content: bytes) -> tuple[int, bytes]:
    """Status and head of the answer to one."""
    return answers_of(address, [content])[0]


def answers_of(address: tuple[str, int], contents: Sequence[bytes]) -> list[tuple[int, bytes]]:
    """Send all at once, each from an address of its own, and read to the end of each head. Where none comes though
    the server has time, and a body is not whole: close our half and wait for what the server does. Status 0 where it
    closes without a word.
    """
    with contextlib.ExitStack() as opened, selectors.DefaultSelector() as selector:
        for place, content in enumerate(contents):
            source = (address_of(place), 0)
            connection = opened.enter_context(socket.create_connection(address, ANSWER_WITHIN_S, source))
            selector.register(connection, selectors.EVENT_READ, place)
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                connection.sendall(content if b"\r\n\r\n" in content else content + b"\r\n\r\n")
        heads = [b""] * len(contents)
        patience_s, *more_s = PATIENCE_S
        while waiting := [*selector.get_map().values()]:
            ready = selector.select(patience_s)
            if not ready and not more_s:
                raise TimeoutError(f"no answer within {patience_s} s: {contents[waiting[0].data]!r}")
            if not ready:
                patience_s, *more_s = more_s
                _wait_until_it_has_time(address)
                for key in waiting:
                    if len(more_s) < 1 or _is_short(contents[key.data]):
                        with contextlib.suppress(OSError):  # it may be gone
                            key.fileobj.shutdown(socket.SHUT_WR)  # type: ignore[union-attr]
            for key, _ in ready:
                piece = b""
                with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                    piece = key.fileobj.recv(65536)  # type: ignore[union-attr]
                heads[key.data] += piece
                if not piece or b"\r\n\r\n" in heads[key.data] or len(heads[key.data]) >= 100_000:
                    selector.unregister(key.fileobj)
        return [(_status_of(head), head) for head in heads]


def _wait_until_it_has_time(address: tuple[str, int]) -> None:
    """What came before this plain request has had its turn when it is answered."""
    with socket.create_connection(address, ANSWER_WITHIN_S) as connection:
        connection.sendall(b"GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while connection.recv(65536):
            pass


def _is_short(content: bytes) -> bool:
    """Whether more of a body is announced than there is."""
    head, _, body = content.partition(b"\r\n\r\n")
    announced = re.search(rb"(?i)content-length:\s*([0-9]+)", head)
    return b"chunked" in head.lower() or (announced is not None and int(announced[1]) > len(body))


def _status_of(head: bytes) -> int:
    words = head.split(None, 2)
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit() else 0
