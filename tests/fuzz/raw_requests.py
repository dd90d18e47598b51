"""Requests as bytes: well-formed ones that are a little wrong, as raw sockets send them."""

from __future__ import annotations

import logging
import select
import socket
from collections.abc import Sequence
from random import Random
from urllib.parse import quote

from tests.fuzz.harness import chance
from tests.fuzz.mutations import STRANGE_NUMBERS, STRANGE_TEXTS, damaged_bytes, damaged_text, noise

PATHS = (
    "/",
    "/app.js",
    "/stream.mjpg",
    "/snapshot.png",
    "/health",
    "/metrics",
    "/events",
    "/api/live",
    "/api/freeze",
    "/api/save",
    "/api/strength",
    "/api/profile",
    "/api/light",
    "/api/camera-controls",
    "/api/state",
    "/api/who",
    "/api/login",
    "/api/logout",
    "/api/",
    "/login",
    "/openapi.json",
)
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
ANSWER_WITHIN_S, PATIENCE_S = 60, 0.3
BUSY = 503


class Loud(logging.Handler):
    """Keeps what the server's own loggers say of an exception."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or record.levelno >= logging.ERROR:
            self.heard.append(f"{record.name}: {record.getMessage()} {record.exc_info}")


def query(draw: Random) -> str:
    pairs = []
    for _ in range(draw.randrange(4)):
        key = draw.choice(KEYS) if chance(draw, 0.95) else draw.choice(STRANGE_TEXTS)
        value = draw.choice((*GOOD_VALUES, draw.choice(STRANGE_TEXTS), str(draw.choice(STRANGE_NUMBERS))))
        if chance(draw, 0.2):
            value = damaged_text(value, draw)
        pairs.append(
            f"{key}={value}" if chance(draw, 0.05) else "=".join(quote(part, errors="replace") for part in (key, value))
        )
    return "?" + draw.choice("&&&;").join(pairs) if pairs else ""


def request(draw: Random, shown: Sequence[str] = ()) -> bytes:
    """One of them.

    Args:
        shown: lines of the head with what the visitor shows.
    """
    path = draw.choice(PATHS) if chance(draw, 0.93) else damaged_text(draw.choice(PATHS), draw)
    version = draw.choice(("HTTP/1.1",) * 80 + ("HTTP/1.0", "HTTP/2.0", "HTTP/9.9", "", "RTSP/1.0"))
    lines = [f"{draw.choice(METHODS)} {path}{query(draw)} {version}", "Host: localhost", *shown]
    for _ in range(draw.choice((0, 0, 1, 1, 2, 3))):
        name = draw.choice(HEADERS) if chance(draw, 0.97) else draw.choice(STRANGE_TEXTS)
        value = draw.choice(HEADER_VALUES) if chance(draw, 0.9) else draw.choice(STRANGE_TEXTS)
        lines.append(f"{name}: {value}")
    body = (
        draw.choice((b"{}", b'{"percent": 5}', b'{"exposure": 5}', b"5\r\nabcde\r\n0\r\n\r\n", noise(draw)))
        if chance(draw, 0.2)
        else b""
    )
    if body and chance(draw, 0.8):
        lines.append(f"Content-Length: {len(body)}")
    content = "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body
    return damaged_bytes(content, draw, 3) if chance(draw, 0.12) else content


def answer_of(address: tuple[str, int], content: bytes) -> tuple[int, bytes]:
    """Send and read to the end of the head; where none comes at once, the request is not whole: close our half and wait
    for what the server does. Status 0 where it closes without a word.
    """
    with socket.create_connection(address, ANSWER_WITHIN_S) as connection:
        head = b""
        try:
            connection.sendall(content if b"\r\n\r\n" in content else content + b"\r\n\r\n")
            if not select.select([connection], [], [], PATIENCE_S)[0]:
                connection.shutdown(socket.SHUT_WR)
            while b"\r\n\r\n" not in head and len(head) < 100_000:
                piece = connection.recv(65536)
                if not piece:
                    break
                head += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
    words = head.split(None, 2)
    return (int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit() else 0), head
