"""Where recorders come in: sockets, TLS and the same rules as the page's, one connection after another."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator

from aiohttp import web

from edge.access.attempts import network_of
from edge.access.certificate import Certificate
from edge.access.listening import Address, Listener, addresses_of, bound, is_open_to_others
from edge.basics.errors import ConfigError, InputOutputError
from edge.config import WebConfig
from edge.video.hub import Hub
from edge.video.rtsp.session import House, RtspSession
from edge.video.rtsp.transports import UdpPair
from edge.web.inside import AUDIENCE, DOOR
from edge.web.limits import Seats
from edge.web.views import View

log = logging.getLogger(__name__)

_CONNECTIONS, _OF_ONE = 32, 8
_CERTIFICATE_TICK_S = 600.0
_SOCKET_BYTES = 256 * 1024
_HANDSHAKE_S = 10.0


class RtspServer:
    """Runs on the web server's event loop.

    Args:
        listen: `video.rtsp`.
        config: `[web]`, whose users, certificate and `insecure` count here too.

    Raises:
        ConfigError: it would be open to the network without users or without TLS, and nobody said that it may; or an
            address cannot be understood.
    """

    def __init__(self, listen: str, config: WebConfig, hub: Hub) -> None:
        self._hub, self._config = hub, config
        self._connections = Seats(_CONNECTIONS, _OF_ONE)
        with _of_this_setting():
            self._addresses = addresses_of(listen)
            self._open = [one for one in self._addresses if is_open_to_others(one)]
        if any(one.path is not None for one in self._addresses):
            raise ConfigError(f"video.rtsp = {listen!r}: expected HOST:PORT, such as 0.0.0.0:8554")
        if self._open and not config.insecure and not (config.users and config.certificate):
            missing = "TLS" if config.users else "users" if config.certificate else "users and TLS"
            raise ConfigError(
                f"video.rtsp {self._open[0].text} is open to the network, without {missing}: give [web] users and "
                "certificate, as the page needs them there, or say --insecure"
            )
        self._certificate = None
        if self._open and config.certificate:
            self._certificate = Certificate(config, [one.host for one in self._open])
        self.urls: list[str] = []

    def reload(self) -> None:
        """Serve the certificate that is there now."""
        if self._certificate is not None:
            with contextlib.suppress(ConfigError, InputOutputError):  # the page's own tells it
                self._certificate.take()

    async def run(self, app: web.Application) -> AsyncIterator[None]:
        """For `cleanup_ctx`.

        Raises:
            InputOutputError: a port is in use or not allowed.
        """
        async with contextlib.AsyncExitStack() as stack:
            for address in self._addresses:
                with _of_this_setting():
                    listener = bound(address)
                await self._open_one(app, listener, address, stack)
            ticking = asyncio.ensure_future(self._tick())
            stack.callback(ticking.cancel)
            log.info("recorders: %s", ", ".join(self.urls))
            yield

    async def _open_one(
        self, app: web.Application, listener: Listener, address: Address, stack: contextlib.AsyncExitStack
    ) -> None:
        tls = self._certificate.context if self._certificate is not None and address in self._open else None
        udp = None
        if tls is None:  # pictures by UDP would travel beside the TLS that keeps them
            udp = UdpPair()
            await udp.open(listener.socket.getsockname()[0])
            stack.callback(udp.close)
        house = House(self._hub, udp, app[DOOR].visitor_of_token, self._seats(app), app[DOOR].attend)
        tasks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None, "a connection has one"
            tasks.add(task)
            try:
                await self._serve(house, reader, writer)
            finally:
                tasks.discard(task)

        handshake_s = None if tls is None else _HANDSHAKE_S
        server = await asyncio.start_server(
            serve, sock=listener.socket, ssl=tls, limit=1 << 16, ssl_handshake_timeout=handshake_s
        )

        async def close() -> None:
            server.close()
            for task in tuple(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        stack.push_async_callback(close)
        self.urls.append(listener.url("rtsps" if tls else "rtsp"))

    async def _serve(self, house: House, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = str((writer.get_extra_info("peername") or ("",))[0])
        counted = network_of(host)
        if not self._connections.take(counted):
            writer.transport.abort()
            return
        try:
            connection = writer.get_extra_info("socket")
            if connection is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
            await RtspSession(house, reader, writer, host).run()
        finally:
            self._connections.leave(counted)

    def _seats(self, app: web.Application) -> Callable[[str], Callable[[], None]]:
        audience = app[AUDIENCE]

        def take(host: str) -> Callable[[], None]:
            viewer = audience.admit(View("raw"), network_of(host), transport="rtsp")  # only a seat among the viewers
            return lambda: audience.leave(viewer)

        return take

    async def _tick(self) -> None:
        while self._certificate is not None:
            await asyncio.sleep(_CERTIFICATE_TICK_S)
            await asyncio.get_running_loop().run_in_executor(None, self._certificate.tick)


@contextlib.contextmanager
def _of_this_setting() -> Iterator[None]:
    """The page's listening tells of the page's setting."""
    try:
        yield
    except (ConfigError, InputOutputError) as error:
        words = str(error).replace("web.listen", "video.rtsp").replace("; choose another with --listen HOST:PORT", "")
        raise type(error)(words) from error
