"""The line to the head under test: bytes and a clock, which a test replaces by a head in a time of its own."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Protocol

from firmware_bridge.errors import PortError
from firmware_bridge.host.ports import SerialLine, chosen_port

REOPEN_S, _PAUSE_S = 10.0, 0.1
"""A head on USB goes away at its restart, and is back when the system has found it again."""


class Line(Protocol):
    """Where the bytes go.

    Raises (all methods but `now_s`):
        PortError: the port went away.
    """

    def now_s(self) -> float: ...

    def write(self, data: bytes) -> None: ...

    def read(self, until_s: float) -> bytes:
        """What has come as soon as something has; empty at that time of `now_s`."""
        ...

    def reopen(self) -> None: ...

    def close(self) -> None: ...


class PortLine:
    """A serial port, opened for nobody else.

    Raises:
        PortError: there is none, or it cannot be opened.
    """

    def __init__(self, port: str, baud: int) -> None:
        self._port, self._baud = port, baud
        self._line = SerialLine(chosen_port(port), baud)
        self._line.read()  # of an earlier owner

    @property
    def path(self) -> str:
        return str(self._line.path)

    def now_s(self) -> float:
        return time.monotonic()

    def write(self, data: bytes) -> None:
        self._line.write(data)

    def read(self, until_s: float) -> bytes:
        data = self._line.read()
        if data or until_s <= self.now_s():
            return data
        self._line.wait(until_s - self.now_s())
        return self._line.read()

    def reopen(self) -> None:
        """Wait for the port to come back.

        Raises:
            PortError: it did not within 10 s.
        """
        self._line.close()
        pause, end_s = threading.Event(), self.now_s() + REOPEN_S
        while True:
            with contextlib.suppress(PortError):
                self._line = SerialLine(chosen_port(self._port), self._baud)
                return
            if self.now_s() >= end_s:
                raise PortError(f"{self._line.path}: went away and did not come back within {REOPEN_S:g} s")
            pause.wait(_PAUSE_S)

    def close(self) -> None:
        self._line.close()
