"""Another profile, chosen on the page: taken whole or not at all, while the picture goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from aiohttp import web

from edge.access.visitors import ASKED
from edge.basics.errors import EdgeError
from edge.web.api.operation import Answer, Operation, Parameter
from edge.web.api.schemas import TEXT, record

MAX_NAME = 200


class Profile(Protocol):
    """The part of `edge.models.offered.OfferedProfile` that is needed here."""

    @property
    def name(self) -> str: ...
    def record(self) -> dict[str, Any]: ...


class Profiles:
    """The handler, and what `/api/state` tells.

    Args:
        offered: those to choose from.
        use: begins to go over to one; the future raises EdgeError where it cannot be had.
    """

    def __init__(self, offered: Callable[[], Sequence[Profile]], use: Callable[[str], Future[None]]) -> None:
        self._offered, self._use = offered, use

    def operations(self) -> tuple[Operation, ...]:
        name = {"type": "string", "maxLength": MAX_NAME}
        return (
            Operation(
                "POST",
                "/api/profile",
                self.profile,
                "Enhance with another profile until the next reload; answered when it runs or is refused.",
                {
                    200: Answer("it runs from the next frame on", "application/json", record({"profile": TEXT})),
                    409: Answer("it is not offered, or cannot run here: nothing has changed"),
                },
                (Parameter("name", name, "one of `profiles` in `/api/state`", is_required=True),),
            ),
        )

    def state(self) -> Mapping[str, Any]:
        offered = [one.record() for one in self._offered()]
        return {"profiles": offered, "can": {"profile": len(offered) > 1}}

    async def profile(self, request: web.Request) -> web.Response:
        name = request.query.get("name", "")
        offered = [one.name for one in self._offered()]
        if name not in offered:
            known = ", ".join(offered) or "none"
            return web.Response(status=409, text=f"name = {name[:MAX_NAME]!r}: expected one of {known}\n")
        request[ASKED] = name
        try:
            await asyncio.shield(asyncio.wrap_future(self._use(name)))
        except EdgeError as error:
            return web.Response(status=409, text=f"{error}\n")
        return web.json_response({"profile": name})
