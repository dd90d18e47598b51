"""The ring light, for a page or a program."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from aiohttp import web

from edge.access.visitors import ASKED
from edge.basics.errors import EdgeError, UsageError
from edge.web.api.operation import Answer, Operation
from edge.web.api.requests import json_body, number_of
from edge.web.api.schemas import record

WITHIN_S = 2.0
_PERCENT = {"type": "number", "minimum": 0, "maximum": 100}
_NOW = Answer("what it gives, and the most that may be asked for", "application/json",
              record({"percent": _PERCENT, "limit_percent": _PERCENT}))  # fmt: skip
_NO_LIGHT = Answer("no camera head with a light is connected, or it refuses")


class LightDesk(Protocol):
    """The part of `edge.camera_head.light.RingLight` that is needed here."""

    @property
    def limit_percent(self) -> float: ...
    def percent(self) -> float | None: ...
    def set_percent(self, percent: float) -> Future[None]: ...


class Light:
    """The handlers, and what `/api/state` tells.

    Args:
        desk: None where no camera head is configured.
    """

    def __init__(self, desk: LightDesk | None) -> None:
        self._desk = desk

    def operations(self) -> tuple[Operation, ...]:
        body = record({"percent": _PERCENT})
        summary = "Set the ring light, until the program ends."
        return (
            Operation("GET", "/api/light", self.now, "The ring light.", {200: _NOW, 409: _NO_LIGHT}),
            Operation("POST", "/api/light", self.set, summary, {200: _NOW, 409: _NO_LIGHT}, body=body),
        )

    def state(self) -> Mapping[str, Any]:
        percent = None if self._desk is None else self._desk.percent()
        return {"light_percent": percent, "can": {"light": percent is not None}}

    async def now(self, request: web.Request) -> web.Response:
        percent = None if self._desk is None else self._desk.percent()
        if self._desk is None or percent is None:
            return web.Response(status=409, text="no camera head with a light is connected\n")
        return web.json_response({"percent": percent, "limit_percent": self._desk.limit_percent})

    async def set(self, request: web.Request) -> web.Response:
        percent = number_of(await json_body(request), "percent")
        if not 0 <= percent <= 100:
            raise UsageError(f"percent = {percent:g}: expected a number from 0 to 100")
        request[ASKED] = f"{percent:g}"
        if self._desk is None:
            return web.Response(status=409, text="no camera head is configured: [bridge] port in edge.toml\n")
        try:
            await asyncio.wait_for(asyncio.wrap_future(self._desk.set_percent(percent)), WITHIN_S)
        except EdgeError as error:
            return web.Response(status=409, text=f"{error}\n")
        except asyncio.TimeoutError:
            return web.Response(status=409, text="camera head: no answer\n")
        return web.json_response({"percent": percent, "limit_percent": self._desk.limit_percent})
