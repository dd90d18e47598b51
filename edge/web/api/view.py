"""What everybody is shown: held or live, and how much of the enhancement."""

from __future__ import annotations

from aiohttp import web

from edge.access.visitors import ASKED
from edge.saving.freeze import Freeze
from edge.web.api.operation import Answer, Operation, Parameter
from edge.web.api.schemas import SHARE, VIEW_OF_UNIT
from edge.web.events import event_of
from edge.web.views import strength_from_query

_NOW = Answer("what everybody is shown now", "application/json", VIEW_OF_UNIT)


class ViewOfAll:
    """The handlers."""

    def __init__(self, freeze: Freeze) -> None:
        self._freeze = freeze

    def operations(self) -> tuple[Operation, ...]:
        strength = Parameter("value", SHARE, "0 none of the enhancement, 1 all of it", is_required=True)
        not_live = Answer("the picture is not live")
        return (
            Operation(
                "POST", "/api/freeze", self.freeze, "Hold the picture that is shown, without saving it.",
                {200: _NOW, 409: not_live},
            ),
            Operation("POST", "/api/live", self.go_live, "End a freeze.", {200: _NOW}),
            Operation(
                "POST", "/api/strength", self.strength, "How much of the enhancement everybody is shown.", {200: _NOW},
                (strength,),
            ),
        )  # fmt: skip

    async def freeze(self, request: web.Request) -> web.Response:
        reason = self._freeze.hold()
        if reason:
            return web.Response(status=409, text=f"not held: {reason}\n")
        return self._now()

    async def go_live(self, request: web.Request) -> web.Response:
        self._freeze.go_live()
        return self._now()

    async def strength(self, request: web.Request) -> web.Response:
        strength = strength_from_query(request.query.get("value", ""))
        request[ASKED] = f"{strength:g}"
        self._freeze.set_strength(strength)
        return self._now()

    def _now(self) -> web.Response:
        return web.json_response(event_of(self._freeze.view())[1])
