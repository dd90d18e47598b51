"""How reference pictures are asked for: `/api/reference`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from edge.access.visitors import ASKED
from edge.basics.errors import UsageError
from edge.frames.frame import FramePair
from edge.health.record import Health
from edge.stills.references import References
from edge.web.api.desk import Desk
from edge.web.api.operation import Answer, Operation, Parameter
from edge.web.api.requests import json_body
from edge.web.api.schemas import COUNT, SHARE, TEXT, TRUTH, array, or_null, record
from edge.web.views import View, snapshot

_NAME = {"type": "string", "maxLength": 64}
_OFFERED = record({"name": _NAME, "synthesised": TRUTH})
_RUNNING = record({"profile": _NAME, "done": SHARE, "left_s": or_null(COUNT)})
_DONE = record({"profile": _NAME, "seq": COUNT, "synthesised": TRUTH})
_FAILED = record({"profile": _NAME, "reason": TEXT})
RECORD_SCHEMA = record(
    {
        "profiles": array(_OFFERED),
        "running": or_null(_RUNNING),
        "done": array(_DONE),
        "failed": array(_FAILED),
        "shown": or_null(_NAME),
    }
)
_RECORD = Answer("what is offered, being made, made, not made, and shown", "application/json", RECORD_SCHEMA)
_NOT_NOW = Answer("nothing is held, or it cannot be at this moment; a line says why")
_WRONG = Answer("the profile is none that is offered; a line says which are")


class ReferenceOperations:
    """The handlers; they run on the event loop.

    Args:
        health: how the held picture is judged, and what the unit says of itself.
    """

    def __init__(self, references: References, health: Health) -> None:
        self._references, self._health = references, health
        self._desk, self._developing = Desk("reference", most=4), asyncio.Lock()
        self._last: tuple[tuple[str, int, int], bytes] | None = None

    def operations(self) -> tuple[Operation, ...]:
        profile = Parameter("profile", _NAME, "name of a profile for stills", is_required=True)
        shown = Parameter("profile", _NAME, "name of a profile that is made; empty for the live one")
        body = record({"profile": _NAME})
        png = Answer("the held picture, its banner in its pixels", "image/png")
        return (
            Operation("GET", "/api/reference", self.record, "Reference pictures of the held picture.", {200: _RECORD}),
            Operation(
                "POST",
                "/api/reference",
                self.begin,
                "Make the held picture by a profile for stills, in the background.",
                {202: _RECORD, 400: _WRONG, 409: _NOT_NOW},
                body=body,
            ),
            Operation(
                "DELETE", "/api/reference", self.cancel, "Give up the picture that is being made.", {200: _RECORD}
            ),
            Operation(
                "POST",
                "/api/reference/show",
                self.show,
                "Show everybody the held picture as a profile made it, or as it was live.",
                {200: _RECORD, 409: _NOT_NOW},
                (shown,),
            ),
            Operation(
                "GET",
                "/api/reference.png",
                self.picture,
                "The held picture as a profile made it.",
                {200: png, 409: _NOT_NOW},
                (profile,),
            ),
        )

    def state(self) -> Mapping[str, Any]:
        """What `/api/state` tells."""
        return {"reference": self._references.record(), "can": {"reference": list(self._references.offered())}}

    async def record(self, request: web.Request) -> web.StreamResponse:
        return self._answer()

    async def begin(self, request: web.Request) -> web.StreamResponse:
        profile = (await json_body(request)).get("profile")
        if not isinstance(profile, str):
            raise UsageError('expected a body such as {"profile": "miinet"}')
        request[ASKED] = profile[:64]
        self._references.begin(profile)
        return self._answer(202)

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        self._references.cancel()
        return self._answer()

    async def show(self, request: web.Request) -> web.StreamResponse:
        profile = request[ASKED] = request.query.get("profile", "")
        self._references.show(profile)
        return self._answer()

    async def picture(self, request: web.Request) -> web.StreamResponse:
        pair = self._references.made(request.query.get("profile", ""))
        async with self._developing:
            key = pair.enhanced.profile, pair.raw.seq, pair.raw.t_capture_ns  # not the pair, whose memory is lent
            if self._last is None or self._last[0] != key:
                self._last = key, await self._desk.do(lambda: self._developed(pair))
            file = self._last[1]
        return web.Response(body=file, content_type="image/png")

    def _developed(self, pair: FramePair) -> bytes:
        verdict = self._health.verdict(time.monotonic_ns(), pair.enhanced.t_capture_ns, frozen=True)
        return snapshot(View("enhanced"), pair, verdict, pair.enhanced.model.get("sha256", ""), "")[0]

    def _answer(self, status: int = 200) -> web.Response:
        return web.json_response(self._references.record(), status=status)
