"""Before any handler: is the request for this unit, is it small, and is it this address's turn?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Middleware

from edge.access.attempts import network_of
from edge.access.rights import ENDLESS
from edge.access.visitors import FORWARDED_FOR
from edge.web.answers import refused
from edge.web.connection import Connection
from edge.web.guests import Doing
from edge.web.limits import MAX_BODY_BYTES, Limits, Pace
from edge.web.origins import Names, objection

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PATIENCE_S, _BURST_S = 2.0, 1.0
WEIGHTS = {"/snapshot.png": 5.0, "/api/save": 2.0, "/metrics": 2.0, "/openapi.json": 2.0}
"""What costs more than another request; a picture of 4 MB is sent."""
BODY_BYTES = {"/api/webrtc": 16 * 1024}
"""Bodies that are longer than any form here."""


class Gate:
    """The first middleware.

    Args:
        proxies: addresses whose `X-Forwarded-For` names the viewer.
        is_watched: whether a viewer is there who comes first.
    """

    def __init__(
        self,
        names: Names,
        proxies: Collection[str] = (),
        limits: Limits | None = None,
        is_watched: Callable[[], bool] = lambda: True,
    ) -> None:
        self._names, self._proxies = names, proxies
        self.proxies = tuple(proxies)
        limits = limits or Limits()
        self._pace = Pace(lambda: limits.requests * (1.0 if is_watched() else limits.ease), _BURST_S, PATIENCE_S)

    def middleware(self, pages: Collection[str]) -> Middleware:
        """For `web.Application`.

        Args:
            pages: paths that a link of another site may lead to.
        """

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            note(request, "busy")
            request[FORWARDED_FOR] = self.host_of(request)
            wait_s = self._pace.wait_s(self.address_of(request), WEIGHTS.get(request.path, 1.0))
            if wait_s is None:
                return _last(refused(503, "too many requests from this address; try again in a while", retry_s=1))
            if wait_s > 0:
                await asyncio.sleep(wait_s)
                if request.transport is None:
                    raise ConnectionResetError("who asked has gone meanwhile")
            answer = objection(request, self._names, pages) or _body_refused(request)
            if answer is not None:
                return _last(answer)
            resource = request.match_info.route.resource
            if resource is not None and resource.canonical in ENDLESS and request.method == "GET":
                note(request, "endless")
            return await handler(request)

        return cast("Middleware", guarded)

    def address_of(self, request: web.BaseRequest) -> str:
        """What the viewer is counted under: behind a proxy that is known, the address that it names last."""
        return network_of(self.host_of(request))

    def host_of(self, request: web.BaseRequest) -> str:
        """Where it comes from, as far as that can be believed."""
        host = request.remote or ""
        if not host or host in self._proxies:
            lines = request.headers.getall("X-Forwarded-For", [])
            forwarded = [one.strip() for line in lines for one in line.split(",")]
            named = [one for one in forwarded if one and one not in self._proxies]
            host = named[-1] if named else host
        return host


def note(request: web.Request, doing: Doing) -> None:
    """Count what its connection does and sends from now on."""
    if isinstance(request.protocol, Connection):
        request.protocol.guest.turn(doing, asyncio.get_running_loop().time())


def _last(response: web.Response) -> web.Response:
    """Nothing more comes over this connection."""
    response.force_close()
    return response


def _body_refused(request: web.Request) -> web.Response | None:
    """Whether its body is more than any form here needs, or packed so that nobody knows how much it is."""
    packed = request.headers.get("Content-Encoding", "identity").strip().lower()
    if packed != "identity":
        return refused(415, f"Content-Encoding = {packed[:40]!r}: bodies are taken as they are alone")
    if "Transfer-Encoding" in request.headers:
        return refused(411, "expected a body with its Content-Length, or none")
    most = BODY_BYTES.get(request.path, MAX_BODY_BYTES)
    if (request.content_length or 0) > most:
        return refused(413, f"Content-Length = {request.content_length}: expected at most {most}")
    return None
