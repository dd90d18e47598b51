"""The unit's health, and what happens on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from edge.health.record import Health
from edge.saving.freeze import Freeze
from edge.web.api.operation import Answer, Operation
from edge.web.api.schemas import SHARE, STATES, TEXT
from edge.web.events import EventStream
from edge.web.gate import Gate

_HEALTH = {
    "type": "object",
    "properties": {"state": {"enum": list(STATES)}, "reason": TEXT, "strength": SHARE},
    "required": ["state", "reason", "mode", "profile", "frames", "dropped", "latency_ms", "parts", "frozen", "viewers"],
}


class Watching:
    """The handlers.

    Args:
        num_viewers: who watch.
    """

    def __init__(
        self, health: Health, freeze: Freeze, events: EventStream, gate: Gate, num_viewers: Callable[[], int]
    ) -> None:
        self._health, self._freeze, self._events = health, freeze, events
        self._gate, self._num_viewers = gate, num_viewers

    def operations(self) -> tuple[Operation, ...]:
        record = Answer("state, parts, rates and times of the unit", "application/json", _HEALTH)
        events = Answer("server-sent events without an end; the first is `state`", "text/event-stream")
        return (
            Operation("GET", "/health", self.health, "How the unit is.", {200: record}),
            Operation("GET", "/events", self.event_stream, "What happens on the unit, as it happens.", {200: events}),
        )

    async def health(self, request: web.Request) -> web.Response:
        return web.json_response({**self._health.snapshot(time.monotonic_ns()), **self.more()})

    def more(self) -> dict[str, Any]:
        """What the record of the unit's health has beside its parts."""
        frozen, strength = self._freeze.frozen is not None, self._freeze.strength()
        return {"frozen": frozen, "strength": strength, "viewers": self._num_viewers()}

    async def event_stream(self, request: web.Request) -> web.StreamResponse:
        """`state` (frozen, view, strength) at once and when it changes; the others are in docs/interfaces.md."""
        return await self._events.answer(request, self._freeze.view(), self._gate.address_of(request))
