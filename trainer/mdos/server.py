"""`edge-train mdos serve`: the rating page, for one network that is trusted and never the internet."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from edge.basics.errors import EdgeError, InputOutputError, UsageError
from trainer.mdos.ratings import RatingBook
from trainer.mdos.study import Study, known_rater

PAGE_DIR = Path(__file__).resolve().parent / "page"
PAGE_FILES = {"/": "index.html", "/mdos.js": "mdos.js", "/mdos.css": "mdos.css"}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
MAX_BODY_BYTES = 4096
IDLE_S = 30.0
"""A window that has asked nothing for so long may be taken over without a question."""
NUM_AHEAD = 3
"""Pictures that the page loads before they are needed."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class TakenOver(EdgeError):
    """Another window rates with this code: answered with 409."""


@dataclass
class Seat:
    """The one window that rates with a code.

    Attributes:
        token: known to that window alone.
        seen_s: when it asked last.
    """

    book: RatingBook
    token: str = ""
    seen_s: float = 0.0


class RatingServer:
    """The handlers; all run on one event loop, and each click is on the disk before it is answered."""

    def __init__(self, study: Study, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._study, self._clock_s = study, clock_s
        self._seats: dict[str, Seat] = {}
        self._by_token: dict[str, Seat] = {}

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_told], client_max_size=MAX_BODY_BYTES)
        for path, name in PAGE_FILES.items():
            app.router.add_get(path, _page_file(PAGE_DIR / name))
        app.router.add_get("/picture/{name}.png", self.picture)
        app.router.add_post("/api/begin", self.begin)
        app.router.add_post("/api/place", self.place)
        app.router.add_post("/api/click", self.click)
        app.on_cleanup.append(self._close)
        return app

    async def _close(self, app: web.Application) -> None:
        for seat in self._seats.values():
            seat.book.close()

    async def begin(self, request: web.Request) -> web.Response:
        """`code`; `token` of the window itself, if it had one; `take` where another one shall be taken over.

        Answers a new token, and where the rater is.
        """
        told = await _body(request)
        rater = known_rater(self._study, _text(told, "code"))
        seat = self._seats.get(rater)
        if seat is None:
            seat = self._seats[rater] = Seat(RatingBook(self._study, rater))
        is_held = seat.token and self._clock_s() - seat.seen_s < IDLE_S
        if is_held and told.get("token") != seat.token and told.get("take") is not True:
            raise TakenOver("this code is open in another window: go on there, or take it over here")
        self._by_token.pop(seat.token, None)
        seat.token = secrets.token_hex(16)
        self._by_token[seat.token] = seat
        begun = {"token": seat.token, "rater": rater, "title": self._study.title}
        return web.json_response({**begun, "screen_px": self._study.screen_px, **self._at(seat, seat.book.place)})

    async def place(self, request: web.Request) -> web.Response:
        """`place`: what is there; without one, the first that is not done."""
        told = await _body(request)
        seat = self._seat_of(told)
        at = seat.book.place if told.get("place") is None else _number(told, "place")
        return web.json_response(self._at(seat, min(max(at, 0), seat.book.place)))

    async def click(self, request: web.Request) -> web.Response:
        """`click`, `place`, `aspect`, `score`, `ms`, `screen`: kept when this is answered."""
        told = await _body(request)
        seat = self._seat_of(told)
        screen = told.get("screen", [])
        if not isinstance(screen, list) or not all(isinstance(one, int | float) for one in screen):
            raise UsageError("screen: expected a list of numbers")
        seat.book.add(
            _text(told, "click"),
            _number(told, "place"),
            _text(told, "aspect"),
            _number(told, "score"),
            _number(told, "ms"),
            screen,
        )
        return web.json_response(self._at(seat, _number(told, "place")))

    async def picture(self, request: web.Request) -> web.StreamResponse:
        """To a window that rates: an image cannot be asked for with a body, so its token is in the query."""
        if request.query.get("token", "") not in self._by_token:
            raise TakenOver("another window rates with this code now")
        try:
            path = self._study.picture(request.match_info["name"])
        except KeyError:
            raise web.HTTPNotFound from None
        return web.FileResponse(path, headers={**HEADERS, "Cache-Control": "private, max-age=3600, immutable"})

    def _seat_of(self, told: dict[str, Any]) -> Seat:
        seat = self._by_token.get(_text(told, "token"))
        if seat is None:
            raise TakenOver("another window rates with this code now, or the server was started again: enter the code")
        seat.seen_s = self._clock_s()
        return seat

    def _at(self, seat: Seat, place: int) -> dict[str, Any]:
        """What the page shows at a place; nothing that tells the method, the subject or a repeat."""
        seat.seen_s = self._clock_s()
        book, items = seat.book, self._study.items
        total = len(book.order)
        at = {"place": place, "done": book.place, "total": total, "item": None}
        ahead = [self._shown(name) for name in book.order[place + 1 : place + 1 + NUM_AHEAD]]
        if place >= total:
            return {**at, "ahead": []}
        item = items[book.order[place]]
        scores = book.scores(place)
        return {**at, **self._shown(item.name), "aspects": item.aspects, "scores": scores, "ahead": ahead}

    def _shown(self, name: str) -> dict[str, Any]:
        item = self._study.items[name]
        return {
            "item": name,
            "reference": item.reference or None,
            "width_px": item.width_px,
            "height_px": item.height_px,
        }


def serve(study: Study, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve until Ctrl-C.

    Raises:
        InputOutputError: the address cannot be had.
    """
    try:
        asyncio.run(_serve(study, host, port, say))
    except KeyboardInterrupt:
        return


async def _serve(study: Study, host: str, port: int, say: Callable[[str], None]) -> None:
    runner = web.AppRunner(RatingServer(study).app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise InputOutputError(f"--listen {host}:{port}: {error.strerror}; name another address") from error
    bound = runner.addresses[0]
    say(f"rating page on http://{bound[0]}:{bound[1]}/ (Ctrl-C stops; raters go on where they were)")
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        told = json.loads(await request.read())
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise UsageError("expected a JSON object")
    return told


def _text(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str):
        raise UsageError(f"{name}: expected text")
    return value


def _number(told: dict[str, Any], name: str) -> int:
    value = told.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UsageError(f"{name}: expected a whole number")
    return value


def _page_file(path: Path) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(path, headers=HEADERS)

    return answer


@web.middleware
async def _told(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as one line, and nothing for other sites' pages: a browser says where a request comes from."""
    if request.method == "POST" and request.headers.get("Content-Type", "").split(";")[0] != "application/json":
        return web.Response(status=415, text="expected application/json\n")  # no form of another site can send it
    try:
        return await handler(request)
    except TakenOver as error:
        return web.Response(status=409, text=f"{error}\n")
    except UsageError as error:
        return web.Response(status=400, text=f"{error}\n")
    except InputOutputError as error:
        return web.Response(status=503, text=f"{error}\n")
