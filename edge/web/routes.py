"""What the web sink answers: the page, the streams, snapshots and the health record."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import HttpVersion11, web

from edge.access.door import Door
from edge.access.rights import ANYWHERE_ELSE
from edge.basics.errors import UsageError
from edge.basics.seldom import Seldom
from edge.frames.frame import FramePair
from edge.health.record import Health
from edge.health.state import Verdict
from edge.saving.freeze import Freeze
from edge.saving.names import saved_frames
from edge.web.answers import PAGE_HEADERS, harden_before_sending, refused
from edge.web.api.operation import Operation
from edge.web.api.state import StatePart, UnitState
from edge.web.api.view import ViewOfAll
from edge.web.audience import Audience
from edge.web.darkroom import Darkroom, Snapshot
from edge.web.events import EventStream
from edge.web.gate import Gate, Handler
from edge.web.inside import AUDIENCE, DOOR, GATE
from edge.web.kept import HOLD_S, Kept, KeptPairs
from edge.web.limits import Busy, Limits
from edge.web.mjpeg import stream
from edge.web.origins import Names
from edge.web.pulse import Pulse
from edge.web.views import (
    SNAPSHOT_VIEWS,
    View,
    gap_from_query,
    place_from_query,
    snapshot,
    view_from_query,
)

log = logging.getLogger(__name__)
_seldom = Seldom(log)

PAGE_DIR = Path(__file__).resolve().parent / "page"
PAGE_FILES: Mapping[str, Path] = {
    "/": PAGE_DIR / "index.html",
    "/app.js": PAGE_DIR / "app.js",
    "/stream.js": PAGE_DIR / "stream.js",
    "/webrtc.js": PAGE_DIR / "webrtc.js",
    "/style.css": PAGE_DIR / "style.css",
    "/account.js": PAGE_DIR / "account.js",
}
LOGIN_FILES: Mapping[str, Path] = {
    "/login": PAGE_DIR / "login.html",
    "/login.css": PAGE_DIR / "login.css",
    "/login.js": PAGE_DIR / "login.js",
}
_PIECE_BYTES = 64 * 1024
_SAVED_AT_ONCE, _SHOWN_AT_ONCE, _NEW_A_SECOND = 4, 2, 0.4
"""Pairs that are new to who saves or takes a snapshot: fourteen of 12 MB are kept at most, and the disk can follow."""
_FORGET_S = 2.0


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
        beside: Sequence[Beside] = (),
    ) -> None:
        self._site = site or Site()
        state = UnitState(health, freeze, door, lambda: len(audience), state_parts)
        self._operations = (*state.operations(), *ViewOfAll(freeze).operations(), *operations)
        self._beside = beside
        self._door = door
        self._gate = gate or Gate(Names())
        self._health = health
        self._audience = audience
        self._freeze = freeze
        self._shown = shown
        self.events = EventStream(limits)
        self._pulse = Pulse()
        self._darkroom = Darkroom(self._developed)
        self._saved = KeptPairs(_SAVED_AT_ONCE, _NEW_A_SECOND)
        self._shown_before = KeptPairs(_SHOWN_AT_ONCE, _NEW_A_SECOND)

    def app(self) -> web.Application:
        pages = [path for path, file in self._site.files.items() if file.suffix == ".html"]
        gate = self._gate.middleware([*pages, "/login"])
        app = web.Application(middlewares=[gate, self._door.middleware, _one_line_errors])
        app[AUDIENCE], app[DOOR], app[GATE] = self._audience, self._door, self._gate
        app.on_response_prepare.append(harden_before_sending)
        app.cleanup_ctx.extend((self._pulse.run, self._door.run, self._until_closed, *self._beside))
        gets = {path: _page_file(file) for path, file in {**LOGIN_FILES, **self._site.files}.items()}
        gets |= {path: _json_record(record) for path, record in self._site.records.items()}
        gets |= {
            "/stream.mjpg": self.stream,
            "/snapshot.png": self.snapshot,
            "/health": self.health,
            "/events": self.event_stream,
            **self._door.gets,
        }
        for path, handler in gets.items():
            app.router.add_get(path, handler, expect_handler=_expect)
        for path, handler in {
            "/api/save": self.save,
            **self._door.posts,
        }.items():
            app.router.add_post(path, handler, expect_handler=_expect)
        for one in self._operations:
            app.router.add_route(one.method, one.path, one.handler, expect_handler=_expect)
        app.router.add_route("*", "/{other:.*}", _nothing_there, expect_handler=_expect)
        return app

    async def _until_closed(self, app: web.Application) -> AsyncIterator[None]:
        forgetting = asyncio.get_running_loop().create_task(self._forget())
        yield
        forgetting.cancel()
        self._darkroom.close()

    async def _forget(self) -> None:
        while True:
            await asyncio.sleep(_FORGET_S)
            for pairs in (self._saved, self._shown_before):
                pairs.forget()
            self._darkroom.forget()

    async def event_stream(self, request: web.Request) -> web.StreamResponse:
        """`state` (frozen, view, strength) at once and when it changes; `saved` (name); `not-saved` (reason)."""
        return await self.events.answer(request, self._freeze.view(), self._gate.address_of(request))

    async def save(self, request: web.Request) -> web.Response:
        """Keep the pair that is shown on the unit, as the button does; `/events` tells when it is on the disk.

        Answers `seq` and `views`: what was saved, raw alone where nothing was enhanced. Where others save without an
        end, this answers with what was saved last, 2.5 s ago at most.
        """
        before = self._saved.instead()
        pair = self._freeze.save() if before is None else before.pair
        if pair is None:
            return web.Response(status=409, text="not saved: the picture is not live; /health says why\n")
        if before is None:
            self._saved.keep(pair, self._judged(pair), self._gate.address_of(request))
        told = {"seq": pair.raw.seq, "views": [frame.mode for frame in saved_frames(pair)]}
        return web.json_response(told, status=202)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """`view=enhanced|raw|split|pair`, `at=0..1` for the divider of split, `fps=N` for at most so many a second.

        `place`: a word that a page makes up, to have its place again when it opens another stream.
        """
        view = view_from_query(request.query.get("view", "enhanced"), request.query.get("at", "0.5"))
        gap_s = gap_from_query(request.query.get("fps"))
        address, place = self._gate.address_of(request), place_from_query(request.query.get("place", ""))
        return await stream(request, view, self._audience, self._pulse, gap_s, address=address, place=place)

    async def snapshot(self, request: web.Request) -> web.StreamResponse:
        """`view=enhanced|raw`; `seq=N` gives the other picture of a pair that was saved or answered just before."""
        view = view_from_query(request.query.get("view", "enhanced"), allowed=SNAPSHOT_VIEWS)
        seq, address = request.query.get("seq"), self._gate.address_of(request)
        kept = self._kept_before(seq, address) if seq is not None else self._kept_now(address)
        if kept is None:
            return web.Response(status=503, text="there is no picture yet; try again when /health says live\n")
        file, frame, status = await self._darkroom.develop(view, kept, is_promised=seq is not None)
        name = self._freeze.names.of(kept.pair).of(frame)
        headers = {
            "Content-Type": "image/png",
            "Content-Disposition": f'inline; filename="{name}"',
            "X-Seq": str(frame.seq),
            "X-Mode": frame.mode,
            "X-State": status.state,
        }
        return await sent_in_pieces(request, file, headers)

    def _developed(self, view: View, kept: Kept) -> Snapshot:
        """In the darkroom's thread."""
        sha256 = kept.pair.enhanced.model.get("sha256", self._health.engine().sha256)
        return snapshot(view, kept.pair, kept.verdict, sha256, unit_note(self._health.tracked("unit_state")))

    def _kept_before(self, seq: str, address: str) -> Kept:
        """Raises `UsageError` where the pair named is not kept."""
        kept = self._saved.find(seq, address) or self._shown_before.find(seq, address)
        if kept is None:
            raise UsageError(f"seq = {seq!r}: a pair is kept for {HOLD_S:.0f} s after it was answered; leave it out")
        return kept

    def _kept_now(self, address: str) -> Kept | None:
        """The pair that is shown, as it is judged now, or was 2.5 s ago where many ask; None before the first."""
        pair = self._shown()
        if pair is None:
            return None
        return self._shown_before.instead() or self._shown_before.keep(pair, self._judged(pair), address)

    def _judged(self, pair: FramePair) -> Verdict:
        frozen = pair is self._freeze.frozen
        return self._health.verdict(time.monotonic_ns(), pair.enhanced.t_capture_ns, frozen=frozen)

    async def health(self, request: web.Request) -> web.Response:
        record = self._health.snapshot(time.monotonic_ns())
        frozen, strength = self._freeze.frozen is not None, self._freeze.strength()
        record |= {"frozen": frozen, "strength": strength, "viewers": len(self._audience)}
        return web.json_response(record)


def unit_note(unit_state: Mapping[str, Any] | None) -> str:
    """Power mode and clocks in MHz, as `nvpmodel=15W clocks_mhz=cpu0:1510,gpu:625`; empty where nothing tells them."""
    mode, clocks = (unit_state or {}).get("nvpmodel"), (unit_state or {}).get("clocks_mhz") or {}
    words = [f"nvpmodel={'_'.join(str(mode).split())}"] if mode else []
    words += ["clocks_mhz=" + ",".join(f"{name}:{mhz:.0f}" for name, mhz in clocks.items())] if clocks else []
    return " ".join(words)


async def sent_in_pieces(request: web.Request, file: bytes, headers: Mapping[str, str]) -> web.StreamResponse:
    """A large file, as fast as it is read: what one does not read waits here once, and not once for each who asks."""
    if request.method == "HEAD":
        return web.Response(body=file, headers=headers)
    response = web.StreamResponse(headers=headers)
    response.content_length = len(file)
    await response.prepare(request)
    for at in range(0, len(file), _PIECE_BYTES):
        await response.write(memoryview(file)[at : at + _PIECE_BYTES])
    await response.write_eof()
    return response


def _page_file(path: Path) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(path, headers=PAGE_HEADERS)

    return answer


def _json_record(record: Callable[[], Mapping[str, Any]]) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(dict(record()))

    return answer


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
        raise web.HTTPMethodNotAllowed(request.method, sorted(allowed))
    raise web.HTTPNotFound


@web.middleware
async def _one_line_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except UsageError as error:
        return web.Response(status=400, text=f"{error}\n")
    except Busy as error:
        response = refused(503, str(error), retry_s=1)
        response.force_close()
        return response
    except (web.HTTPException, ConnectionError):
        raise
    except Exception as error:  # noqa: BLE001 - the top of a request; such as no memory for a thread
        what = type(error).__name__
        _seldom.say(logging.ERROR, what, f"web server: {request.method} {request.path}: {what}: {error}")
        return web.Response(status=503, text="not possible now; try again\n")
