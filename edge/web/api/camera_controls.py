"""The camera's own settings, for a page or a program."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from aiohttp import web

from edge.access.visitors import ASKED
from edge.basics.errors import DeviceMissing, EdgeError, UsageError
from edge.config import CAMERA_CONTROLS
from edge.frames.stages import Adjustment
from edge.web.api.operation import Answer, Operation
from edge.web.api.requests import json_body, number_of
from edge.web.api.schemas import NUMBER, TRUTH, record
from edge.web.limits import Busy

WITHIN_S = 5.0

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
        self._asking: Future[Mapping[str, Adjustment]] | None = None

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
        if not body:
            raise UsageError(f"expected one or more of {', '.join(CAMERA_CONTROLS)}")
        values = {name: number_of(body, name) for name in body}
        request[ASKED] = " ".join(f"{name}={value:g}" for name, value in values.items())

        def change() -> Mapping[str, Adjustment]:
            self._desk.adjust(values)
            return self._desk.adjustments()

        return await self._answered(change)

    async def _answered(self, work: Callable[[], Mapping[str, Adjustment]]) -> web.Response:
        try:
            found = await self._of_driver(work)
        except Busy:
            raise
        except EdgeError as error:
            return web.Response(status=409, text=f"{error}\n")
        return web.json_response({name: one.record() for name, one in found.items()})

    async def _of_driver(self, work: Callable[[], Mapping[str, Adjustment]]) -> Mapping[str, Adjustment]:
        """In a thread that nobody waits for longer than a while, one at a time: a driver may hang for good.

        Raises:
            Busy: it is being asked already.
            EdgeError: it refuses, or does not answer.
        """
        if self._asking is not None and not self._asking.done():
            raise Busy("the camera's driver is being asked; try again in a while")
        asking = self._asking = Future()
        asking.set_running_or_notify_cancel()

        def run() -> None:
            try:
                asking.set_result(work())
            except Exception as error:  # noqa: BLE001 - the thread's top; told to who asked
                asking.set_exception(error)

        threading.Thread(target=run, name="camera-controls", daemon=True).start()
        try:
            return await asyncio.wait_for(asyncio.wrap_future(asking), WITHIN_S)
        except asyncio.TimeoutError:
            raise DeviceMissing("the camera's driver does not answer; check its cable") from None
