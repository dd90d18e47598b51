"""A WebSocket client as a viewer uses one: pictures as it asks for them; and one that sends whatever it is told."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import simplejpeg

from edge.pictures.image import Image
from tests.doubles.waiting import GUARD_S

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@dataclass(frozen=True)
class Shown:
    """One message with a picture, or a pair of them."""

    header: dict[str, Any]
    jpegs: tuple[bytes, ...]

    @property
    def seq(self) -> int:
        return int(self.header["seq"])

    @property
    def state(self) -> str:
        return str(self.header["state"])

    @property
    def images(self) -> list[Image]:
        return [np.asarray(simplejpeg.decode_jpeg(jpeg, colorspace="RGB"), np.uint8) for jpeg in self.jpegs]


class Refused(Exception):
    """The answer to the handshake was no WebSocket."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text}")
        self.status, self.text = status, text


class Closed(Exception):
    """The server closed; code 0 where it did without a word."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class WsViewer:
    """One connection.

    Args:
        url: of the page.
        source: address that it comes from.
        buffer: size of its receive buffer in bytes; 0 for the system's.

    Raises:
        Refused: it is no WebSocket.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str] | None = None, *, source: str = "", buffer: int = 0
    ) -> None:
        address = urlsplit(url)
        self.socket = socket.socket()
        self.socket.settimeout(GUARD_S)
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((address.hostname, address.port))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = {
            "Host": address.netloc,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key,
            **(headers or {}),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.socket.sendall(f"GET {address.path.rstrip('/')}/stream.ws HTTP/1.1\r\n{head}\r\n".encode())
        self._file = self.socket.makefile("rb")
        status = int((self._file.readline().split() or [b"", b"0"])[1])
        self.headers: dict[str, str] = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(": ")
            self.headers[name.lower()] = value
        if status != 101:
            text = self._file.read(int(self.headers.get("content-length", 0))).decode()
            self.close()
            raise Refused(status, text)

    def want(self, view: str = "enhanced", **more: Any) -> WsViewer:
        self.say({"want": view, **more})
        return self

    def ask(self, seq: int | None = None) -> None:
        self.say({"next": seq})

    def say(self, message: object) -> None:
        self.send(TEXT, json.dumps(message).encode())

    def send(self, opcode: int, content: bytes, *, is_last: bool = True) -> None:
        """One frame, masked with zeros, which a server takes as well as any other mask."""
        first = opcode | (0x80 if is_last else 0)
        if len(content) < 126:
            head = struct.pack("!BB", first, 0x80 | len(content))
        elif len(content) < 1 << 16:
            head = struct.pack("!BBH", first, 0x80 | 126, len(content))
        else:
            head = struct.pack("!BBQ", first, 0x80 | 127, len(content))
        self.socket.sendall(head + bytes(4) + content)

    def frame(self) -> tuple[int, bytes]:
        """The next frame of any kind: opcode and content.

        Raises:
            Closed: the connection has ended without a word.
        """
        try:
            first, size = self._exactly(2)
            if size == 126:
                (size,) = struct.unpack("!H", self._exactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", self._exactly(8))
            return first & 0xF, self._exactly(size)
        except ConnectionError:
            raise Closed(0) from None

    def read(self) -> Shown:
        """The next picture.

        Raises:
            Closed: the server closed.
        """
        while True:
            opcode, content = self.frame()
            if opcode == CLOSE:
                raise Closed(int.from_bytes(content[:2], "big"), content[2:].decode())
            if opcode == BINARY:
                return shown(content)

    def next(self) -> Shown:
        """The next picture, which it has drawn at once."""
        picture = self.read()
        self.ask(picture.header["seq"])
        return picture

    def until(self, wanted: Callable[[Shown], bool], num_tries: int = 200) -> Shown:
        for _ in range(num_tries):
            picture = self.next()
            if wanted(picture):
                return picture
        raise AssertionError("the picture that was waited for did not come")

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def _exactly(self, size: int) -> bytes:
        content = self._file.read(size)
        if len(content) < size:
            raise Closed(0)
        return content


def shown(message: bytes) -> Shown:
    """Read a message as docs/interfaces.md says."""
    size = int.from_bytes(message[:4], "big")
    header = json.loads(message[4 : 4 + size])
    jpegs, cut = message[4 + size :], header["enhanced_bytes"]
    return Shown(header, (jpegs[:cut], jpegs[cut:]) if cut else (jpegs,))
