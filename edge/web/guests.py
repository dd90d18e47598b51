"""Who is connected: since when, what each of them does, and who has to leave."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from edge.basics.seldom import Seldom
from edge.web.answers import HARDENING, SERVER_NAME
from edge.web.limits import ANSWER_WITHIN_S, IDLE_S, SILENT_S, Limits

log = logging.getLogger(__name__)

_REFUSED = b"too many connections; try again in a while\n"
REFUSAL = (
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
    f"Content-Length: {len(_REFUSED)}\r\nRetry-After: 1\r\nConnection: close\r\nCache-Control: no-store\r\n"
    + "".join(f"{name}: {value}\r\n" for name, value in {**HARDENING, "Server": SERVER_NAME}.items())
    + "\r\n"
).encode() + _REFUSED

Doing = Literal["silent", "busy", "endless", "idle"]


@dataclass(eq=False, slots=True)
class Guest:
    """One connection.

    Attributes:
        address: what it is counted under.
        is_proxy: it brings many viewers, and only the limit of all counts.
        doing: `silent` before its first request, `busy` while one is answered, `endless` in a stream, `idle` after one.
        since_s: when that began.
        unopened: its socket as long as no transport has it.
        num_bytes: received since.
        unread: bytes that waited to be sent when last looked, and since when it is so many.
    """

    address: str
    since_s: float
    is_proxy: bool = False
    doing: Doing = "silent"
    transport: asyncio.Transport | None = None
    opening: asyncio.Task[object] | None = None
    unopened: socket.socket | None = None
    num_bytes: int = 0
    unread: tuple[int, float] = field(default=(0, 0.0))

    def turn(self, doing: Doing, now_s: float) -> None:
        """Do something else from now on."""
        self.doing, self.since_s, self.num_bytes = doing, now_s, 0

    def dismiss(self, *, tell: bool = False) -> None:
        """Close the connection.

        Args:
            tell: say that there are too many, where nothing was asked yet.
        """
        if self.transport is None:
            if self.opening is not None:
                self.opening.cancel()
            if self.unopened is not None:
                self.unopened.close()
            return
        if tell and self.doing == "silent" and self.transport.get_extra_info("sslcontext") is None:
            self.transport.write(REFUSAL)
            self.transport.close()  # nothing waits before it: this is sent at once, or never
        else:
            self.transport.abort()

    def is_overdue(self, now_s: float) -> bool:
        """Whether it has been silent, idle, or deaf to what it is sent for too long."""
        least_s = {"silent": SILENT_S, "idle": IDLE_S, "busy": ANSWER_WITHIN_S}.get(self.doing)
        if least_s is not None and now_s - self.since_s > least_s:
            return True
        num_unread = 0 if self.transport is None else self.transport.get_write_buffer_size()
        if num_unread != self.unread[0]:
            self.unread = num_unread, now_s
        return num_unread > 0 and now_s - self.unread[1] > SILENT_S


class Guests:
    """Belongs to the event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._guests: dict[Guest, None] = {}  # in the order in which they came
        self._num_of: Counter[str] = Counter()
        self._seldom = Seldom(log)

    def __len__(self) -> int:
        return len(self._guests)

    def __iter__(self) -> Iterator[Guest]:
        return iter(tuple(self._guests))

    def admit(self, guest: Guest) -> bool:
        """Whether there is room, if need be in the place of one who only waits."""
        crowd = self._crowd(guest)
        if crowd is not None:
            self._seldom.say(
                logging.WARNING, "crowd", f"web server: too many connections from {crowd}; those over it are refused"
            )
            waiting = self._longest_waiting(crowd)
            if waiting is None:
                return False
            self.leave(waiting)
            waiting.dismiss(tell=True)
        self._guests[guest] = None
        self._num_of[guest.address] += 1
        return True

    def leave(self, guest: Guest) -> None:
        """It is gone or going; safe to call twice."""
        if guest in self._guests:
            del self._guests[guest]
            self._num_of[guest.address] -= 1
            if not self._num_of[guest.address]:
                del self._num_of[guest.address]

    def sweep(self, now_s: float) -> None:
        """Close the connections of those who do nothing with them."""
        for guest in self:
            if guest.is_overdue(now_s):
                self.leave(guest)
                guest.dismiss()

    def _crowd(self, guest: Guest) -> str | None:
        """The address that has too many for another one to come in; None where there is room."""
        if not guest.is_proxy and self._num_of[guest.address] >= self._limits.connections_of_one:
            return guest.address
        if len(self._guests) >= self._limits.connections:
            return self._num_of.most_common(1)[0][0]
        return None

    def _longest_waiting(self, address: str) -> Guest | None:
        of_address = [guest for guest in self._guests if guest.address == address]
        for doing in ("silent", "idle"):
            waiting = [guest for guest in of_address if guest.doing == doing]
            if waiting:
                return min(waiting, key=lambda guest: guest.since_s)
        return None
