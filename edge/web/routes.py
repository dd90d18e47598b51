"""What the web sink answers: the files of the page, and the operations of every part (`edge/web/api/`)."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from aiohttp import HttpVersion11, web

from edge.access.door import Door
from edge.access.rights import ANYWHERE_ELSE, PAGE_NAMES
from edge.basics.errors import NotNow, UsageError
from edge.basics.seldom import Seldom
from edge.config import TRANSPORTS
from edge.frames.frame import FramePair
from edge.health.record import Health
from edge.saving.freeze import Freeze
from edge.web.answers import PAGE_HEADERS, harden_before_sending, refused
from edge.web.api.accounts import accounts
from edge.web.api.metrics import Metrics
from edge.web.api.openapi import OpenApi
from edge.web.api.operation import Answer, Operation
from edge.web.api.pictures import Pictures
from edge.web.api.schemas import ANYTHING
from edge.web.api.state import StatePart, UnitState
from edge.web.api.streaming import streams
from edge.web.api.view import ViewOfAll
from edge.web.api.watching import Watching
from edge.web.audience import Audience
from edge.web.events import EventStream
from edge.web.gate import Gate, Handler
from edge.web.inside import AUDIENCE, DOOR, GATE
from edge.web.limits import Busy, Limits
from edge.web.origins import Names
from edge.web.pulse import Pulse
from edge.web.streams.routes import StreamRoutes
from firmware_bridge.command_line import hint

log = logging.getLogger(__name__)
_seldom = Seldom(log)

PAGE_DIR = Path(__file__).resolve().parent / "page"
PAGE_FILES: Mapping[str, Path] = {
    "/": PAGE_DIR / "index.html",
    **{f"/{name}": PAGE_DIR / name for name in (*PAGE_NAMES, "style.css")},
}
LOGIN_FILES: Mapping[str, Path] = {
    "/login": PAGE_DIR / "login.html",
    "/login.css": PAGE_DIR / "login.css",
    "/login.js": PAGE_DIR / "login.js",
}


Beside = Callable[[web.Application], AsyncIterator[None]]


@dataclass(frozen=True)
class Site:
    """What a server shows beside the streams.

    Attributes:
        files: path of the address -> file of the page.
        records: path of the address -> what is answered as JSON.
    """

    files: Mapping[str, Path] = field(default_factory=lambda: PAGE_FILES)
    records: Mapping[str, Callable[[], Mapping[str, Any]]] = field(default_factory=dict)


class Routes:
    """The handlers. They run on the event loop and share nothing but what is given here.

    Args:
        shown: the pair that is shown, frozen or the newest; None before the first.
        door: who may come in.
        site: the page.
        gate: what stands before every handler.
        operations: of the API, each from the part that does it.
        state_parts: what other parts add to `/api/state`.
        transports: of the live picture, those that are on.
        beside: what runs on the event loop as long as the server.
    """

    def __init__(
        self,
        health: Health,
        audience: Audience,
        freeze: Freeze,
        shown: Callable[[], FramePair | None],
        door: Door,
        site: Site | None = None,
        gate: Gate | None = None,
        limits: Limits | None = None,
        operations: Sequence[Operation] = (),
        state_parts: Sequence[StatePart] = (),
        transports: Collection[str] = TRANSPORTS,
        beside: Sequence[Beside] = (),
    ) -> None:
        self._site, self._door, self._beside = site or Site(), door, beside
        self._gate = gate or Gate(Names())
        self._audience = audience
        self.events = EventStream(limits)
        self._pulse = Pulse()
        health.track("transports", lambda: [*transports])
        self._streams = StreamRoutes(audience, self._pulse, transports, self._gate.address_of)
        self._pictures = Pictures(health, freeze, self._gate, shown)
        program = version("edge-enhance")

        def num_viewers() -> int:
            return sum(audience.by_transport().values())

        watching = Watching(health, freeze, self.events, self._gate, num_viewers)
        state = UnitState(health, freeze, door, num_viewers, state_parts)

        def open_streams() -> dict[str, int]:
            return {"websocket": 0, "mjpeg": 0, **audience.by_transport(), "events": len(self.events)}

        metrics = Metrics(health, state.of_parts, open_streams, door.audit_counts, watching.more, program)
        described = [
            *streams(self._streams.gets),
            *self._pictures.operations(),
            *watching.operations(),
            *state.operations(),
            *metrics.operations(),
            *ViewOfAll(freeze).operations(),
            *accounts(door),
            *(_record_of_site(path, record) for path, record in self._site.records.items()),
            *operations,
        ]
        self._operations = (*described, *OpenApi(described, program).operations())

    def app(self) -> web.Application:
        pages = [path for path, file in self._site.files.items() if file.suffix == ".html"]
        gate = self._gate.middleware([*pages, "/login"])
        app = web.Application(middlewares=[gate, self._door.middleware, _one_line_errors])
        app[AUDIENCE], app[DOOR], app[GATE] = self._audience, self._door, self._gate
        app.on_response_prepare.append(harden_before_sending)
        app.cleanup_ctx.extend((self._pulse.run, self._door.run, self._pictures.run, *self._beside))
        gets = {path: _page_file(file) for path, file in {**LOGIN_FILES, **self._site.files}.items()}
        for path, handler in gets.items():
            app.router.add_get(path, handler, expect_handler=_expect)
        for one in self._operations:
            add = app.router.add_get if one.method == "GET" else partial(app.router.add_route, one.method)
            add(one.path, one.answer, expect_handler=_expect)
        app.router.add_route("*", r"/{other:[\s\S]*}", _nothing_there, expect_handler=_expect)
        return app


def _page_file(path: Path) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(path, headers=PAGE_HEADERS)

    return answer


def _record_of_site(path: str, record: Callable[[], Mapping[str, Any]]) -> Operation:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(dict(record()))

    told = Answer("what the page shows", "application/json", ANYTHING)
    return Operation("GET", path, answer, "What a page of its own asks for.", {200: told})


async def _expect(request: web.Request) -> None:
    """As aiohttp's own, whose answer repeats the header and cannot be encoded where that is not UTF-8."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        refusal = web.HTTPExpectationFailed(text="Expect: only 100-continue is known\n")
        refusal.force_close()
        raise refusal
    if request.version == HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun


async def _nothing_there(request: web.Request) -> web.StreamResponse:
    """Every other address or method; here, so that it has our `_expect`."""
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        if resource.canonical != ANYWHERE_ELSE:
            allowed |= (await resource.resolve(request))[1]
    if allowed:
        told = f"{request.path[:80]!r}: no {request.method[:40]} here; expected {' or '.join(sorted(allowed))}\n"
        raise web.HTTPMethodNotAllowed(request.method, sorted(allowed), text=told)
    known = [one.canonical for one in request.app.router.resources() if one.canonical != ANYWHERE_ELSE]
    near = hint(request.path[:80], known) or "; /openapi.json tells what there is"
    raise web.HTTPNotFound(text=f"{request.path[:80]!r}: no such address{near}\n")


@web.middleware
async def _one_line_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except UsageError as error:
        return web.Response(status=400, text=f"{error}\n")
    except NotNow as error:
        return refused(409, str(error))
    except Busy as error:
        response = refused(503, str(error), retry_s=1)
        response.force_close()
        return response
    except (web.HTTPException, ConnectionError):
        raise
    except Exception as error:  # noqa: BLE001 - the top of a request; such as no memory for a thread
        what = type(error).__name__
        _seldom.say(logging.ERROR, what, f"web server: {request.method} {request.path}: {what}: {error}")
        return refused(503, "not possible now; try again", retry_s=1)
