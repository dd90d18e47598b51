"""`/events`: what happens on the unit, pushed to every open page (server-sent events, WHATWG HTML 9.2)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

_KEEP_ALIVE_S = 10.0
_MAX_WAITING = 16


class EventStream:
    """Belongs to the event loop. A page that does not read loses the oldest events, and keeps its connection."""

    def __init__(self) -> None:
        self._pages: set[asyncio.Queue[bytes]] = set()

    def push(self, kind: str, data: dict[str, Any]) -> None:
        """Queue an event for every page; call in the event loop."""
        for page in self._pages:
            if page.full():
                page.get_nowait()
            page.put_nowait(_line(kind, data))

    async def answer(self, request: web.Request, first: dict[str, Any]) -> web.StreamResponse:
        """Send `first` as an event `state`, then each event as it comes, until the page goes away."""
        headers = {
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        response = web.StreamResponse(headers=headers)
        waiting: asyncio.Queue[bytes] = asyncio.Queue(_MAX_WAITING)
        self._pages.add(waiting)
        try:
            await response.prepare(request)
            await response.write(_line("state", first))
            while True:
                try:
                    await response.write(await asyncio.wait_for(waiting.get(), _KEEP_ALIVE_S))
                except asyncio.TimeoutError:
                    await response.write(b": still here\n\n")
        except ConnectionError:
            return response
        finally:
            self._pages.discard(waiting)


def _line(kind: str, data: dict[str, Any]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()
