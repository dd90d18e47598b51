"""The patient session, as pages and other programs open, show and close it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from edge.access.visitors import ASKED
from edge.basics.errors import UsageError
from edge.dicom.examination import Examination, emergency
from edge.saving.patient_session import MAX_LABEL, PatientSession
from edge.web.api.desk import Desk
from edge.web.api.operation import Answer, Operation, Parameter
from edge.web.api.requests import json_body
from edge.web.api.schemas import COUNT, TEXT, TRUTH, or_null, record

_PATIENT = record({"id": TEXT, "birth_date": TEXT, "sex": TEXT, "is_emergency": TRUTH})
_SESSION = record(
    {"id": TEXT, "label": TEXT, "since": {"type": "string", "format": "date-time"}, "patient": or_null(_PATIENT)}
)
_SENDING = record({"id": TEXT, "waiting": COUNT, "sent": COUNT, "committed": COUNT, "failed": COUNT})
_TOLD = record({"session": or_null(_SESSION), "sending": or_null(_SENDING)})
_MAX_ID = 64
_ID = {"type": "string", "maxLength": _MAX_ID}
_LABEL = {"type": "string", "minLength": 1, "maxLength": MAX_LABEL}
_OF_WHOM: Mapping[str, Any] = {"label": _LABEL, "worklist": {**_ID, "minLength": 1}, "emergency": {"const": True}}
_ORDER = {
    "type": "object",
    "properties": {**_OF_WHOM, "instead_of": _ID},
    "oneOf": [{"required": [one]} for one in _OF_WHOM],
    "additionalProperties": False,
}
_EXPECTED = (
    'body: expected {"label": "..."}, {"worklist": KEY} or {"emergency": true}; and "instead_of": ID, if you like'
)
_ONLY = Parameter("only", _ID, "id of the session that is meant; without it any is closed")


class Session:
    """The handlers, and what `/api/state` tells. The label is answered here and stands in records; nowhere else.

    Args:
        chosen: the examination of an answer of the worklist, by its key.
        sending: how far the objects of the session that is open are, or of the last one; None where nothing is sent.
    """

    def __init__(
        self,
        session: PatientSession,
        chosen: Callable[[str], Examination],
        sending: Callable[[], Mapping[str, Any] | None] = lambda: None,
    ) -> None:
        self._session, self._chosen, self._sending = session, chosen, sending
        self._desk = Desk("session", most=8)

    def operations(self) -> tuple[Operation, ...]:
        told = Answer(
            "`session`: that is open, null where none is; `sending`: what became of the objects of this one, or of the "
            "last one, on the way to the PACS",
            "application/json",
            _TOLD,
        )
        refusal = Answer(
            "a recording runs, another session was opened meanwhile, the worklist was asked too long ago, or the disk "
            "does not keep it"
        )
        path = "/api/session"
        return (
            Operation("GET", path, self.show, "The patient session that is open.", {200: told}),
            Operation(
                "POST",
                path,
                self.open,
                "Open a patient session, in place of one that is open: what is saved from now on belongs to it. Of "
                "whom: a `label`, the `key` of an answer of the worklist, or an emergency; `instead_of`: the session "
                "that is believed to be open, empty for none.",
                {200: told, 409: refusal},
                body=_ORDER,
            ),
            Operation("DELETE", path, self.close, "Close the patient session.", {200: told, 409: refusal}, (_ONLY,)),
        )

    def state(self) -> Mapping[str, Any]:
        return {"session": self._session.record()}

    async def show(self, request: web.Request) -> web.Response:
        return self._told()

    async def open(self, request: web.Request) -> web.Response:
        """JSON, as `_ORDER` has it: never more of a patient than a key or a label."""
        body = await json_body(request)
        instead_of = body.pop("instead_of", None)
        if len(body) != 1 or not (instead_of is None or _is_id(instead_of)):
            raise UsageError(_EXPECTED)
        ((of_whom, value),) = body.items()
        if of_whom == "label" and isinstance(value, str):
            opened = await self._desk.do(lambda: self._session.open(value, instead_of))
        elif of_whom == "worklist" and _is_id(value) and value:
            opened = await self._desk.do(lambda: self._session.open_for(self._chosen(value), instead_of))
        elif of_whom == "emergency" and value is True:
            opened = await self._desk.do(lambda: self._session.open_for(emergency(), instead_of))
        else:
            raise UsageError(_EXPECTED)
        request[ASKED] = opened.id
        return self._told()

    async def close(self, request: web.Request) -> web.Response:
        only = request.query.get("only")
        if only is not None and not _is_id(only):
            raise UsageError(f"only: expected at most {_MAX_ID} characters")
        await self._desk.do(lambda: self._session.close(only))
        return self._told()

    def _told(self) -> web.Response:
        return web.json_response({"session": self._session.record(), "sending": self._sending()})


def _is_id(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_ID
