"""The web sink: one encoder thread, one event loop thread, any number of viewers."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import ipaddress
import logging
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from aiohttp import web

from edge.access.audit import AuditLog
from edge.access.door import Door
from edge.access.listening import Listener, addresses_of
from edge.basics.errors import ConfigError
from edge.basics.threads import Ration, give_way
from edge.config import WebConfig
from edge.engines.threads import JPEG_THREADS
from edge.frames.frame import FramePair
from edge.frames.slot import Slot
from edge.health.news import Board
from edge.health.record import Health
from edge.saving.freeze import Freeze
from edge.web.acceptor import Acceptor
from edge.web.api.operation import Operation
from edge.web.api.state import StatePart
from edge.web.audience import Audience
from edge.web.encoding import Desk, Encoding
from edge.web.gate import Gate
from edge.web.limits import Limits, num_descriptors
from edge.web.origins import Names
from edge.web.routes import Beside, Routes, Site
from edge.web.server_log import logged_in_one_line, server_log
from edge.web.views import Picture, View, ViewEncoder

log = logging.getLogger(__name__)


_Opened = tuple[Listener, ssl.SSLContext | None]
_TICK_S = 0.1
SHARE_OF_OTHERS = 0.15
"""Of a core, for the views of everybody but the first viewer, while the camera gives more pictures than are shown."""
MOST_REST_S = 0.3
"""However much there is to encode: with it a picture that is not live is still made anew in time (`RESTAMP_S`)."""


class WebSink:
    """Shows the newest pair to every viewer; encodes only the views that somebody looks at.

    Args:
        board: whose news go to `/events`.
        freeze: says which pair is shown, and saves it.
        audit: where it is recorded who looks and what they ask for.
        on_failed: called in the server's thread where it ends by an error.
        limits: what one address may have; a test may want others.
        operations: of the API, each from the part that does it.
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
        limits: Limits | None = None,
        operations: Sequence[Operation] = (),
    ) -> None:
        self._config = config
        self._operations = [*operations]
        self._state_parts: list[StatePart] = []
        self._beside: list[Beside] = []
        self._quality = config.jpeg_quality
        self._site, self._audit = site, audit
        self._door: Door | None = None
        self._health = health
        self._board = board
        self._freeze = freeze
        self._on_failed = on_failed
        streams = {"streams": config.streams, "streams_of_one": config.streams_per_address}
        self._limits = limits or dataclasses.replace(Limits(), **streams)
        self._slot: Slot[FramePair] = Slot()
        self._slot_of_others: Slot[FramePair] = Slot()
        self._newest: FramePair | None = None
        self._audience = Audience(self._limits, on_waits=self._wake)
        self._helper = ThreadPoolExecutor(JPEG_THREADS - 1, "web-encoder-2")
        self._first = Encoding(self._desk(lambda view: view in self._audience.first()), ViewEncoder(self._helper))
        self._others = Encoding(self._desk(lambda view: view not in self._audience.first()), ViewEncoder())
        self._ration = Ration(SHARE_OF_OTHERS, lambda: not health.keeps_up(time.monotonic_ns()), MOST_REST_S)
        self._faults = {"first": "", "others": ""}
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_serving: asyncio.Event | None = None
        self.url = ""
        health.track_drops("web", lambda: self._slot.dropped)

    def serve_too(
        self, operations: Sequence[Operation], state: StatePart | None = None, beside: Beside | None = None
    ) -> None:
        """More of the API, of a part that is made later; before `start`.

        Args:
            state: what the part adds to `/api/state`.
            beside: runs on the server's event loop for as long as it serves, as aiohttp's `cleanup_ctx` has it.
        """
        self._operations.extend(operations)
        self._beside.extend([] if beside is None else [beside])
        self._state_parts.extend([] if state is None else [state])

    def start(self) -> None:
        """Bind, serve and encode.

        Raises:
            ConfigError: `[web]` cannot be understood, or would let everybody in.
            InputOutputError: a port is in use or not allowed.
        """
        _refuse_unknown_proxies(self._config.proxies)
        door = self._door = Door(self._config, self._audit)
        listeners = door.opening.listen()
        listener, tls = listeners[0]
        self._limits = self._limits.within(num_descriptors())
        self.url = listener.url("https" if tls else "http")
        self._health.track("access", door.record)
        ready: Future[None] = Future()
        self._spawn("web-server", lambda: self._serve(door, listeners, ready))
        ready.result()
        self._helper.submit(int)  # its thread starts now, not when there is no memory for one
        self._spawn("web-encoder", lambda: self._until_closed("first", self._encode_first))
        self._spawn("web-encoder-others", lambda: self._until_closed("others", self._encode_others))

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
        self._slot_of_others.close()
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
            log.exception("the web server ended")
            if not ready.done():
                ready.set_exception(error)
            self._on_failed(error)

    async def _serve_until_closed(self, door: Door, listeners: list[_Opened], ready: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(logged_in_one_line)
        self._stop_serving = asyncio.Event()
        hosts = [address.host for address in addresses_of(self._config.listen) if address.path is None]
        gate = Gate(Names((*hosts, *self._config.names)), self._config.proxies, self._limits, self._is_watched)
        routes = Routes(
            self._health,
            self._audience,
            self._freeze,
            self._shown,
            door,
            self._site,
            gate,
            self._limits,
            self._operations,
            self._state_parts,
            self._config.transports,
            self._beside,
        )
        self._board.read_all(partial(self._on_loop, routes.events.push))
        # Streams never end by themselves: after this short time they are cut.
        runner = web.AppRunner(routes.app(), access_log=None, logger=server_log, shutdown_timeout=0.1)
        await runner.setup()
        assert runner.server is not None, "set up"
        acceptor = Acceptor(runner.server, self._limits, self._is_watched, self._config.proxies, logger=server_log)
        for listener, tls in listeners:
            acceptor.open(listener.socket, tls)
        ready.set_result(None)
        await self._stop_serving.wait()
        acceptor.close()
        await runner.cleanup()

    def _is_watched(self) -> bool:
        return len(self._audience) > 0

    def _shown(self) -> FramePair | None:
        return self._freeze.frozen or self._newest

    def _desk(self, is_mine: Callable[[View], bool]) -> Desk:
        def shown() -> tuple[FramePair | None, bool]:
            frozen = self._freeze.frozen
            return frozen or self._newest, frozen is not None

        def views(only_unserved: bool) -> tuple[View, ...]:
            return tuple(view for view in self._audience.wanted(only_unserved) if is_mine(view))

        def deliver(view: View, picture: Picture) -> None:
            self._on_loop(self._audience.deliver, view, picture)

        return Desk(self._health, shown, views, lambda: self._quality, deliver)

    def _wake(self, view: View) -> None:
        """Somebody waits for a picture of this view between two pairs."""
        (self._slot if view in self._audience.first() else self._slot_of_others).wake()

    def _until_closed(self, name: str, encode: Callable[[], bool]) -> None:
        if name != "first":
            give_way()
        while not self._closed.is_set():
            try:
                if encode() or not self._faults[name]:
                    self._set_fault(name, "")
            except Exception as error:
                log.debug("a picture could not be encoded", exc_info=True)
                self._set_fault(name, f"{type(error).__name__}: {' '.join(str(error).split())[:100]}")
                self._closed.wait(_TICK_S)

    def _set_fault(self, name: str, reason: str) -> None:
        """The part is well when both encoders are; told when a picture was encoded, or could not be."""
        self._faults[name] = reason
        worst = self._faults["first"] or self._faults["others"]
        told = f"pictures cannot be encoded: {worst}" if worst else ""
        self._health.enter("sinks", "degraded" if worst else "ok", told)

    def _encode_first(self) -> bool:
        """The view of who came first, before all others."""
        pair = self._slot.take(_TICK_S)
        begin_ns = time.monotonic_ns()
        if pair is not None:
            self._newest = pair
            self._slot_of_others.put(pair)
        is_encoded = self._first.turn(pair is not None)
        if is_encoded:
            self._health.stage("encode", (time.monotonic_ns() - begin_ns) / 1e6)
        if pair is not None:  # while frozen too: the frame path lives, and the viewers chose not to look
            self._on_loop(self._count_published, pair)
        return is_encoded

    def _encode_others(self) -> bool:
        """Every other view, with what processor time the rest of the program leaves over."""
        self._closed.wait(self._ration.rest_s())
        is_new = self._slot_of_others.take(_TICK_S) is not None
        begin_s = time.thread_time()
        is_encoded = self._others.turn(is_new)
        self._ration.worked(time.thread_time() - begin_s)
        return is_encoded

    def _on_loop(self, call: Callable[..., None], *args: object) -> None:
        assert self._loop is not None, "the loop runs before the encoder starts and ends after it"
        with contextlib.suppress(RuntimeError):  # closed: the button may be pressed while the program ends
            self._loop.call_soon_threadsafe(call, *args)

    def _count_published(self, pair: FramePair) -> None:
        self._audience.published(pair.raw.seq)
        self._health.published(pair, time.monotonic_ns())


def _refuse_unknown_proxies(proxies: Sequence[str]) -> None:
    for proxy in proxies:
        try:
            ipaddress.ip_address(proxy)
        except ValueError:
            raise ConfigError(f"web.proxies = {proxy!r}: expected addresses, such as 127.0.0.1") from None
