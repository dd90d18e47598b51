"""The worklist, as a page shows it to who picks a patient from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from aiohttp import web

from edge.basics.errors import ConfigError, InputOutputError
from edge.dicom.examination import Examination
from edge.dicom.scheduled import Listed, Scheduled
from edge.web.api.desk import Desk
from edge.web.api.operation import Answer, Operation
from edge.web.api.schemas import TEXT, TRUTH, array, record

_ITEM = record(
    {
        "key": TEXT,
        "name": TEXT,
        "id": TEXT,
        "birth_date": TEXT,
        "sex": TEXT,
        "accession_number": TEXT,
        "description": TEXT,
        "starts": TEXT,
        "reason": TEXT,
        "remark": TEXT,
    }
)
_LIST = record({"items": array(_ITEM), "more": TRUTH, "asked_at": {"type": "string", "format": "date-time"}})


class Asked(Protocol):
    """What this needs of the unit's worklist; `edge.pacs.worklist.Worklist` is one."""

    @property
    def is_on(self) -> bool: ...

    def ask(self) -> Listed: ...

    def examination(self, key: str) -> Examination: ...


class Worklist:
    """The handler, and what `/api/state` tells."""

    def __init__(self, worklist: Asked) -> None:
        self._worklist = worklist
        self._desk = Desk("worklist", most=16)

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                "GET",
                "/api/worklist",
                self.list,
                "Who is scheduled, as the hospital's worklist says; an answer without `key` cannot be chosen, `reason` "
                "says why.",
                {
                    200: Answer("those that are scheduled", "application/json", _LIST),
                    409: Answer("no worklist is configured"),
                    502: Answer("the worklist does not answer: the line says what to do"),
                },
            ),
        )

    def state(self) -> Mapping[str, Any]:
        return {"can": {"worklist": self._worklist.is_on}}

    async def list(self, request: web.Request) -> web.Response:
        try:
            listed = await self._desk.do(self._worklist.ask)
        except (InputOutputError, ConfigError) as error:
            return web.Response(status=502, text=f"{error}\n")
        told = {
            "items": [_told(key, one) for key, one in listed.items],
            "more": listed.has_more,
            "asked_at": listed.asked_at.isoformat(timespec="seconds"),
        }
        return web.json_response(told, headers={"Cache-Control": "no-store"})


def _told(key: str, one: Scheduled) -> dict[str, str]:
    return {
        "key": key,
        "name": one.name,
        "id": one.patient_id,
        "birth_date": one.birth_date,
        "sex": one.sex,
        "accession_number": one.accession_number,
        "description": one.description,
        "starts": one.starts,
        "reason": one.reason,
        "remark": one.remark,
    }
