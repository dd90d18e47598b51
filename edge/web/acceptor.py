"""Accepts connections: few at a time and so many a second, so that a crowd at the door costs those inside nothing."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections import deque
from collections.abc import Callable, Collection

from aiohttp import web

from edge.access.attempts import network_of
from edge.basics.seldom import Seldom
from edge.web.connection import Connection
from edge.web.guests import REFUSAL, Guest, Guests
from edge.web.limits import SOCKET_BUFFER_BYTES, Limits

log = logging.getLogger(__name__)

_BATCH = 4
_BURST_S = 0.25
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_REST_S = 1.0
_LEAVE_AFTER_S = 0.5


class Acceptor:
    """Belongs to the event loop.

    asyncio's own way accepts a hundred before it does anything else, and says a line for each that fails.

    Args:
        server: handles the requests.
        is_watched: whether a viewer is there who comes first.
        proxies: addresses that bring many viewers each.
        logger: of what fails unexpectedly in a connection.
    """

    def __init__(
        self,
        server: web.Server,
        limits: Limits,
        is_watched: Callable[[], bool],
        proxies: Collection[str] = (),
        logger: logging.Logger = log,
    ) -> None:
        self.guests = Guests(limits)
        self._server, self._limits, self._is_watched, self._proxies = server, limits, is_watched, proxies
        self._logger = logger
        self._loop = asyncio.get_running_loop()
        self._listeners: dict[socket.socket, ssl.SSLContext | None] = {}
        self._resting: dict[socket.socket, asyncio.TimerHandle] = {}
        self._credit, self._credit_s = 0.0, self._loop.time()
        self._leaving: deque[tuple[float, socket.socket]] = deque()
        self._opening: set[asyncio.Task[object]] = set()
        self._seldom = Seldom(log)
        self._sweeping = self._loop.call_later(_REST_S, self._sweep)

    def open(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Accept what comes here, a bound and listening socket, until `close`."""
        listener.setblocking(False)
        self._listeners[listener] = tls
        self._loop.add_reader(listener, self._accept, listener)

    def close(self) -> None:
        """Accept nobody any more; those inside are the server's to send away."""
        self._sweeping.cancel()
        for listener in self._listeners:
            self._loop.remove_reader(listener)
            listener.close()
        for timer in self._resting.values():
            timer.cancel()
        for task in self._opening:
            task.cancel()
        while self._leaving:
            self._leaving.popleft()[1].close()

    def _accept(self, listener: socket.socket) -> None:
        now_s, rate = self._loop.time(), self._limits.accepts * (1.0 if self._is_watched() else self._limits.ease)
        self._credit = min(rate * _BURST_S, self._credit + (now_s - self._credit_s) * rate)
        self._credit_s = now_s
        for _ in range(_BATCH):
            if self._credit < 1:
                self._rest(listener, 1 / rate * _BATCH)
                return
            try:
                connection, peer = listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _NO_ROOM:
                    reason = f"web server: no connection can be accepted: {error.strerror}; trying again"
                    self._seldom.say(logging.ERROR, "accept", reason)
                    self._rest(listener, _REST_S)
                    return
                continue  # it went away before it was accepted
            self._credit -= 1
            self._receive(connection, peer, self._listeners[listener], now_s)

    def _rest(self, listener: socket.socket, pause_s: float) -> None:
        self._loop.remove_reader(listener)

        def again() -> None:
            del self._resting[listener]
            self._loop.add_reader(listener, self._accept, listener)

        self._resting[listener] = self._loop.call_later(pause_s, again)

    def _receive(self, connection: socket.socket, peer: object, tls: ssl.SSLContext | None, now_s: float) -> None:
        connection.setblocking(False)
        host = str(peer[0]) if isinstance(peer, tuple) and peer else ""  # a Unix socket's peer has no name
        guest = Guest(network_of(host), now_s, is_proxy=not host or host in self._proxies)
        if not self.guests.admit(guest):
            self._refuse(connection, tls is not None, now_s)
            return
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        guest.unopened = connection
        guest.opening = self._loop.create_task(self._open(connection, guest, tls))
        self._opening.add(guest.opening)
        guest.opening.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket, guest: Guest, tls: ssl.SSLContext | None) -> None:
        def protocol() -> Connection:
            return Connection(self._server, guest, self.guests, self._loop, self._logger)

        guest.unopened = None  # from here on its transport closes it
        try:
            await self._loop.connect_accepted_socket(protocol, connection, ssl=tls)
        except (OSError, ssl.SSLError, asyncio.CancelledError):  # gone, or no handshake: its end alone knows why
            self.guests.leave(guest)

    def _refuse(self, connection: socket.socket, is_tls: bool, now_s: float) -> None:
        """Say why and hang up; what it asks meanwhile is read later, or the kernel would take the answer back."""
        with contextlib.suppress(OSError):
            if not is_tls:
                connection.send(REFUSAL)
            connection.shutdown(socket.SHUT_WR)
        self._leaving.append((now_s, connection))
        self._see_off(now_s)

    def _see_off(self, now_s: float) -> None:
        while self._leaving and (
            len(self._leaving) > self._limits.leaving or now_s - self._leaving[0][0] > _LEAVE_AFTER_S
        ):
            connection = self._leaving.popleft()[1]
            with contextlib.suppress(OSError):
                connection.recv(1 << 16)
            connection.close()

    def _sweep(self) -> None:
        now_s = self._loop.time()
        self.guests.sweep(now_s)
        self._see_off(now_s)
        self._sweeping = self._loop.call_later(_REST_S, self._sweep)
