"""`GET /api/state`: everything that the page shows beside the picture, in one record that is asked for each second."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from edge.access.door import Door
from edge.access.rights import may
from edge.access.visitors import VISITOR
from edge.health.record import Health
from edge.saving.freeze import Freeze
from edge.saving.patient_session import without_patient
from edge.web.api.operation import Answer, Operation
from edge.web.api.schemas import (
    ANYTHING,
    COUNT,
    NUMBER,
    SHARE,
    STATES,
    TEXT,
    TRUTH,
    array,
    or_null,
    record,
)

StatePart = Callable[[], Mapping[str, Any]]
"""What another part of the unit adds to the record; must not wait. Its `can` is added to those of others."""

_NOTHING: Mapping[str, Any] = {
    "profiles": [],
    "recording": None,
    "session": None,
    "reference": None,
    "light_percent": None,
    "storage": None,
}
_CANNOT: Mapping[str, Any] = {
    "profile": False,
    "light": False,
    "camera_controls": False,
    "recording": False,
    "before_roll": False,
    "reference": [],
    "webrtc": False,
    "worklist": False,
}

SCHEMA = record(
    {
        "state": {"enum": list(STATES)},
        "reason": TEXT,
        "mode": {"enum": ["enhanced", "raw"]},
        "profile": TEXT,
        "profiles": array(
            record({"name": TEXT, "title": TEXT, "is_live": TRUTH, "synthesises": TRUTH, "advice": TEXT})
        ),
        "strength": SHARE,
        "frozen": or_null(record({"seq": {"type": "integer"}, "taken_at": {"type": "string", "format": "date-time"}})),
        "view": {"enum": ["enhanced", "raw"]},
        "age_ms": or_null(NUMBER),
        "fps_in": NUMBER,
        "fps_out": NUMBER,
        "latency_ms": or_null(NUMBER),
        "notices": array(TEXT),
        "role": {"enum": ["viewer", "operator", "admin"]},
        "name": TEXT,
        "expires_in_s": or_null(NUMBER),
        "insecure": TRUTH,
        "viewers": COUNT,
        "can": record({key: array(TEXT) if key == "reference" else TRUTH for key in _CANNOT}),
        "recording": or_null(ANYTHING),
        "session": or_null(ANYTHING),
        "reference": or_null(ANYTHING),
        "light_percent": or_null(NUMBER),
        "storage": or_null(ANYTHING),
    }
)


class UnitState:
    """The handler.

    Args:
        num_viewers: who watch.
        parts: what other parts add.
    """

    def __init__(
        self, health: Health, freeze: Freeze, door: Door, num_viewers: Callable[[], int], parts: Sequence[StatePart]
    ) -> None:
        self._health, self._freeze, self._door = health, freeze, door
        self._num_viewers, self._parts = num_viewers, parts

    def operations(self) -> tuple[Operation, ...]:
        told = Answer("the unit, the picture and who asks", "application/json", SCHEMA)
        summary = "Everything that a page shows beside the picture."
        return (Operation("GET", "/api/state", self.state, summary, {200: told}),)

    async def state(self, request: web.Request) -> web.Response:
        told = {**self._of_picture(), **self._of_visitor(request), **self.of_parts()}
        if told["session"] is not None and not may(request[VISITOR].role, "operator"):
            told["session"] = without_patient(told["session"])  # a display on a wall need not say whose throat it is
        return web.json_response(told)

    def _of_picture(self) -> dict[str, Any]:
        health, view = self._health.snapshot(time.monotonic_ns()), self._freeze.view()
        access = health.get("access") or {}
        same = ("state", "reason", "mode", "profile", "age_ms", "fps_in", "fps_out")
        return {
            **{key: health[key] for key in same},
            "latency_ms": health["latency_ms"]["p50"],
            "notices": [*access.get("notices", ()), *health["notices"]],
            "strength": view.strength,
            "view": view.view,
            "frozen": self._held(),
            "viewers": self._num_viewers(),
        }

    def _held(self) -> dict[str, Any] | None:
        pair = self._freeze.frozen
        if pair is None:
            return None
        taken_at = self._freeze.names.of(pair).taken_at
        return {"seq": pair.raw.seq, "taken_at": taken_at.isoformat(timespec="milliseconds")}

    def _of_visitor(self, request: web.Request) -> dict[str, Any]:
        visitor = request[VISITOR]
        left_s = self._door.left_s(visitor)
        return {
            "role": visitor.role,
            "name": visitor.name,
            "expires_in_s": None if left_s is None else round(left_s),
            "insecure": self._door.is_insecure,
        }

    def of_parts(self) -> dict[str, Any]:
        """What other parts tell, and nothing of who asks."""
        told, can = dict(_NOTHING), dict(_CANNOT)
        for part in self._parts:
            added = dict(part())
            can |= added.pop("can", {})
            told |= added
        return {**told, "can": can}
