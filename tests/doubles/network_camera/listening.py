"""The camera's ports, and the connections that came in by them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable

from tests.doubles.network_camera.http_side import HttpSide
from tests.doubles.network_camera.hub import Hub
from tests.doubles.network_camera.rtsp_side import RtspSide

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listeners:
    """Listens, stops listening while the camera refuses, and can drop every connection.

    Args:
        ports: scheme -> port, 0 for a free one.
        context: with it, `https` and `rtsps` on free ports too.
    """

    def __init__(self, hub: Hub, host: str, ports: dict[str, int], context: ssl.SSLContext | None) -> None:
        self._hub, self._host, self._context = hub, host, context
        self._ports = {**ports, **({} if context is None else {"https": 0, "rtsps": 0})}
        http, rtsp = HttpSide(hub).serve, RtspSide(hub).serve
        self._sides: dict[str, Serve] = {"http": http, "https": http, "rtsp": rtsp, "rtsps": rtsp}
        self._servers: list[asyncio.Server] = []
        self._held: dict[str, socket.socket] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self) -> dict[str, int]:
        """Listen; scheme -> port."""
        for scheme in self._ports:
            held = self._held.pop(scheme, None)
            server = await asyncio.start_server(
                self._counted(self._sides[scheme]),
                None if held else self._host,
                None if held else self._ports[scheme],
                sock=held,
                ssl=self._context if scheme.endswith("s") else None,
            )
            self._ports[scheme] = server.sockets[0].getsockname()[1]
            self._servers.append(server)
        return self._ports

    async def follow(self) -> None:
        """As the switches say now."""
        if self._hub.faults.refuse and self._servers:
            for scheme, server in zip(self._ports, self._servers, strict=True):
                bound = socket.socket(server.sockets[0].family, socket.SOCK_STREAM)
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                server.close()
                bound.bind((self._host, self._ports[scheme]))  # nobody listens there, and nobody else gets it
                self._held[scheme] = bound
            self._servers = []
            self.drop()
        elif not self._hub.faults.refuse and not self._servers:
            await self.begin()

    def drop(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _counted(self, serve: Serve) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None, "asyncio runs each connection as one"
            self._tasks.add(task)
            self._hub.counters.open += 1
            self._hub.counters.total += 1
            plain = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            gone = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError)
            with contextlib.suppress(*gone):
                await serve(reader, writer)
            self._tasks.discard(task)
            self._hub.counters.open -= 1
            writer.close()

        return served
