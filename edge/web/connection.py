"""One connection: aiohttp's, which tells the door what its guest does and answers what is no request in our words."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web

from edge.web.answers import harden
from edge.web.guests import Guest, Guests
from edge.web.limits import MAX_HEAD_BYTES, MAX_UNREAD_BYTES

log = logging.getLogger(__name__)

_LINGER_S = 1.0
"""A refused body is read for so long, or the kernel would take the refusal back."""
_MAX_LINE_BYTES = 4096


class Connection(web.RequestHandler):
    """The protocol of one accepted socket."""

    __slots__ = ("_guests", "guest")

    def __init__(
        self,
        server: web.Server,
        guest: Guest,
        guests: Guests,
        loop: asyncio.AbstractEventLoop,
        logger: logging.Logger,
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            logger=logger,
            access_log=None,  # type: ignore[arg-type]  # nothing is logged of an answer
            auto_decompress=False,
            lingering_time=_LINGER_S,
            max_line_size=_MAX_LINE_BYTES,
        )
        self.guest, self._guests = guest, guests

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "of a stream socket"
        self.guest.transport = transport
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._guests.leave(self.guest)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count before anything is read out of it: a head or a body without an end is cut off."""
        guest = self.guest
        guest.num_bytes += len(data)
        is_asked = guest.doing in ("busy", "endless")
        if guest.num_bytes > (MAX_UNREAD_BYTES if is_asked else MAX_HEAD_BYTES) and guest.transport is not None:
            guest.transport.abort()
            return
        super().data_received(data)

    def log_access(self, request: web.BaseRequest, response: web.StreamResponse, time: float | None) -> None:
        """Called when an answer is out."""
        self.guest.turn("idle", asyncio.get_running_loop().time())

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no request, and the end of the connection; not logged, since anybody sends it."""
        if isinstance(exc, ConnectionError) or request.writer.output_size > 0:
            raise ConnectionError("there is nobody to answer, or an answer is under way")
        if status >= 500:
            log.error("web server: %s: %s", type(exc).__name__, exc)
            status, text = 503, "not possible now; try again\n"
        else:
            text = "this is no request that can be read\n"
        response = web.Response(status=status, text=text)
        response.force_close()
        harden(response)
        return response
