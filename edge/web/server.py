"""The web sink: one encoder thread, one event loop thread, any number of viewers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from edge.access.audit import AuditLog
from edge.access.door import Door
from edge.access.listening import Listener
from edge.config import WebConfig
from edge.engines.threads import JPEG_THREADS
from edge.frames.frame import FramePair
from edge.frames.slot import Slot
from edge.health.news import Board
from edge.health.record import Health
from edge.health.state import Verdict
from edge.saving.freeze import Freeze
from edge.web.mjpeg import Audience, is_outlived
from edge.web.routes import Routes, Site
from edge.web.views import Picture, View, ViewEncoder, status_of

log = logging.getLogger(__name__)


def _is_ours(record: logging.LogRecord) -> bool:
    """Anybody on the network can send what is no request, or go away early: neither is worth a traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], (HttpProcessingError, ConnectionError)))


_server_log = logging.getLogger(f"{__name__}.server")
_server_log.addFilter(_is_ours)

_Opened = tuple[Listener, ssl.SSLContext | None]
_TICK_S = 0.1
_RESTAMP_NS = 500_000_000


class WebSink:
    """Shows the newest pair to every viewer; encodes only the views that somebody looks at.

    Args:
        board: whose news go to `/events`.
        freeze: says which pair is shown, and saves it.
        audit: where it is recorded who looks and what they ask for.
        on_failed: called in the server's thread where it ends by an error.
    """

    def __init__(
        self,
        config: WebConfig,
        health: Health,
        board: Board,
        freeze: Freeze,
        *,
        site: Site | None = None,
        audit: AuditLog | None = None,
        on_failed: Callable[[BaseException], None] = lambda error: None,
    ) -> None:
        self._config = config
        self._quality = config.jpeg_quality
        self._site, self._audit = site, audit
        self._door: Door | None = None
        self._health = health
        self._board = board
        self._freeze = freeze
        self._on_failed = on_failed
        self._slot: Slot[FramePair] = Slot()
        self._newest: FramePair | None = None
        self._audience = Audience()
        self._helper = ThreadPoolExecutor(JPEG_THREADS - 1, "web-encoder-2")
        self._encoder = ViewEncoder(self._helper)
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_serving: asyncio.Event | None = None
        self.url = ""
        health.track_drops("web", lambda: self._slot.dropped)

    def start(self) -> None:
        """Bind, serve and encode.

        Raises:
            ConfigError: `[web]` cannot be understood, or would let everybody in.
            InputOutputError: a port is in use or not allowed.
        """
        door = self._door = Door(self._config, self._audit)
        listeners = door.opening.listen()
        listener, tls = listeners[0]
        self.url = listener.url("https" if tls else "http")
        self._health.track("access", door.record)
        ready: Future[None] = Future()
        self._spawn("web-server", lambda: self._serve(door, listeners, ready))
        ready.result()
        self._helper.submit(int)  # its thread starts now, not when there is no memory for one
        self._spawn("web-encoder", self._encode)

    def publish(self, pair: FramePair) -> None:
        self._slot.put(pair)

    def count_viewers(self) -> int:
        """Open streams."""
        return len(self._audience)

    def use_quality(self, jpeg_quality: int) -> None:
        """Encode so from the next picture on; see `WebConfig`."""
        self._quality = jpeg_quality

    def reload_access(self) -> None:
        """Serve the certificate that is there now."""
        if self._door is not None:
            self._door.reload()

    def close(self) -> None:
        """Stop encoding, cut every stream and free the port."""
        self._closed.set()
        self._slot.close()
        threads, self._threads = self._threads, []
        for thread in reversed(threads):
            if thread.name == "web-server" and self._loop is not None and self._stop_serving is not None:
                with contextlib.suppress(RuntimeError):  # its loop is closed already where the server has failed
                    self._loop.call_soon_threadsafe(self._stop_serving.set)
            thread.join(timeout=2.0)
        self._helper.shutdown()
        if self._door is not None:
            self._door.opening.close()

    def _spawn(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self, door: Door, listeners: list[_Opened], ready: Future[None]) -> None:
        try:
            asyncio.run(self._serve_until_closed(door, listeners, ready))
        except Exception as error:
            if not ready.done():
                ready.set_exception(error)
            log.exception("the web server ended")
            self._on_failed(error)

    async def _serve_until_closed(self, door: Door, listeners: list[_Opened], ready: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_logged_in_one_line)
        self._stop_serving = asyncio.Event()
        routes = Routes(self._health, self._audience, self._freeze, self._shown, door, self._site)
        self._board.read_all(partial(self._on_loop, routes.events.push))
        # Streams never end by themselves: after this short time they are cut.
        runner = web.AppRunner(routes.app(), access_log=None, logger=_server_log, shutdown_timeout=0.1)
        await runner.setup()
        for listener, tls in listeners:
            await web.SockSite(runner, listener.socket, ssl_context=tls).start()
        ready.set_result(None)
        await self._stop_serving.wait()
        await runner.cleanup()

    def _shown(self) -> FramePair | None:
        return self._freeze.frozen or self._newest

    def _encode(self) -> None:
        while not self._closed.is_set():
            try:
                self._encode_until_closed()
            except Exception as error:
                log.debug("a picture could not be encoded", exc_info=True)
                reason = f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"
                self._health.enter("sinks", "degraded", f"pictures cannot be encoded: {reason}")
                self._closed.wait(_TICK_S)

    def _encode_until_closed(self) -> None:
        """New pairs at once; pictures that are not live again and again, so that their age counts up."""
        shown_state, shown_ns = "", 0
        while not self._closed.is_set():
            pair = self._slot.take(_TICK_S)
            now_ns = time.monotonic_ns()
            if pair is not None:
                self._newest = pair
            frozen = self._freeze.frozen
            shown = frozen or self._newest
            taken_ns = None if shown is None else shown.enhanced.t_capture_ns
            verdict = self._health.verdict(now_ns, taken_ns, frozen=frozen is not None)
            state = status_of(None if shown is None else shown.enhanced, verdict).state
            aged = state != "live" and (state != shown_state or now_ns - shown_ns >= _RESTAMP_NS)
            fresh = (pair is not None and frozen is None) or aged
            views = self._audience.wanted(only_unserved=not fresh)
            if fresh:
                shown_state, shown_ns = state, now_ns
            for view in views:
                picture = self._encoded(view, shown, verdict)
                self._on_loop(self._audience.deliver, view, picture)
            if views:
                self._health.enter("sinks", "ok")
                self._health.stage("encode", (time.monotonic_ns() - now_ns) / 1e6)
            if pair is not None:  # while frozen too: the frame path lives, and the viewers chose not to look
                self._on_loop(self._count_published, pair)

    def _encoded(self, view: View, shown: FramePair | None, verdict: Verdict) -> Picture:
        """The encoded view; made again where a LIVE picture has become too old for that word meanwhile."""
        picture = self._encoder.encoded(view, shown, verdict, self._quality)
        if is_outlived(picture, now_ns := time.monotonic_ns()):
            verdict = self._health.verdict(now_ns, picture.t_capture_ns)
            picture = self._encoder.encoded(view, shown, verdict, self._quality)
        return picture

    def _on_loop(self, call: Callable[..., None], *args: object) -> None:
        assert self._loop is not None, "the loop runs before the encoder starts and ends after it"
        with contextlib.suppress(RuntimeError):  # closed: the button may be pressed while the program ends
            self._loop.call_soon_threadsafe(call, *args)

    def _count_published(self, pair: FramePair) -> None:
        self._health.published(pair, time.monotonic_ns())


def _logged_in_one_line(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """What asyncio itself cannot handle, such as a connection when there are no descriptors left."""
    error = context.get("exception")
    log.error("web server: %s%s", context.get("message"), "" if error is None else f" ({error})")
