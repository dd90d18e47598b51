"""`/events`: what happens on the unit, pushed to every open page (server-sent events, WHATWG HTML 9.2)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from edge.basics.hiding import record_without_secrets
from edge.health.news import (
    News,
    NotSaved,
    ProfileRuns,
    RecordingChanged,
    ReferenceChanged,
    Removed,
    Saved,
    SessionChanged,
    ViewChanged,
)
from edge.web.answers import endless_headers
from edge.web.limits import Busy, Limits, Seats

_KEEP_ALIVE_S = 10.0
_MAX_WAITING = 16


class EventStream:
    """Belongs to the event loop. A page that does not read loses the oldest events, and keeps its connection."""

    def __init__(self, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._pages: set[asyncio.Queue[bytes]] = set()
        self._seats = Seats(limits.streams, limits.streams_of_one)

    def __len__(self) -> int:
        return len(self._pages)

    def push(self, news: News) -> None:
        """Queue an event for every page; call in the event loop."""
        for page in self._pages:
            if page.full():
                page.get_nowait()
            page.put_nowait(_line(news))

    async def answer(self, request: web.Request, first: ViewChanged, address: str = "") -> web.StreamResponse:
        """Send `first`, then each event as it comes, until the page goes away; the headers alone for a HEAD.

        Raises:
            Busy: as many listen as there may.
        """
        headers = endless_headers("text/event-stream")
        if request.method == "HEAD":
            return web.Response(headers=headers)
        if not self._seats.take(address):
            raise Busy("as many listen as there may at a time; try again in a while")
        response = web.StreamResponse(headers=headers)
        waiting: asyncio.Queue[bytes] = asyncio.Queue(_MAX_WAITING)
        self._pages.add(waiting)
        try:
            await response.prepare(request)
            await response.write(_line(first))
            while True:
                try:
                    await response.write(await asyncio.wait_for(waiting.get(), _KEEP_ALIVE_S))
                except asyncio.TimeoutError:
                    await response.write(b": still here\n\n")
        except ConnectionError:
            return response
        finally:
            self._pages.discard(waiting)
            self._seats.leave(address)


def event_of(news: News) -> tuple[str, dict[str, Any]]:
    """Name and data of an event, as pages and other programs read it (docs/interfaces.md)."""
    if isinstance(news, ViewChanged):
        return "state", {"frozen": news.is_frozen, "view": news.view, "strength": news.strength}
    if isinstance(news, Saved):
        return "saved", {"name": news.name}
    if isinstance(news, NotSaved):
        return "not-saved", {"reason": news.reason}
    if isinstance(news, ReferenceChanged):
        return "reference", {"profile": news.profile, "state": news.state, "reason": news.reason}
    if isinstance(news, ProfileRuns):
        return "profile", {"profile": news.profile}
    if isinstance(news, RecordingChanged):
        told = {"running": news.is_running, "name": news.name, "views": list(news.views), "reason": news.reason}
        return "recording", told
    if isinstance(news, SessionChanged):
        return "session", {"id": news.id or None}
    if isinstance(news, Removed):
        return "removed", {"name": news.name}
    return "health", {"part": news.part, "state": news.state, "reason": news.reason}


def _line(news: News) -> bytes:
    kind, data = event_of(news)
    return f"event: {kind}\ndata: {json.dumps(record_without_secrets(data))}\n\n".encode()
