"""A LIVE picture that has outlived its word is never finished."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import ClientPayloadError, ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from edge.web.audience import Audience
from edge.web.streams.mjpeg import stream
from edge.web.views import Picture, View
from tests.doubles.waiting import GUARD_S

VIEW = View("raw")
MS = 1_000_000


class Still:
    """A pulse that says whether the process stood still."""

    def __init__(self, stood_still: bool) -> None:
        self.stood_still = stood_still

    def stood_still_since(self, begin_ns: int) -> bool:
        return self.stood_still


def picture(state: str, age_ms: float, num_bytes: int = 100) -> Picture:
    return Picture(b"j" * num_bytes, 1, time.monotonic_ns() - int(age_ms * MS), state, "raw")  # type: ignore[arg-type]


def watched(pulse: Still, look: Callable[[ClientResponse, Audience], Awaitable[None]]) -> None:
    async def run() -> None:
        audience = Audience()
        app = web.Application()

        async def answered(request: web.Request) -> web.StreamResponse:
            return await stream(request, VIEW, audience, pulse)  # type: ignore[arg-type]

        app.router.add_get("/", answered)
        async with TestClient(TestServer(app)) as client:
            answer = await client.get("/")
            while not len(audience):
                await asyncio.sleep(0.01)
            await look(answer, audience)
            answer.close()

    asyncio.run(asyncio.wait_for(run(), GUARD_S))


async def next_head(answer: ClientResponse) -> bytes:
    found = b""
    while b"\r\n\r\n" not in found:
        found += await answer.content.readany()
    return found


def test_what_is_too_old_to_be_live_is_left_out() -> None:
    async def look(answer: ClientResponse, audience: Audience) -> None:
        audience.deliver(VIEW, picture("live", 600))
        await asyncio.sleep(0.1)
        audience.deliver(VIEW, picture("stale", 700))
        head = await next_head(answer)
        assert b"X-State: stale" in head and b"X-State: live" not in head

    watched(Still(False), look)


@pytest.mark.parametrize("stood_still", [True, False])
def test_half_a_picture_is_finished_unless_the_process_stood_still(stood_still: bool) -> None:
    async def look(answer: ClientResponse, audience: Audience) -> None:
        on_its_way = False
        while not on_its_way:  # on a loaded machine it may be left out as too old before it is begun
            sent = picture("live", 300, num_bytes=20_000_000)
            audience.deliver(VIEW, sent)
            await asyncio.sleep(0.01)
            on_its_way = not sent.is_outlived(time.monotonic_ns())
        await asyncio.sleep(0.4)  # nobody reads: most of it waits here meanwhile
        if stood_still:
            with pytest.raises((ClientPayloadError, ConnectionError)):
                await answer.content.readexactly(20_000_000)
        else:
            assert len(await answer.content.readexactly(20_000_000)) == 20_000_000

    watched(Still(stood_still), look)
