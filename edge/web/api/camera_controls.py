"""The camera's own settings, for a page or a program."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aiohttp import web

from edge.access.visitors import ASKED
from edge.basics.errors import EdgeError, UsageError
from edge.config import CAMERA_CONTROLS
from edge.frames.stages import Adjustment
from edge.web.api.operation import Answer, Operation
from edge.web.api.requests import json_body, number_of
from edge.web.api.schemas import NUMBER, TRUTH, record

_ONE = record({"low": NUMBER, "high": NUMBER, "step": NUMBER, "default": NUMBER, "now": NUMBER, "active": TRUTH})
_ALL = {
    "type": "object",
    "properties": dict.fromkeys(CAMERA_CONTROLS, _ONE),
    "additionalProperties": False,
}
_BODY = {
    "type": "object",
    "properties": dict.fromkeys(CAMERA_CONTROLS, NUMBER),
    "additionalProperties": False,
    "minProperties": 1,
}


class CameraDesk(Protocol):
    """The part of `edge.sources.holder.SourceHolder` that is needed here. It may wait for the driver."""

    def adjustments(self) -> Mapping[str, Adjustment]: ...
    def adjust(self, values: Mapping[str, float]) -> None: ...
    @property
    def is_adjustable(self) -> bool: ...


class CameraControls:
    """The handlers, and what `/api/state` tells."""

    def __init__(self, desk: CameraDesk) -> None:
        self._desk = desk

    def operations(self) -> tuple[Operation, ...]:
        words = "each by its name, as its driver numbers them; `active`: it has an effect now"
        told = Answer(words, "application/json", _ALL)
        none = Answer("this source has none, or does not take it: nothing has changed")
        summary = "Change settings of the camera, all or none, until the program ends or another source is opened."
        return (
            Operation(
                "GET", "/api/camera-controls", self.now, "The settings that the camera has.", {200: told, 409: none}
            ),
            Operation("POST", "/api/camera-controls", self.set, summary, {200: told, 409: none}, body=_BODY),
        )

    def state(self) -> Mapping[str, Any]:
        return {"can": {"camera_controls": self._desk.is_adjustable}}

    async def now(self, request: web.Request) -> web.Response:
        return await self._answered(self._desk.adjustments)

    async def set(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        unknown = [name for name in body if name not in CAMERA_CONTROLS]
        if unknown or not body:
            what = f"{unknown[0][:40]!r}: " if unknown else ""
            raise UsageError(f"{what}expected one or more of {', '.join(CAMERA_CONTROLS)}")
        values = {name: number_of(body, name) for name in body}
        request[ASKED] = " ".join(f"{name}={value:g}" for name, value in values.items())

        def change() -> Mapping[str, Adjustment]:
            self._desk.adjust(values)
            return self._desk.adjustments()

        return await self._answered(change)

    async def _answered(self, work: Callable[[], Mapping[str, Adjustment]]) -> web.Response:
        try:
            found = await asyncio.get_running_loop().run_in_executor(None, work)
        except EdgeError as error:
            return web.Response(status=409, text=f"{error}\n")
        return web.json_response({name: one.record() for name, one in found.items()})
