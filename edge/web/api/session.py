"""The patient session, as pages and other programs open, show and close it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from edge.access.visitors import ASKED
from edge.basics.errors import UsageError
from edge.saving.patient_session import MAX_LABEL, PatientSession
from edge.web.api.desk import Desk
from edge.web.api.operation import Answer, Operation
from edge.web.api.requests import json_body
from edge.web.api.schemas import TEXT, or_null, record

_SESSION = record({"id": TEXT, "label": TEXT, "since": {"type": "string", "format": "date-time"}})
_TOLD = record({"session": or_null(_SESSION)})
_ORDER = {
    "type": "object",
    "properties": {"label": {"type": "string", "minLength": 1, "maxLength": MAX_LABEL}},
    "required": ["label"],
    "additionalProperties": False,
}


class Session:
    """The handlers, and what `/api/state` tells. The label is answered here and stands in records; nowhere else."""

    def __init__(self, session: PatientSession) -> None:
        self._session = session
        self._desk = Desk("session", most=8)

    def operations(self) -> tuple[Operation, ...]:
        told = Answer("the session that is open, null where none is", "application/json", _TOLD)
        refusal = Answer("a recording runs, or the disk does not keep it")
        path = "/api/session"
        return (
            Operation("GET", path, self.show, "The patient session that is open.", {200: told}),
            Operation(
                "POST",
                path,
                self.open,
                "Open a patient session, in place of one that is open: what is saved from now on belongs to it.",
                {200: told, 409: refusal},
                body=_ORDER,
            ),
            Operation("DELETE", path, self.close, "Close the patient session.", {200: told, 409: refusal}),
        )

    def state(self) -> Mapping[str, Any]:
        return {"session": self._session.record()}

    async def show(self, request: web.Request) -> web.Response:
        return self._told()

    async def open(self, request: web.Request) -> web.Response:
        """JSON `{"label": "..."}`."""
        body = await json_body(request)
        label = body.get("label")
        if not isinstance(label, str):
            raise UsageError('body: expected {"label": "..."}')
        opened = await self._desk.do(lambda: self._session.open(label))
        request[ASKED] = opened.id
        return self._told()

    async def close(self, request: web.Request) -> web.Response:
        await self._desk.do(self._session.close)
        return self._told()

    def _told(self) -> web.Response:
        return web.json_response({"session": self._session.record()})
