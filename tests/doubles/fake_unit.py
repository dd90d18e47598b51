"""A unit that is only its web interface: it answers as docs/interfaces.md says, and does what a test tells it.

For tests of the page, which then need no camera, no engine and no disk. What it is asked for stands in `calls`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import simplejpeg
from aiohttp import web

from edge.pictures.image import Image
from edge.web.answers import PAGE_HEADERS
from edge.web.routes import LOGIN_FILES, PAGE_FILES
from tests.doubles.fake_records import CONTROLS, ROUTES, always, card, first_state, item, session_of
from tests.doubles.fake_streams import FPS, FakeStreams
from tests.doubles.waiting import GUARD_S

RAW_GREEN, ENHANCED_RED, REFERENCE_BLUE = (40, 180, 60), (190, 50, 40), (40, 60, 190)
SUB_PATH = "/units/7/"
"""Everything is there too, as behind a proxy."""


def flat(colour: tuple[int, int, int]) -> Image:
    return np.full((540, 960, 3), colour, np.uint8)


class FakeUnit:
    """Served from a thread of its own, on a free port or the one that is given.

    Attributes:
        state: `/api/state`, to be changed by a test while it runs.
        routes: what `/openapi.json` tells, and what is answered at all; empty for an older unit.
        calls: (method, path, query or body) of what was asked to be done.
        raw, enhanced: what the camera sees; any size.
        has_socket: whether `/stream.ws` is answered.
        is_silent: nothing is sent any more, and every connection stays.
        lag_ms: age of a picture when it is sent.
        openapi_s: what `/openapi.json` takes; openapi_fails: so often it answers 500 first.
        files: name -> bytes of what is saved.
        held_seq: of the held frame.
        sockets: open ones.
        worklist: what it answers, as `/api/worklist` has it; worklist_fails: the line with which it does not.
        pacs: `/health` of the way to the PACS.
    """

    def __init__(self, port: int = 0) -> None:
        self.raw, self.enhanced, self.reference = flat(RAW_GREEN), flat(ENHANCED_RED), flat(REFERENCE_BLUE)
        self.has_socket, self.is_silent, self.lag_ms = True, False, 0.0
        self.openapi_s, self.openapi_fails = 0.0, 0
        self.is_logged_in, self.has_users = True, False
        self.routes: Mapping[str, tuple[str, ...]] = ROUTES
        self.calls: list[tuple[str, str, Any]] = []
        self.wishes: list[dict[str, Any]] = []
        self.controls = {name: dict(control) for name, control in CONTROLS.items()}
        self.items: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.reference_record: dict[str, Any] = {
            "profiles": [{"name": "miinet", "synthesised": True}, {"name": "cyclegan", "synthesised": False}],
            "running": None,
            "done": [],
            "failed": [],
            "shown": None,
        }
        self.state: dict[str, Any] = first_state()
        self.worklist: list[dict[str, str]] = []
        self.worklist_fails = ""
        self.pacs: dict[str, Any] | None = None
        self._num_sessions = 0
        self._begun_s = time.monotonic()
        self.held_seq = 0
        self._pages: set[web.StreamResponse] = set()
        self.sockets: set[web.WebSocketResponse] = set()
        self._loop = asyncio.new_event_loop()
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/"
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fake-unit", daemon=True)
        self._thread.start()
        self._ready.wait(GUARD_S)

    # ---- what a test does with it

    def close(self) -> None:
        """As if its power went."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(GUARD_S)

    def seq(self) -> int:
        """Of the frame that the camera takes now."""
        return int((time.monotonic() - self._begun_s) * FPS)

    def asked(self, method: str, path: str) -> list[Any]:
        """Query or body of each such call."""
        return [what for one, where, what in self.calls if (one, where) == (method, path)]

    def tell(self, kind: str, data: Mapping[str, Any]) -> None:
        """Send an event to every page."""
        line = f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()

        async def send() -> None:
            for page in list(self._pages):
                await page.write(line)

        asyncio.run_coroutine_threadsafe(send(), self._loop).result(GUARD_S)

    def freeze(self, is_frozen: bool = True, view: str = "enhanced") -> None:
        """As the button on the camera head."""
        if is_frozen and self.state["frozen"] is None:
            self.held_seq = self.seq()
            self.state["frozen"] = {"seq": self.held_seq, "taken_at": "2026-11-29T12:03:11.250+00:00"}
        elif not is_frozen:
            self.state["frozen"] = None
            self.reference_record |= {"done": [], "running": None, "shown": None}
        self.tell("state", {"frozen": is_frozen, "view": view, "strength": self.state["strength"]})

    def cut_sockets(self) -> None:
        async def cut() -> None:
            for one in list(self.sockets):
                await one.close()

        asyncio.run_coroutine_threadsafe(cut(), self._loop).result(GUARD_S)

    def keep_pair(self, name: str, session: Mapping[str, Any] | None = None, taken_at: str = "") -> None:
        """Put a pair into the store."""
        files = {view: f"{name}-{view}.png" for view in ("raw", "enhanced")}
        for view, image in (("raw", self.raw), ("enhanced", self.enhanced)):
            self.files[files[view]] = png(image)
        self.items.insert(
            0, item(name, "pair", files, session, taken_at, sum(len(self.files[one]) for one in files.values()))
        )

    def keep_recording(self, name: str, raw: bytes, enhanced: bytes) -> None:
        """Put a recording into the store."""
        files = {"raw": f"{name}-raw.mp4", "enhanced": f"{name}-enhanced.mp4"}
        self.files |= {files["raw"]: raw, files["enhanced"]: enhanced}
        self.items.insert(0, item(name, "recording", files, None, "", len(raw) + len(enhanced)))

    # ---- its thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.SockSite(runner, self._socket).start())
        self._loop.call_soon(self._ready.set)
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    def _app(self) -> web.Application:
        app = self._served()
        app.add_subapp(SUB_PATH, self._served())
        return app

    def _served(self) -> web.Application:
        app, streams = web.Application(middlewares=[self._door()]), FakeStreams(self)
        for path, file in {**PAGE_FILES, **LOGIN_FILES}.items():
            app.router.add_get(path, file_answer(file))
        app.router.add_get("/stream.ws", streams.socket)
        app.router.add_get("/stream.mjpg", streams.mjpeg)
        app.router.add_get("/events", self._events)
        app.router.add_get("/snapshot.png", self._snapshot)
        app.router.add_get("/health", self._health)
        app.router.add_get("/openapi.json", self._openapi)
        app.router.add_get("/api/who", self._who)
        app.router.add_post("/api/login", self._log_in)
        app.router.add_get("/api/reference.png", self._reference_png)
        app.router.add_get("/api/profiles/{name}/card", self._card)
        app.router.add_route("*", "/api/saved/{name}", self._saved_file)
        app.router.add_get("/api/saved/{name}/small.jpg", self._small)
        app.router.add_route("*", "/api/{path:.*}", self._api)
        return app

    def _door(self) -> Any:
        @web.middleware
        async def admit(request: web.Request, handler: Any) -> web.StreamResponse:
            while self.is_silent:
                await asyncio.sleep(0.05)
            is_open = where(request) in LOGIN_FILES or where(request) in ("/style.css", "/api/login")
            if not self.is_logged_in and not is_open:
                return web.Response(status=401, text="log in first\n")
            return await handler(request)

        return admit

    async def _events(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        first = {"frozen": self.state["frozen"] is not None, "view": "enhanced", "strength": self.state["strength"]}
        await answer.write(f"event: state\ndata: {json.dumps(first)}\n\n".encode())
        self._pages.add(answer)
        with contextlib.suppress(ConnectionError):
            while True:
                await asyncio.sleep(1)
                await answer.write(b": still here\n\n")
        self._pages.discard(answer)
        return answer

    async def _snapshot(self, request: web.Request) -> web.StreamResponse:
        view = request.query.get("view", "enhanced")
        seq = self.held_seq if self.state["frozen"] is not None else int(request.query.get("seq", self.seq()))
        headers = {
            "X-Seq": str(seq),
            "X-State": "frozen" if self.state["frozen"] is not None else "live",
            "Content-Disposition": f'inline; filename="throat-{seq}-{view}.png"',
        }
        return picture_answer(self.raw if view == "raw" else self.enhanced, headers)

    async def _health(self, request: web.Request) -> web.StreamResponse:
        notices = ["NOT SECURED: everybody on this network can watch"] if self.state["insecure"] else []
        told = {**self.state, "latency_ms": {"p50": 31.0}, "dropped": 4, "access": {"notices": notices}}
        told["pacs"] = self.pacs
        return web.json_response(told)

    async def _openapi(self, request: web.Request) -> web.StreamResponse:
        if not self.routes:
            return web.Response(status=404)
        await asyncio.sleep(self.openapi_s)
        if self.openapi_fails:
            self.openapi_fails -= 1
            return web.Response(status=500)
        return web.json_response(
            {"paths": {path: {one: {} for one in methods} for path, methods in self.routes.items()}}
        )

    async def _who(self, request: web.Request) -> web.StreamResponse:
        told = {"name": self.state["name"], "role": self.state["role"], "session": self.has_users}
        return web.json_response(told)

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        self.calls.append(("POST", "/api/login", await request.json()))
        self.is_logged_in = True
        self.state["expires_in_s"] = 40_000
        return web.json_response({})

    async def _api(self, request: web.Request) -> web.StreamResponse:
        if request.method.lower() not in (*self.routes.get(where(request), ()), *always(where(request))):
            return web.Response(status=404, text="not known\n")
        if request.method == "GET":
            if where(request) == "/api/worklist" and self.worklist_fails:
                return web.Response(status=502, text=f"{self.worklist_fails}\n")
            return self._told(request)
        body = await request.json() if request.can_read_body else dict(request.query)
        self.calls.append((request.method, where(request), body))
        if self.state["role"] == "viewer":
            return web.Response(status=403, text="this takes the role operator\n")
        return web.json_response(self._done(request.method, where(request), body) or {})

    def _told(self, request: web.Request) -> web.StreamResponse:
        if where(request) == "/api/saved":
            session = request.query.get("session")
            items = [one for one in self.items if not session or (one["session"] or {}).get("id") == session]
            names, before = [one["name"] for one in items], request.query.get("before")
            items = items[names.index(before) + 1 :] if before in names else items
            num = int(request.query.get("num", 60))
            return web.json_response({"items": items[:num], "more": len(items) > num})
        told: dict[str, Any] = {
            "/api/state": self.state,
            "/api/camera-controls": self.controls,
            "/api/light": {"percent": self.state["light_percent"], "limit_percent": 95},
            "/api/reference": self.reference_record,
            "/api/worklist": {"items": self.worklist, "more": False, "asked_at": ""},
        }
        return web.json_response(told[where(request)])

    def _done(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        state, record = self.state, self.reference_record
        if path in ("/api/freeze", "/api/live"):
            self._loop.run_in_executor(None, self.freeze, path == "/api/freeze")
        elif path == "/api/strength":
            state["strength"] = float(body["value"])
        elif path == "/api/profile":
            state["profile"] = body["name"]
        elif path == "/api/light":
            state["light_percent"] = body["percent"]
        elif path == "/api/camera-controls":
            for name, value in body.items():
                self.controls[name]["now"] = value
            return self.controls
        elif path == "/api/save":
            return {"seq": self.seq(), "views": ["raw", "enhanced"]}
        elif path == "/api/recording/start":
            state["recording"] = {"since": "", "seconds": 0, "views": body["views"], "bytes": 0}
        elif path == "/api/recording/stop":
            state["recording"] = None
        elif path == "/api/session":
            self._num_sessions += 1
            is_closed = method == "DELETE"
            state["session"] = None if is_closed else session_of(body, self.worklist, self._num_sessions)
            return {"session": state["session"], "sending": None}
        elif path == "/api/reference/show":
            record["shown"] = body["profile"] or None
            return record
        elif path == "/api/reference":
            running = {"profile": body["profile"], "done": 0.0, "left_s": 12} if method == "POST" else None
            record["running"] = running
        return None

    async def _saved_file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if request.method == "DELETE":
            self.calls.append(("DELETE", f"/api/saved/{name}", dict(request.query)))
            self.items = [one for one in self.items if one["name"] != name]
            return web.json_response({})
        body = self.files[name]
        kind = "image/png" if name.endswith(".png") else "video/mp4"
        if (asked := request.http_range).start is None:
            return web.Response(body=body, content_type=kind, headers={"Accept-Ranges": "bytes"})
        stop = min(asked.stop or len(body), len(body))
        headers = {"Content-Range": f"bytes {asked.start}-{stop - 1}/{len(body)}", "Accept-Ranges": "bytes"}
        return web.Response(status=206, body=body[asked.start : stop], content_type=kind, headers=headers)

    async def _card(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(card(request.match_info["name"]))

    async def _reference_png(self, request: web.Request) -> web.StreamResponse:
        return picture_answer(self.reference)

    async def _small(self, request: web.Request) -> web.StreamResponse:
        small = cv2.resize(self.enhanced, (320, 180), interpolation=cv2.INTER_AREA)
        return web.Response(body=simplejpeg.encode_jpeg(small), content_type="image/jpeg")


def where(request: web.Request) -> str:
    """The path as the unit itself knows it."""
    return "/" + request.path.removeprefix(SUB_PATH).removeprefix("/")


def file_answer(file: Path) -> Any:
    """A handler that serves a file of the page."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(file, headers=PAGE_HEADERS)

    return answer


def png(image: Image) -> bytes:
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def picture_answer(image: Image, headers: Mapping[str, str] | None = None) -> web.StreamResponse:
    return web.Response(body=png(image), content_type="image/png", headers=dict(headers or {}))
