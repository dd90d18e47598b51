"""Notices that the event loop stood still: the process was stopped, or had no core for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from aiohttp import web

STOOD_STILL_NS = 300_000_000
_BEAT_S = 0.05


class Pulse:
    """Beats in the event loop. What was under way when it stopped is old by the time that it goes on."""

    def __init__(self) -> None:
        self._beat_ns = time.monotonic_ns()
        self._went_on_ns = 0
        self.on_went_on: set[Callable[[], None]] = set()  # called when the loop goes on, before anything else does

    async def run(self, app: web.Application) -> AsyncIterator[None]:
        """For `cleanup_ctx`: beats as long as the application lives."""
        self._beat_ns = time.monotonic_ns()
        self._timer = asyncio.get_running_loop().call_later(_BEAT_S, self._beat)
        yield
        self._timer.cancel()

    def _beat(self) -> None:
        """A plain callback: it runs before any coroutine that the same turn of the loop wakes."""
        now_ns = time.monotonic_ns()
        if now_ns - self._beat_ns > STOOD_STILL_NS:
            self._went_on_ns = now_ns
            for call in tuple(self.on_went_on):
                call()
        self._beat_ns = now_ns
        self._timer = asyncio.get_running_loop().call_later(_BEAT_S, self._beat)

    def stood_still_since(self, begin_ns: int) -> bool:
        """Whether the loop stood still at any time after this monotonic moment."""
        return self._went_on_ns > begin_ns or time.monotonic_ns() - self._beat_ns > STOOD_STILL_NS
