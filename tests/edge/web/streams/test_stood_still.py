"""The process was stopped while a picture was on its way: it is never finished as live."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from edge.config import TRANSPORTS
from edge.web.audience import Audience
from edge.web.pulse import Pulse
from edge.web.streams.routes import StreamRoutes
from edge.web.views import Picture, View
from tests.doubles.waiting import GUARD_S

VIEW = View("raw")


def picture(state: str, age_ms: float, num_bytes: int) -> Picture:
    taken_ns = time.monotonic_ns() - int(age_ms * 1e6)
    return Picture(b"j" * num_bytes, 1, taken_ns, state, "raw")  # type: ignore[arg-type]


def watched(look: Callable[[ClientWebSocketResponse, Audience], Awaitable[None]]) -> None:
    async def run() -> None:
        audience, pulse, app = Audience(), Pulse(), web.Application()
        routes = StreamRoutes(audience, pulse, TRANSPORTS, lambda request: "here")
        app.router.add_get("/stream.ws", routes.websocket)
        app.cleanup_ctx.append(pulse.run)
        async with TestClient(TestServer(app)) as client:
            socket = await client.ws_connect("/stream.ws", max_msg_size=0)
            await socket.send_json({"want": "raw"})
            while not len(audience):
                await asyncio.sleep(0.01)
            await look(socket, audience)
            await socket.close()

    asyncio.run(asyncio.wait_for(run(), GUARD_S))


@pytest.mark.parametrize("state", ["live", "frozen"])
def test_half_a_picture_is_finished_unless_it_says_live(state: str) -> None:
    async def look(socket: ClientWebSocketResponse, audience: Audience) -> None:
        on_its_way = False
        while not on_its_way:  # on a loaded machine it may be left out as too old before it is begun
            sent = picture(state, 0, 60_000_000)
            audience.deliver(VIEW, sent)
            await asyncio.sleep(0.01)
            on_its_way = time.monotonic_ns() - (sent.t_capture_ns or 0) < 300e6
        time.sleep(0.6)  # nothing runs in the process meanwhile
        message = await socket.receive()
        assert message.type == (WSMsgType.BINARY if state == "frozen" else WSMsgType.CLOSED)

    watched(look)


def test_what_is_too_old_to_be_live_is_left_out() -> None:
    async def look(socket: ClientWebSocketResponse, audience: Audience) -> None:
        audience.deliver(VIEW, picture("live", 600, 100))
        await asyncio.sleep(0.1)
        audience.deliver(VIEW, picture("stale", 700, 100))
        assert b'"state":"stale"' in (await socket.receive()).data

    watched(look)


@pytest.mark.parametrize("path", ["/stream.ws", "/stream.mjpg"])
def test_a_transport_that_is_switched_off_says_so(path: str) -> None:
    async def run() -> None:
        app = web.Application()
        routes = StreamRoutes(Audience(), Pulse(), [name for name in TRANSPORTS if name not in _NAMES[path]], str)
        for route, handler in routes.gets.items():
            app.router.add_get(route, handler)
        async with TestClient(TestServer(app)) as client:
            answer = await client.get(path)
            assert (answer.status, "[web] transports" in await answer.text()) == (404, True)
            other = next(iter({*_NAMES} - {path}))
            assert (await client.head(other)).status in (200, 426)

    asyncio.run(run())


_NAMES = {"/stream.ws": "websocket", "/stream.mjpg": "mjpeg"}
