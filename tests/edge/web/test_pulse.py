"""A picture that was under way when the process stood still must not be finished afterwards."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from edge.web.pulse import STOOD_STILL_NS, Pulse

TRIES = 5
"""A busy machine can stop this process too."""


def stood_still(pause_s: float, look_at_once: bool) -> bool:
    """What a pulse says to work that began before the loop was held for so long."""

    async def stood_still() -> bool:
        pulse, app = Pulse(), web.Application()
        beats = pulse.run(app)
        await beats.__anext__()
        await asyncio.sleep(0.12)
        begin_ns = time.monotonic_ns()
        time.sleep(pause_s)
        if not look_at_once:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        found = pulse.stood_still_since(begin_ns)
        await beats.aclose()
        return found

    return asyncio.run(stood_still())


def test_a_stop_is_noticed_before_the_loop_turns() -> None:
    assert stood_still(2 * STOOD_STILL_NS / 1e9, look_at_once=True)


def test_a_stop_is_noticed_by_what_the_loop_wakes_first() -> None:
    assert stood_still(2 * STOOD_STILL_NS / 1e9, look_at_once=False)


def test_work_of_a_moment_is_no_stop() -> None:
    assert not all(stood_still(0.01, look_at_once=False) for _ in range(TRIES))


def test_what_begins_after_a_stop_is_not_blamed() -> None:
    async def stood_still() -> bool:
        pulse = Pulse()
        beats = pulse.run(web.Application())
        await beats.__anext__()
        time.sleep(2 * STOOD_STILL_NS / 1e9)
        await asyncio.sleep(0.1)
        return pulse.stood_still_since(time.monotonic_ns())

    assert not all(asyncio.run(stood_still()) for _ in range(TRIES))
