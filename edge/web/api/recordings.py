"""Recording, as pages and other programs ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from aiohttp import web

from edge.access.visitors import ASKED
from edge.basics.errors import UsageError
from edge.web.api.desk import Desk
from edge.web.api.operation import Answer, Operation
from edge.web.api.requests import json_body
from edge.web.api.schemas import COUNT, NUMBER, TEXT, array, or_null, record

_VIEW = {"enum": ["raw", "enhanced"]}
_STATE = record(
    {
        "name": TEXT,
        "since": {"type": "string", "format": "date-time"},
        "seconds": NUMBER,
        "views": array(_VIEW),
        "bytes": COUNT,
        "dropped": COUNT,
    }
)
_ENDED = record(
    {"name": TEXT, "seconds": NUMBER, "views": array(_VIEW), "bytes": COUNT, "ended": TEXT}, optional=["ended"]
)
_ALL = record(
    {
        "running": or_null(_STATE),
        "before": or_null(record({"seconds": NUMBER, "bytes": COUNT})),
        "encoder": TEXT,
        "ended": TEXT,
    }
)
_ORDER = {
    "type": "object",
    "properties": {
        "views": {"type": "array", "items": _VIEW, "minItems": 1, "maxItems": 2, "uniqueItems": True},
        "before": {"type": "boolean"},
    },
    "additionalProperties": False,
}


class Recorder(Protocol):
    """The part of `edge.saving.recording.recorder.Recorder` that is needed here."""

    def begin(self, views: Any, *, before: bool = False) -> dict[str, Any]: ...
    def end(self) -> dict[str, Any]: ...
    def keep(self) -> dict[str, Any]: ...
    def record(self) -> dict[str, Any]: ...
    def state(self) -> dict[str, Any] | None: ...
    def can(self) -> dict[str, bool]: ...


class Recordings:
    """The handlers, and what `/api/state` tells."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._desk = Desk("recording-asked", most=8)

    def operations(self) -> tuple[Operation, ...]:
        json, refusal = "application/json", Answer("it cannot be, and why: nothing has changed")
        ended = Answer("it is on the disk, whole", json, _ENDED)
        return (
            Operation(
                "GET",
                "/api/recording",
                self.recording,
                "The recording that runs, what is kept of the seconds before, and by what the last one ended.",
                {200: Answer("as `/health` tells it", json, _ALL)},
            ),
            Operation(
                "POST",
                "/api/recording/start",
                self.start,
                "Begin a recording; with `before`, with the seconds that are kept in memory.",
                {200: Answer("it runs", json, _STATE), 409: refusal},
                body=_ORDER,
            ),
            Operation(
                "POST",
                "/api/recording/stop",
                self.stop,
                "End the recording; answered when it is on the disk.",
                {200: ended, 409: Answer("none runs")},
            ),
            Operation(
                "POST",
                "/api/recording/keep",
                self.keep,
                "Save the seconds that are kept in memory as a recording of their own; one that runs is left alone.",
                {200: ended, 409: refusal},
            ),
        )

    def state(self) -> Mapping[str, Any]:
        return {"recording": self._recorder.state(), "can": self._recorder.can()}

    async def recording(self, request: web.Request) -> web.Response:
        return web.json_response(self._recorder.record())

    async def start(self, request: web.Request) -> web.Response:
        """JSON `{"views": ["raw", "enhanced"], "before": true}`, both of them optional."""
        views, before = _order_of(await json_body(request) if request.content_length else {})
        request[ASKED] = " ".join(views) + " with the seconds before" * before
        return web.json_response(await self._desk.do(lambda: self._recorder.begin(views, before=before)))

    async def stop(self, request: web.Request) -> web.Response:
        return web.json_response(await self._desk.do(self._recorder.end))

    async def keep(self, request: web.Request) -> web.Response:
        return web.json_response(await self._desk.do(self._recorder.keep))


def _order_of(body: Mapping[str, Any]) -> tuple[list[str], bool]:
    """Raises UsageError."""
    views, before = body.get("views", []), body.get("before", False)
    known = isinstance(views, list) and all(view in ("raw", "enhanced") for view in views)
    if not known or len({*views}) < len(views) or ("views" in body and not views):
        raise UsageError("views: expected raw, enhanced or both, each once")
    if not isinstance(before, bool):
        raise UsageError("before: expected true or false")
    return views, before
