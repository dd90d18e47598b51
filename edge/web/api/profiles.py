"""Which profiles there are, what is to be known of each, and another one chosen: taken whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from aiohttp import web

from edge.access.visitors import ASKED
from edge.basics.errors import EdgeError
from edge.models.card import Card
from edge.web.api.operation import Answer, Operation, Parameter
from edge.web.api.schemas import NUMBER, TEXT, array, or_null, record

MAX_NAME = 200
CARD = record(
    {
        **dict.fromkeys(("profile", "title", "version", "sha256", "purpose", "advice", "draws", "use", "data"), TEXT),
        **dict.fromkeys(("never_shown", "data_sha256", "training", "networks", "precisions"), array(TEXT)),
        **dict.fromkeys(("licence", "made_at", "golden"), TEXT),
        "figures": array(
            record({"name": TEXT, "value": NUMBER, "low": or_null(NUMBER), "high": or_null(NUMBER), "unit": TEXT})
        ),
    }
)
"""`edge.models.card.Card.record`."""


class Profile(Protocol):
    """The part of `edge.models.offered.OfferedProfile` that is needed here."""

    @property
    def name(self) -> str: ...
    @property
    def card(self) -> Card | None: ...
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
            Operation(
                "GET",
                "/api/profiles/{name}/card",
                self.about,
                "What is to be known of a profile before it is chosen: its card in short.",
                {
                    200: Answer("from its manifest; what that does not tell is empty", "application/json", CARD),
                    404: Answer("it is not offered"),
                },
                (Parameter("name", name, "one of `profiles` in `/api/state`", "path", is_required=True),),
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

    async def about(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        card = next((one.card for one in self._offered() if one.name == name), None)
        if card is None:
            return web.Response(status=404, text=f"{name[:MAX_NAME]!r}: no such profile is offered\n")
        return web.json_response(card.record())
