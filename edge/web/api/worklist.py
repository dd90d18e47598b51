"""The worklist, as a page shows it to who picks a patient from it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from aiohttp import web

from edge.basics.errors import ConfigError, InputOutputError
from edge.dicom.examination import Examination
from edge.dicom.scheduled import Listed, Scheduled
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
    """The handler, and what `/api/state` tells.

    A thread of its own asks for all who want to know meanwhile; one that hangs does not hold up the program's end.
    """

    def __init__(self, worklist: Asked) -> None:
        self._worklist = worklist
        self._asked: asyncio.Future[Listed] | None = None

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
            listed = await asyncio.shield(self._answer())
        except (InputOutputError, ConfigError) as error:
            return web.Response(status=502, text=f"{error}\n")
        told = {
            "items": [_told(key, one) for key, one in listed.items],
            "more": listed.has_more,
            "asked_at": listed.asked_at.isoformat(timespec="seconds"),
        }
        return web.json_response(told, headers={"Cache-Control": "no-store"})

    def _answer(self) -> asyncio.Future[Listed]:
        if self._asked is None or self._asked.done():
            self._asked = asyncio.get_running_loop().create_future()
            self._asked.add_done_callback(lambda done: done.exception())  # who asked may have gone
            threading.Thread(target=self._ask, args=(self._asked,), name="worklist", daemon=True).start()
        return self._asked

    def _ask(self, told: asyncio.Future[Listed]) -> None:
        tell: Callable[[], None]
        try:
            tell = partial(told.set_result, self._worklist.ask())
        except Exception as error:  # noqa: BLE001 - the top of a thread: the request's own top says what it was
            tell = partial(told.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the server has closed
            told.get_loop().call_soon_threadsafe(tell)


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
