"""Viewers as they are: some read, some stop reading, some come fifty at once and some vanish."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time

PATHS = (
    "/stream.mjpg?view=enhanced",
    "/stream.mjpg?view=raw",
    "/stream.mjpg?view=split",
    "/events",
    "/health",
    "/snapshot.png?view=enhanced",
    "/snapshot.png?view=raw",
    "/",
)


class Crowd:
    """Plain sockets, so that a viewer can do what no well-made client does."""

    def __init__(self, port: int, seed: int) -> None:
        self._port = port
        self._random = random.Random(seed)
        self._sockets: list[socket.socket] = []
        self._readers: list[threading.Thread] = []
        self._stop = threading.Event()

    def open(self, path: str, receive_bytes: int = 0) -> socket.socket | None:
        """A connection that has asked for a path."""
        viewer = socket.socket()
        viewer.settimeout(1.0)
        if receive_bytes:
            viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        try:
            viewer.connect(("127.0.0.1", self._port))
            viewer.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        except OSError:
            viewer.close()
            return None
        self._sockets.append(viewer)
        return viewer

    def burst(self, paths: list[str]) -> None:
        """Connect first, then ask for everything in one moment."""
        viewers = [socket.create_connection(("127.0.0.1", self._port), 2.0) for _ in paths]
        for viewer, path in zip(viewers, paths, strict=True):
            viewer.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self._sockets += viewers

    def stall(self, count: int) -> None:
        """Viewers that ask and never read."""
        for _ in range(count):
            self.open(self._random.choice(PATHS[:4]), 4096)

    def read(self, count: int) -> None:
        """Viewers that look at it all."""
        for _ in range(count):
            viewer = self.open(self._random.choice(PATHS[:4]))
            if viewer is not None:
                reader = threading.Thread(target=self._drain, args=(viewer,), daemon=True)
                reader.start()
                self._readers.append(reader)

    def flood(self, count: int) -> None:
        """Many at once, of every kind."""
        for _ in range(count):
            self.open(self._random.choice(PATHS))

    def vanish(self, count: int) -> None:
        """Come, ask, and are gone without a goodbye."""
        for _ in range(count):
            viewer = self.open(self._random.choice(PATHS))
            if viewer is not None:
                viewer.settimeout(0.1)
                with contextlib.suppress(OSError):
                    viewer.recv(self._random.choice((1, 100, 10_000)))
                    viewer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # RST
                viewer.close()
                self._sockets.remove(viewer)

    def _drain(self, viewer: socket.socket) -> None:
        while not self._stop.is_set():
            try:
                if not viewer.recv(1 << 16):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def close(self) -> None:
        self._stop.set()
        for viewer in self._sockets:
            with contextlib.suppress(OSError):
                viewer.shutdown(socket.SHUT_RDWR)
            viewer.close()
        self._sockets.clear()
        deadline = time.monotonic() + 3
        for reader in self._readers:
            reader.join(max(0.0, deadline - time.monotonic()))
        self._readers.clear()
