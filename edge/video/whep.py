"""WebRTC for pages and players: an offer comes in by HTTP, an answer goes back (WHEP, draft-ietf-wish-whep).

There are no STUN or TURN servers: a viewer reaches the unit at the address at which it reached the page.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from edge.access.visitors import VISITOR, Visitor
from edge.basics.errors import UsageError
from edge.video.hub import Hub
from edge.video.listening import Listener, NoVideo
from edge.video.picture import VIDEO_VIEWS, VideoView
from edge.video.sdp import wish_of
from edge.web.answers import refused
from edge.web.api.operation import Answer, Operation, Parameter
from edge.web.api.requests import whole_body
from edge.web.inside import AUDIENCE, DOOR, GATE
from edge.web.views import View

ANSWER_WITHIN_S = 20.0
START_WITHIN_S = 20.0
_LOOK_S = 0.05
_VIEW = Parameter("view", {"type": "string", "enum": list(VIDEO_VIEWS), "default": "enhanced"}, "What is sent.")
_ID = Parameter("id", {"type": "string", "pattern": "^[A-Za-z0-9_-]{8,64}$"}, "Of the stream.", "path", True)
_STREAM = {
    "type": "object",
    "required": ["view", "now_ms", "connected"],
    "properties": {
        "view": {"type": "string"},
        "now_ms": {
            "type": "number",
            "description": "The unit's monotonic clock. A live picture's RTP time, of 90 kHz, is that of its capture.",
        },
        "connected": {"type": "boolean"},
        "loss": {"type": ["number", "null"], "description": "Share of packets that the viewer missed lately."},
    },
}


@dataclass
class _Stream:
    """One viewer.

    Attributes:
        is_answered: set with the SDP, or with the reason why there is none.
    """

    view: VideoView
    visitor: Visitor
    answer: asyncio.Future[str]
    ended: asyncio.Future[str]
    attending: asyncio.Future[None] | None = field(default=None)


class Whep:
    """The operations; they run on the web server's event loop.

    Args:
        ports: UDP ports, lowest and highest; empty for any.
    """

    def __init__(self, hub: Hub, ports: tuple[int, ...]) -> None:
        self._hub = hub
        self._ports = list(ports) or [0, 0]
        self._streams: dict[str, _Stream] = {}

    def operations(self) -> tuple[Operation, ...]:
        gone = Answer("No stream of yours has this name.")
        return (
            Operation(
                "POST",
                "/api/webrtc",
                self.begin,
                "Watch by WebRTC: an SDP offer (application/sdp) comes in, the answer goes out; its Location ends it.",
                {
                    201: Answer("The SDP answer.", "application/sdp"),
                    400: Answer("The offer cannot be served."),
                    415: Answer("The body is no application/sdp."),
                    503: Answer("Nothing can be coded now, or as many watch as may."),
                },
                (_VIEW,),
            ),
            Operation(
                "GET",
                "/api/webrtc/{id}",
                self.tell,
                "How a stream is, and the unit's clock.",
                {200: Answer("The stream.", "application/json", _STREAM), 404: gone},
                (_ID,),
            ),
            Operation(
                "DELETE", "/api/webrtc/{id}", self.end, "End a stream.", {200: Answer("Ended."), 404: gone}, (_ID,)
            ),
        )

    def can(self) -> bool:
        """Whether WebRTC can be had, as far as is known; asking has the unit find out."""
        self._hub.need()
        return not self._hub.lacks

    async def begin(self, request: web.Request) -> web.StreamResponse:
        """Take an offer."""
        view = _view_of(request)
        kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/sdp":
            return refused(415, f"Content-Type = {kind[:60]!r}: expected application/sdp")
        wish = wish_of(await whole_body(request))
        if why := await self._why_not():
            return refused(503, f"no WebRTC: {why}", retry_s=2)
        audience, host = request.app[AUDIENCE], request.app[GATE].address_of(request)
        viewer = audience.admit(View(view), host, transport="webrtc")  # only a seat: nothing is made as JPEG for it
        name = secrets.token_urlsafe(12)
        loop = asyncio.get_running_loop()
        stream = self._streams[name] = _Stream(view, request[VISITOR], loop.create_future(), loop.create_future())
        stream.attending = asyncio.ensure_future(self._attend(name, stream, lambda: audience.leave(viewer)))
        request.app[DOOR].attend(stream.attending, stream.visitor)
        await asyncio.sleep(0)  # it has begun, so that its end lets go of the seat
        told = {"sdp": wish.sdp, "payload": wish.payload, "profile": wish.profile}
        told |= {"address": _address_of(request), "ports": self._ports}
        try:
            self._hub.begin(name, self._listener(loop, stream))
            self._hub.offer(name, told)
            answer = await asyncio.wait_for(asyncio.shield(stream.answer), ANSWER_WITHIN_S)
        except (NoVideo, TimeoutError, asyncio.TimeoutError, asyncio.CancelledError) as error:
            stream.attending.cancel()
            if isinstance(error, asyncio.CancelledError):
                raise
            return refused(503, f"no WebRTC: {str(error) or 'the video process gave no answer in time'}", retry_s=2)
        headers = {"Content-Type": "application/sdp", "Location": f"api/webrtc/{name}"}
        return web.Response(status=201, body=answer.encode(), headers=headers)

    async def tell(self, request: web.Request) -> web.StreamResponse:
        """`now_ms`: the unit's clock, by which a page knows how old a picture is."""
        name, stream = self._of(request)
        if stream is None:
            return refused(404, "this stream has ended, or is not yours")
        told: Mapping[str, Any] = {
            "view": stream.view,
            "now_ms": round(time.monotonic_ns() / 1e6, 2),
            "connected": not stream.ended.done(),
            "loss": self._hub.loss_of(name),
        }
        return web.json_response(told)

    async def end(self, request: web.Request) -> web.StreamResponse:
        """End one's own stream."""
        _, stream = self._of(request)
        if stream is None:
            return refused(404, "this stream has ended, or is not yours")
        assert stream.attending is not None, "set when it began"
        stream.attending.cancel()
        return web.Response()

    def _of(self, request: web.Request) -> tuple[str, _Stream | None]:
        """A stream of who asks; None for another's."""
        name, visitor = request.match_info["id"], request[VISITOR]
        stream = self._streams.get(name)
        is_own = stream is not None and (stream.visitor.name, stream.visitor.session) == (visitor.name, visitor.session)
        return name, stream if is_own else None

    async def _why_not(self) -> str:
        """Why WebRTC cannot be had; a process that only has to start is waited for."""
        self._hub.need()
        until_s = time.monotonic() + START_WITHIN_S
        while self._hub.is_starting and time.monotonic() < until_s:
            await asyncio.sleep(_LOOK_S)
        return self._hub.lacks

    async def _attend(self, name: str, stream: _Stream, leave: Any) -> None:
        """Until it ends by itself, or is cancelled: by its viewer, or because the right to it has ended."""
        try:
            await stream.ended
        finally:
            self._hub.end(name)
            del self._streams[name]
            leave()
            if not stream.answer.done():
                stream.answer.set_exception(NoVideo("the stream ended"))
                stream.answer.exception()  # somebody may wait for it, or nobody

    def _listener(self, loop: asyncio.AbstractEventLoop, stream: _Stream) -> Listener:
        def settle(future: asyncio.Future[str], value: str) -> None:
            if not future.done():
                future.set_result(value)

        def tell(future: asyncio.Future[str], value: str) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, future, value)

        return Listener(
            stream.view,
            on_ended=lambda why: tell(stream.ended, why),
            on_answer=lambda sdp: tell(stream.answer, sdp),
        )


def _view_of(request: web.Request) -> VideoView:
    name = request.query.get("view", "enhanced")
    for view in VIDEO_VIEWS:
        if view == name:
            return view
    raise UsageError(f"view = {name[:40]!r}: expected one of {', '.join(VIDEO_VIEWS)}")


def _address_of(request: web.Request) -> str:
    """The unit's address at which this viewer reaches it; empty, for all that it has, behind a proxy."""
    name = request.transport.get_extra_info("sockname") if request.transport is not None else None
    if not isinstance(name, tuple) or (request.remote or "") in request.app[GATE].proxies:
        return ""
    address = ipaddress.ip_address(re.sub("%.*", "", str(name[0])))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return "" if address.is_link_local else str(mapped or address)
