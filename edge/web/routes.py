"""What the web sink answers: the page, the streams, snapshots and the health record."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import HttpVersion11, web

from edge.access.door import Door
from edge.basics.errors import UsageError
from edge.frames.frame import FramePair
from edge.health.record import Health
from edge.health.state import Verdict
from edge.saving.freeze import Freeze
from edge.saving.names import saved_frames
from edge.web.events import EventStream, event_of
from edge.web.mjpeg import Audience, stream
from edge.web.pulse import Pulse
from edge.web.views import SNAPSHOT_VIEWS, gap_from_query, snapshot, strength_from_query, view_from_query

log = logging.getLogger(__name__)

PAGE_DIR = Path(__file__).resolve().parent / "page"
PAGE_FILES: Mapping[str, Path] = {
    "/": PAGE_DIR / "index.html",
    "/app.js": PAGE_DIR / "app.js",
    "/stream.js": PAGE_DIR / "stream.js",
    "/style.css": PAGE_DIR / "style.css",
    "/account.js": PAGE_DIR / "account.js",
}
LOGIN_FILES: Mapping[str, Path] = {
    "/login": PAGE_DIR / "login.html",
    "/login.css": PAGE_DIR / "login.css",
    "/login.js": PAGE_DIR / "login.js",
}
_PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_NOT_STORED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_NUM_KEPT_PAIRS = 2
_MAX_SNAPSHOTS = 4


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
    """

    def __init__(
        self,
        health: Health,
        audience: Audience,
        freeze: Freeze,
        shown: Callable[[], FramePair | None],
        door: Door,
        site: Site | None = None,
    ) -> None:
        self._site = site or Site()
        self._door = door
        self._health = health
        self._audience = audience
        self._freeze = freeze
        self._shown = shown
        self.events = EventStream()
        self._pulse = Pulse()
        self._packer = ThreadPoolExecutor(1, "snapshot")  # one PNG at a time: the live picture needs the other cores
        self._packer.submit(int)  # its thread starts now, not when there is no memory for one
        self._num_snapshots = 0
        self._kept: deque[tuple[FramePair, Verdict]] = deque(maxlen=_NUM_KEPT_PAIRS)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._door.middleware, _one_line_errors])
        app.cleanup_ctx.extend((self._pulse.run, self._door.run, self._until_closed))
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
            "/api/live": self.go_live,
            "/api/save": self.save,
            "/api/strength": self.strength,
            **self._door.posts,
        }.items():
            app.router.add_post(path, handler, expect_handler=_expect)
        app.router.add_route("*", "/{other:.*}", _nothing_there, expect_handler=_expect)
        return app

    async def _until_closed(self, app: web.Application) -> AsyncIterator[None]:
        yield
        self._packer.shutdown(wait=False, cancel_futures=True)

    async def event_stream(self, request: web.Request) -> web.StreamResponse:
        """`state` (frozen, view, strength) at once and when it changes; `saved` (name); `not-saved` (reason)."""
        return await self.events.answer(request, self._freeze.view())

    async def go_live(self, request: web.Request) -> web.Response:
        """End a freeze; only for the unit's own page."""
        _refuse_other_sites(request)
        self._freeze.go_live()
        return web.json_response(event_of(self._freeze.view())[1], headers=_NOT_STORED)

    async def strength(self, request: web.Request) -> web.Response:
        """`value=0..1`: how much of the enhancement is shown, to everybody who watches."""
        _refuse_other_sites(request)
        self._freeze.set_strength(strength_from_query(request.query.get("value", "")))
        return web.json_response(event_of(self._freeze.view())[1], headers=_NOT_STORED)

    async def save(self, request: web.Request) -> web.Response:
        """Keep the pair that is shown on the unit, as the button does; `/events` tells when it is on the disk.

        Answers `seq` and `views`: what was saved, raw alone where nothing was enhanced.
        """
        _refuse_other_sites(request)
        pair = self._freeze.save()
        if pair is None:
            text = "not saved: the picture is not live; /health says why\n"
            return web.Response(status=409, text=text, headers=_NOT_STORED)
        self._keep(pair)
        kept = {"seq": pair.raw.seq, "views": [frame.mode for frame in saved_frames(pair)]}
        return web.json_response(kept, status=202, headers=_NOT_STORED)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """`view=enhanced|raw|split|pair`, `at=0..1` for the divider of split, `fps=N` for at most so many a second."""
        view = view_from_query(request.query.get("view", "enhanced"), request.query.get("at", "0.5"))
        gap_s = gap_from_query(request.query.get("fps"))
        return await stream(request, view, self._audience, self._pulse, gap_s)

    async def snapshot(self, request: web.Request) -> web.Response:
        """`view=enhanced|raw`; `seq=N` gives the other picture of a pair that was just saved."""
        view = view_from_query(request.query.get("view", "enhanced"), allowed=SNAPSHOT_VIEWS)
        if self._num_snapshots >= _MAX_SNAPSHOTS:
            text = f"{_MAX_SNAPSHOTS} snapshots are being made; try again in a second\n"
            return web.Response(status=503, text=text, headers={**_NOT_STORED, "Retry-After": "1"})
        kept = self._pair_to_save(request.query.get("seq"))
        if kept is None:
            text = "there is no picture yet; try again when /health says live\n"
            return web.Response(status=503, text=text, headers=_NOT_STORED)
        pair, verdict = kept
        loop = asyncio.get_running_loop()
        self._num_snapshots += 1
        try:
            sha256 = pair.enhanced.model.get("sha256", self._health.engine().sha256)
            note = unit_note(self._health.tracked("unit_state"))
            file, frame, status = await loop.run_in_executor(self._packer, snapshot, view, pair, verdict, sha256, note)
        finally:
            self._num_snapshots -= 1
        name = self._freeze.names.of(pair).of(frame)
        headers = {
            **_NOT_STORED,
            "Content-Disposition": f'inline; filename="{name}"',
            "X-Seq": str(frame.seq),
            "X-Mode": frame.mode,
            "X-State": status.state,
        }
        return web.Response(body=file, content_type="image/png", headers=headers)

    def _pair_to_save(self, seq: str | None) -> tuple[FramePair, Verdict] | None:
        """The pair that is shown, as it is judged now; or the one named, judged as when its first half was saved.

        Raises:
            UsageError: the pair named is not kept.
        """
        if seq is None:
            pair = self._shown()
            if pair is None:
                return None
            return self._keep(pair)
        for kept in reversed(self._kept):
            if str(kept[0].raw.seq) == seq:
                return kept
        raise UsageError(f"seq = {seq!r}: only the last {_NUM_KEPT_PAIRS} pairs saved are kept; leave it out")

    def _keep(self, pair: FramePair) -> tuple[FramePair, Verdict]:
        frozen = pair is self._freeze.frozen
        verdict = self._health.verdict(time.monotonic_ns(), pair.enhanced.t_capture_ns, frozen=frozen)
        self._kept.append((pair, verdict))
        return self._kept[-1]

    async def health(self, request: web.Request) -> web.Response:
        record = self._health.snapshot(time.monotonic_ns())
        frozen, strength = self._freeze.frozen is not None, self._freeze.strength()
        record |= {"frozen": frozen, "strength": strength, "viewers": len(self._audience)}
        return web.json_response(record, headers=_NOT_STORED)


def unit_note(unit_state: Mapping[str, Any] | None) -> str:
    """Power mode and clocks in MHz, as `nvpmodel=15W clocks_mhz=cpu0:1510,gpu:625`; empty where nothing tells them."""
    mode, clocks = (unit_state or {}).get("nvpmodel"), (unit_state or {}).get("clocks_mhz") or {}
    words = [f"nvpmodel={'_'.join(str(mode).split())}"] if mode else []
    words += ["clocks_mhz=" + ",".join(f"{name}:{mhz:.0f}" for name, mhz in clocks.items())] if clocks else []
    return " ".join(words)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _page_file(path: Path) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(path, headers=_PAGE_HEADERS)

    return answer


def _json_record(record: Callable[[], Mapping[str, Any]]) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(dict(record()), headers=_NOT_STORED)

    return answer


def _refuse_other_sites(request: web.Request) -> None:
    """What changes or keeps something is for the unit's own page and for programs, not for another site's page.

    A browser sends `Sec-Fetch-Site` to this machine and over TLS alone (W3C Fetch Metadata 2); over plain HTTP on a
    network only `Origin` tells where a page is from. A program sends neither.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is None and origin is not None:
        site = "same-origin" if origin.partition("://")[2] == request.headers.get("Host") else "cross-site"
    if site not in (None, "same-origin", "none"):
        raise web.HTTPForbidden(text="another site's page may not do this\n", headers=_NOT_STORED)


async def _expect(request: web.Request) -> None:
    """As aiohttp's own, whose answer repeats the header and cannot be encoded where that is not UTF-8."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        raise web.HTTPExpectationFailed(text="Expect: only 100-continue is known\n")
    if request.version == HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun


async def _nothing_there(request: web.Request) -> web.StreamResponse:
    """Every other address or method; here, so that it has our `_expect`."""
    allowed = {
        route.method
        for route in request.app.router.routes()
        if route.resource is not None and route.resource.canonical == request.path
    }
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, sorted(allowed))
    raise web.HTTPNotFound


@web.middleware
async def _one_line_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except UsageError as error:
        return web.Response(status=400, text=f"{error}\n", headers=_NOT_STORED)
    except (web.HTTPException, ConnectionError):
        raise
    except Exception as error:  # noqa: BLE001 - the top of a request; such as no memory for a thread
        log.error("web server: %s %s: %s: %s", request.method, request.path, type(error).__name__, error)
        return web.Response(status=503, text="not possible now; try again\n", headers=_NOT_STORED)
