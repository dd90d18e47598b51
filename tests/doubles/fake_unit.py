"""A unit that is only its web interface: it answers as docs/integrator.md says, and does what a test tells it.

For tests of the page, which then need no camera, no engine and no disk. What it is asked for stands in `calls`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import simplejpeg
from aiohttp import WSMsgType, web

from edge.pictures.image import Image
from edge.web.answers import PAGE_HEADERS
from edge.web.banner import Status, stamp
from edge.web.routes import LOGIN_FILES, PAGE_FILES
from edge.web.state_strip import draw as draw_strip

RAW_GREEN, ENHANCED_RED, REFERENCE_BLUE = (40, 180, 60), (190, 50, 40), (40, 60, 190)
FPS = 25.0
SUB_PATH = "/units/7/"
"""Everything is there too, as behind a proxy."""
WIDTHS_PX = (480, 640, 960, 1280, 1920)
ROUTES: Mapping[str, tuple[str, ...]] = {
    "/api/state": ("get",),
    "/api/freeze": ("post",),
    "/api/live": ("post",),
    "/api/profile": ("post",),
    "/api/light": ("get", "post"),
    "/api/camera-controls": ("get", "post"),
    "/api/recording": ("get",),
    "/api/recording/start": ("post",),
    "/api/recording/stop": ("post",),
    "/api/recording/keep": ("post",),
    "/api/saved": ("get",),
    "/api/saved/{name}": ("get", "delete"),
    "/api/session": ("get", "post", "delete"),
    "/api/reference": ("get", "post", "delete"),
    "/api/reference/show": ("post",),
}
CONTROLS = {
    "exposure": {"low": 1, "high": 500, "step": 1, "default": 120, "now": 120},
    "gain": {"low": 0, "high": 16, "step": 0.5, "default": 4, "now": 4},
}


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
        files: name -> bytes of what is saved.
    """

    def __init__(self, port: int = 0) -> None:
        self.raw, self.enhanced, self.reference = flat(RAW_GREEN), flat(ENHANCED_RED), flat(REFERENCE_BLUE)
        self.has_socket, self.is_silent, self.lag_ms = True, False, 0.0
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
        self._begun_s = time.monotonic()
        self._held_seq = 0
        self._pages: set[web.StreamResponse] = set()
        self._sockets: set[web.WebSocketResponse] = set()
        self._loop = asyncio.new_event_loop()
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/"
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fake-unit", daemon=True)
        self._thread.start()
        self._ready.wait(20)

    # ---- what a test does with it

    def close(self) -> None:
        """As if its power went."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(20)

    def asked(self, method: str, path: str) -> list[Any]:
        """Query or body of each such call."""
        return [what for one, where, what in self.calls if (one, where) == (method, path)]

    def tell(self, kind: str, data: Mapping[str, Any]) -> None:
        """Send an event to every page."""
        line = f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()

        async def send() -> None:
            for page in list(self._pages):
                await page.write(line)

        asyncio.run_coroutine_threadsafe(send(), self._loop).result(20)

    def freeze(self, is_frozen: bool = True, view: str = "enhanced") -> None:
        """As the button on the camera head."""
        if is_frozen and self.state["frozen"] is None:
            self._held_seq = self._seq()
            self.state["frozen"] = {"seq": self._held_seq, "taken_at": "2026-11-29T12:03:11.250+00:00"}
        elif not is_frozen:
            self.state["frozen"] = None
            self.reference_record |= {"done": [], "running": None, "shown": None}
        self.tell("state", {"frozen": is_frozen, "view": view, "strength": self.state["strength"]})

    def cut_sockets(self) -> None:
        async def cut() -> None:
            for one in list(self._sockets):
                await one.close()

        asyncio.run_coroutine_threadsafe(cut(), self._loop).result(20)

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
        self._loop.close()

    def _app(self) -> web.Application:
        app = self._served()
        app.add_subapp(SUB_PATH, self._served())
        return app

    def _served(self) -> web.Application:
        app = web.Application(middlewares=[self._door()])
        for path, file in {**PAGE_FILES, **LOGIN_FILES}.items():
            app.router.add_get(path, file_answer(file))
        app.router.add_get("/stream.ws", self._stream)
        app.router.add_get("/stream.mjpg", self._mjpeg)
        app.router.add_get("/events", self._events)
        app.router.add_get("/snapshot.png", self._snapshot)
        app.router.add_get("/health", self._health)
        app.router.add_get("/openapi.json", self._openapi)
        app.router.add_get("/api/who", self._who)
        app.router.add_post("/api/login", self._log_in)
        app.router.add_get("/api/reference.png", self._reference_png)
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

    def _seq(self) -> int:
        return int((time.monotonic() - self._begun_s) * FPS)

    def _jpeg(self, mode: str, width_px: int, seq: int, side: str = "left") -> bytes:
        image = self.raw if mode == "raw" else self.enhanced
        if self.state["frozen"] is not None and mode == "enhanced" and self.reference_record["shown"] is not None:
            image = self.reference
        size = (width_px, width_px * 9 // 16)
        image = image if image.shape[1::-1] == size else cv2.resize(image, size)
        state = "frozen" if self.state["frozen"] is not None else "live"
        profile = self.reference_record["shown"] or self.state["profile"]
        banner = Status(state, mode, profile, age_ms=1200.0)  # type: ignore[arg-type]
        image = stamp(image, banner, side)  # type: ignore[arg-type]
        draw_strip(image, seq, state, mode)  # type: ignore[arg-type]
        return bytes(simplejpeg.encode_jpeg(image, quality=85))

    def _picture(self, want: str, width_px: int) -> tuple[dict[str, Any], bytes]:
        width_px = next((step for step in WIDTHS_PX if step >= width_px), WIDTHS_PX[-1])
        seq = self._held_seq if self.state["frozen"] is not None else self._seq()
        enhanced = (
            self._jpeg("enhanced", width_px, seq, "right" if want == "pair" else "left") if want != "raw" else b""
        )
        raw = self._jpeg("raw", width_px, seq) if want != "enhanced" else b""
        head = {
            "seq": seq,
            "age_ms": self.lag_ms,
            "sent_ms": time.monotonic() * 1000,
            "mode": "raw" if want == "raw" else "enhanced",
            "state": "frozen" if self.state["frozen"] is not None else "live",
            "profile": self.reference_record["shown"] or self.state["profile"],
            "view": want,
            "width": width_px,
            "height": width_px * 9 // 16,
            "enhanced_bytes": len(enhanced),
            "num_dropped": 0,
        }
        return head, enhanced + raw

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if not self.has_socket:
            return web.Response(status=404)
        answer = web.WebSocketResponse(max_msg_size=1024, compress=False)
        await answer.prepare(request)
        self._sockets.add(answer)
        wish, asks, last = {"want": "enhanced", "width": 1920}, asyncio.Event(), (-1, "")

        async def send() -> None:
            nonlocal last
            while not answer.closed:
                await asks.wait()
                asks.clear()
                begun_s = time.monotonic()
                while (self._seq(), json.dumps(wish)) == last or self.is_silent:
                    await asyncio.sleep(0.005)
                if self.state["frozen"] is not None and last[1] == json.dumps(wish):
                    await asyncio.sleep(max(0.0, 0.3 - (time.monotonic() - begun_s)))
                last = self._seq(), json.dumps(wish)
                head, body = self._picture(str(wish["want"]), int(wish["width"]))
                text = json.dumps(head).encode()
                await answer.send_bytes(struct.pack(">I", len(text)) + text + body)

        sending = asyncio.ensure_future(send())
        try:
            async for message in answer:
                if message.type != WSMsgType.TEXT:
                    break
                told = json.loads(message.data)
                if "want" in told:
                    is_first = not asks.is_set() and last == (-1, "")
                    wish = told
                    self.wishes.append(told)
                    if is_first:
                        asks.set()
                if "next" in told:
                    asks.set()
        finally:
            sending.cancel()
            self._sockets.discard(answer)
        return answer

    async def _mjpeg(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "multipart/x-mixed-replace; boundary=frame"})
        await answer.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                while self.is_silent:
                    await asyncio.sleep(0.05)
                head, body = self._picture(request.query.get("view", "enhanced"), 960)
                lines = {
                    "Content-Type": "image/jpeg",
                    "Content-Length": len(body),
                    "X-Seq": head["seq"],
                    "X-Mode": head["mode"],
                    "X-State": head["state"],
                    "X-Age-Ms": head["age_ms"],
                    "X-Sent-Ms": head["sent_ms"],
                }
                if head["view"] == "pair":
                    lines["X-Enhanced-Bytes"] = head["enhanced_bytes"]
                told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
                await answer.write(f"--frame\r\n{told}\r\n".encode() + body + b"\r\n")
                await asyncio.sleep(1 / FPS)
        return answer

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
        seq = self._held_seq if self.state["frozen"] is not None else int(request.query.get("seq", self._seq()))
        headers = {
            "X-Seq": str(seq),
            "X-State": "frozen" if self.state["frozen"] is not None else "live",
            "Content-Disposition": f'inline; filename="throat-{seq}-{view}.png"',
        }
        return picture_answer(self.raw if view == "raw" else self.enhanced, headers)

    async def _health(self, request: web.Request) -> web.StreamResponse:
        notices = ["NOT SECURED: everybody on this network can watch"] if self.state["insecure"] else []
        told = {**self.state, "latency_ms": {"p50": 31.0}, "dropped": 4, "access": {"notices": notices}}
        return web.json_response(told)

    async def _openapi(self, request: web.Request) -> web.StreamResponse:
        if not self.routes:
            return web.Response(status=404)
        return web.json_response({"paths": {path: dict.fromkeys(methods, {}) for path, methods in self.routes.items()}})

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
            "/api/camera-controls": {"controls": self.controls},
            "/api/reference": self.reference_record,
        }
        return web.json_response(told[where(request)])

    def _done(self, method: str, path: str, body: Mapping[str, Any]) -> Any:  # noqa: C901 - one line for each route
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
        elif path == "/api/save":
            return {"seq": self._seq(), "views": ["raw", "enhanced"]}
        elif path == "/api/recording/start":
            state["recording"] = {"since": "", "seconds": 0, "views": body["views"], "bytes": 0}
        elif path == "/api/recording/stop":
            state["recording"] = None
        elif path == "/api/session":
            state["session"] = None if method == "DELETE" else {"id": "s1", "label": body["label"], "since": ""}
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

    async def _reference_png(self, request: web.Request) -> web.StreamResponse:
        return picture_answer(self.reference)

    async def _small(self, request: web.Request) -> web.StreamResponse:
        small = cv2.resize(self.enhanced, (320, 180), interpolation=cv2.INTER_AREA)
        return web.Response(body=simplejpeg.encode_jpeg(small), content_type="image/jpeg")


def where(request: web.Request) -> str:
    """The path as the unit itself knows it."""
    return "/" + request.path.removeprefix(SUB_PATH).removeprefix("/")


def always(path: str) -> tuple[str, ...]:
    """Methods of what every unit answers, however old."""
    return ("post",) if path in ("/api/live", "/api/save", "/api/strength", "/api/logout") else ()


def first_state() -> dict[str, Any]:
    """A unit that has everything, and is well."""
    return {
        "state": "live",
        "reason": "",
        "mode": "enhanced",
        "profile": "live",
        "profiles": [
            {"name": "live", "title": "For every day", "is_live": True, "synthesises": False},
            {"name": "live-isr", "title": "Finer", "is_live": True, "synthesises": True},
            {"name": "miinet", "title": "The paper's", "is_live": False, "synthesises": True},
        ],
        "strength": 1.0,
        "frozen": None,
        "view": "enhanced",
        "age_ms": 30.0,
        "fps_in": 30.0,
        "fps_out": 25.0,
        "latency_ms": 31.0,
        "notices": [],
        "role": "operator",
        "name": "otto",
        "expires_in_s": None,
        "insecure": False,
        "viewers": 1,
        "can": {
            "profile": True,
            "light": True,
            "camera_controls": True,
            "recording": True,
            "before_roll": True,
            "reference": ["miinet", "cyclegan"],
            "webrtc": False,
        },
        "recording": None,
        "session": None,
        "reference": None,
        "light_percent": 70,
        "storage": {"free_bytes": 21_000_000_000, "used_bytes": 3_000_000_000, "limit_bytes": 24_000_000_000},
    }


def item(
    name: str, kind: str, files: Mapping[str, str], session: Mapping[str, Any] | None, taken_at: str, num_bytes: int
) -> dict[str, Any]:
    """As `/api/saved` tells of it."""
    return {
        "name": name,
        "kind": kind,
        "taken_at": taken_at or "2026-11-29T12:03:11.250+00:00",
        "duration_s": 2.0 if kind == "recording" else None,
        "views": ["raw", "enhanced"],
        "bytes": num_bytes,
        "profile": "live",
        "session": session,
        "files": {**files, "record": f"{name}.json"},
    }


def file_answer(file: Path) -> Any:
    """A handler that serves a file of the page."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(file, headers=PAGE_HEADERS)

    return answer


def png(image: Image) -> bytes:
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def picture_answer(image: Image, headers: Mapping[str, str] | None = None) -> web.StreamResponse:
    return web.Response(body=png(image), content_type="image/png", headers=dict(headers or {}))
