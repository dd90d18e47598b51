"""JPEGs over a WebSocket, each with a header: the viewer asks for the next one when it has drawn the last.

So a slow one is live at a lower rate: nothing queues, at most one picture is on its way to each.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from edge.basics.errors import UsageError
from edge.web.answers import refused
from edge.web.audience import Audience, Viewer
from edge.web.gate import note
from edge.web.limits import SILENT_S, Busy
from edge.web.pulse import Pulse
from edge.web.streams.mjpeg import keep_small
from edge.web.streams.wishes import MAX_BYTES, Allowance, Next, Want, Wish, wish_of
from edge.web.views import Picture

ASK_WITHIN_S = SILENT_S
"""Who does not say for so long what it wants, or that it wants the next, is sent away."""
_GOODBYE_S = 1.0
_MAX_REASON_BYTES = 120  # RFC 6455, 5.5: a control frame has 125


async def answer(request: web.Request, audience: Audience, pulse: Pulse, address: str) -> web.StreamResponse:
    """Send pictures until the viewer goes away or is sent away.

    Args:
        address: of the viewer, for `Audience.admit`.
    """
    socket = web.WebSocketResponse(
        timeout=_GOODBYE_S, autoping=False, compress=False, max_msg_size=MAX_BYTES + 1, writer_limit=0
    )
    if request.method != "GET" or not socket.can_prepare(request).ok:
        refusal = refused(426, "expected a WebSocket (RFC 6455), version 13")
        refusal.headers["Upgrade"] = "websocket"
        return refusal
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the viewer left before the stream began")
    keep_small(transport)
    await socket.prepare(request)
    talk = _Talk(request, socket, transport, audience, pulse, address)
    try:
        await talk.until_it_ends()
    except _SentAwayError as end:
        await _say_goodbye(socket, transport, end)
    except asyncio.CancelledError:
        transport.abort()  # the server closes, or the right to look has ended
        raise
    except ConnectionError:
        transport.abort()
    return socket


class _SentAwayError(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


async def _say_goodbye(socket: web.WebSocketResponse, transport: asyncio.Transport, end: _SentAwayError) -> None:
    reason = end.reason.encode()[:_MAX_REASON_BYTES]
    try:
        await asyncio.wait_for(socket.close(code=end.code, message=reason), 2 * _GOODBYE_S)
    except (asyncio.TimeoutError, ConnectionError):
        transport.abort()  # it reads nothing any more


class _Talk:
    """With one viewer; two tasks, one that listens and one that sends."""

    def __init__(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        audience: Audience,
        pulse: Pulse,
        address: str,
    ) -> None:
        self._request, self._socket, self._transport = request, socket, transport
        self._audience, self._pulse, self._address = audience, pulse, address
        self._allowance = Allowance()
        self._asked = asyncio.Event()
        self._asked.set()  # the first one is sent without
        self._on_its_way: Picture | None = None
        self._num_dropped = 0
        self._sent_seq: int | None = None
        self._silent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._patience: asyncio.TimerHandle | None = None

    async def until_it_ends(self) -> None:
        """Raises `_SentAwayError` or `ConnectionError` where it ends by that."""
        self._wait_for("want")
        self._pulse.on_went_on.add(self._cut_if_outlived)
        try:
            await self._until_one_ends(self._welcome())
        finally:
            self._pulse.on_went_on.discard(self._cut_if_outlived)
            self._wait_for("")

    async def _welcome(self) -> None:
        """Take it in when it has said what it wants, and send it pictures."""
        first = await self._wish()
        if first is None:
            return
        if not isinstance(first, Want):
            raise _SentAwayError(WSCloseCode.POLICY_VIOLATION, "expected a want first")
        try:
            viewer = self._audience.admit(first.view, self._address, first.place, "websocket")
        except Busy as error:
            raise _SentAwayError(WSCloseCode.TRY_AGAIN_LATER, str(error)) from None
        self._wait_for("")
        viewer.on_replaced = self._transport.abort
        self._audience.begin(viewer)
        try:
            await self._until_one_ends(self._listen(viewer), self._send(viewer))
        finally:
            self._audience.leave(viewer)

    async def _until_one_ends(self, *works: Coroutine[Any, Any, None]) -> None:
        """Until one of these has ended, or it was silent for too long; the others end then."""
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            done, _ = await asyncio.wait([*tasks, self._silent], return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _wait_for(self, what: str) -> None:
        """It must say this in time; nothing where it is empty. A timer, since a task that ends must not be held up."""
        if self._patience is not None:
            self._patience.cancel()
        self._patience = None

        def give_up() -> None:
            if not self._silent.done():
                reason = f"no {what} for {ASK_WITHIN_S:.0f} s"
                self._silent.set_exception(_SentAwayError(WSCloseCode.POLICY_VIOLATION, reason))

        if what:
            self._patience = asyncio.get_running_loop().call_later(ASK_WITHIN_S, give_up)

    async def _listen(self, viewer: Viewer) -> None:
        while (wish := await self._wish()) is not None:
            if isinstance(wish, Want):
                self._audience.show(viewer, wish.view)
            elif self._on_its_way is not None:
                self._on_its_way = None
                self._wait_for("")
                self._asked.set()

    async def _wish(self) -> Wish | None:
        """The next message; None when the viewer has gone. Pings are answered meanwhile."""
        while True:
            message = await self._socket.receive()
            note(self._request, "endless")
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                return None
            wish = self._read(message.type, message.data)
            is_answer = isinstance(wish, Next) and self._on_its_way is not None
            if not is_answer and not self._allowance.take():
                raise _SentAwayError(
                    WSCloseCode.POLICY_VIOLATION, f"more than {Allowance.A_SECOND} messages in a second"
                )
            if wish is not None:
                return wish
            if message.type == WSMsgType.PING:
                await self._socket.pong(message.data)

    def _read(self, kind: WSMsgType, data: Any) -> Wish | None:
        """What a message says; None for a ping or pong."""
        if kind == WSMsgType.BINARY:
            raise _SentAwayError(WSCloseCode.UNSUPPORTED_DATA, "expected text messages")
        if kind != WSMsgType.TEXT:
            return None
        try:
            return wish_of(data)
        except UsageError as error:
            raise _SentAwayError(WSCloseCode.POLICY_VIOLATION, str(error)) from None

    async def _send(self, viewer: Viewer) -> None:
        while True:
            await self._asked.wait()
            picture = await viewer.next()
            now_ns = time.monotonic_ns()
            if picture.is_outlived(now_ns):
                continue  # the encoder makes one that says so
            self._count(picture.seq)
            self._asked.clear()
            self._on_its_way = picture
            self._wait_for("next")
            await self._socket.send_bytes(message_of(picture, viewer.view.name, self._num_dropped, now_ns))

    def _count(self, seq: int | None) -> None:
        """Frames between the last one sent and this one were not."""
        if seq is None:
            return
        if self._sent_seq is not None and seq > self._sent_seq:
            self._num_dropped += seq - self._sent_seq - 1
        self._sent_seq = seq

    def _cut_if_outlived(self) -> None:
        """The process stood still: a picture that is half sent would be finished now, and seen as live."""
        if self._on_its_way is not None and self._on_its_way.is_outlived(time.monotonic_ns()):
            self._transport.abort()


def message_of(picture: Picture, view: str, num_dropped: int, now_ns: int) -> bytes:
    """One picture as it is sent (docs/interfaces.md): length of the header, header, one JPEG or two.

    `sent_ms` is this machine's monotonic clock; a page that watches how it drifts against its own sees whether
    pictures are late on the way.
    """
    age_ms = picture.age_ms(now_ns)
    header = {
        "seq": picture.seq,
        "age_ms": None if age_ms is None else round(age_ms, 1),
        "sent_ms": round(now_ns / 1e6, 1),
        "mode": picture.mode,
        "state": picture.state,
        "profile": picture.profile,
        "view": view,
        "width": picture.size_px[0],
        "height": picture.size_px[1],
        "enhanced_bytes": picture.num_bytes_enhanced,
        "num_dropped": num_dropped,
    }
    written = json.dumps(header, separators=(",", ":")).encode()
    return b"".join((len(written).to_bytes(4, "big"), written, picture.jpeg))
