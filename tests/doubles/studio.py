"""A web sink on a free port, and what feeds it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edge.access.audit import AuditLog
from edge.config import WebConfig
from edge.frames.frame import Frame, FramePair
from edge.health.news import Board
from edge.health.record import Health
from edge.health.state import EngineFacts
from edge.pictures.image import Image
from edge.saving.freeze import Freeze
from edge.web.limits import Limits
from edge.web.routes import Site
from edge.web.server import WebSink
from tests.doubles.waiting import wait_until

RAW_GREEN, ENHANCED_RED = (40, 180, 60), (190, 50, 40)


def flat(colour: tuple[int, int, int]) -> Image:
    return np.full((270, 480, 3), colour, np.uint8)


class Shelf:
    """Implements `edge.saving.freeze.Saver`: keeps what it is given in `pairs` and `sessions`."""

    def __init__(self) -> None:
        self.pairs: list[FramePair] = []
        self.sessions: list[Mapping[str, Any] | None] = []

    def save(self, pair: FramePair, session: Mapping[str, Any] | None = None) -> None:
        self.pairs.append(pair)
        self.sessions.append(session)


def web_sink(listen: str = "127.0.0.1:0", health: Health | None = None, site: Site | None = None) -> WebSink:
    """A sink that nobody tells any news."""
    board = Board()
    health = health or Health(board)
    return WebSink(WebConfig(listen=listen), health, board, Freeze(health, board, Shelf()), site=site)


class Studio:
    """A running sink and what feeds it: green raw frames, red enhanced ones.

    Args:
        furnish: gives the sink more of the API before it starts.
    """

    def __init__(
        self,
        config: WebConfig | None = None,
        audit: AuditLog | None = None,
        furnish: Callable[[Studio], None] = lambda studio: None,
        limits: Limits | None = None,
    ) -> None:
        self.board = Board()
        self.health = Health(self.board)
        self.health.set_source("demo:")
        self.health.set_engine(EngineFacts("live", "ab" * 32, "cpu"))
        self.shelf = Shelf()
        self.freezer = Freeze(self.health, self.board, self.shelf)
        config = config or WebConfig(listen="127.0.0.1:0")
        self.sink = WebSink(config, self.health, self.board, self.freezer, audit=audit, limits=limits)
        furnish(self)
        self.sink.start()
        self.seq = 0
        self.lag_ms = 0
        self._camera: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def url(self) -> str:
        return self.sink.url

    def show(self, raw: Image | None = None, enhanced: Image | None = None, *, only_raw: bool = False) -> FramePair:
        """Publish one pair, taken `lag_ms` ago."""
        self.seq += 1
        now_ns = time.monotonic_ns()
        taken = Frame(flat(RAW_GREEN) if raw is None else raw, self.seq, now_ns - self.lag_ms * 1_000_000)
        self.health.captured(taken, now_ns)
        made = taken.enhanced(flat(ENHANCED_RED) if enhanced is None else enhanced, "live", {"engine": 20.0})
        pair = FramePair(taken, taken if only_raw else made)
        self.freezer.publish(pair)
        self.sink.publish(pair)
        return pair

    def wait_taken(self) -> None:
        """Until the sink has the newest pair of this moment, or a newer one: who asks then is shown none before it."""
        seq = self.seq
        wait_until(lambda: self.sink._newest is not None and self.sink._newest.raw.seq >= seq)

    def press(self) -> None:
        """A short press of the button on the camera head."""
        self.freezer.press()
        self.freezer.release()

    def freeze(self) -> FramePair:
        """Press until a picture is held; on a busy machine one may come too late to count as live."""
        for _ in range(100):
            self.press()
            if self.freezer.frozen is not None:
                return self.freezer.frozen
            time.sleep(0.05)
            if self._camera is None:
                self.show()
        raise AssertionError("no picture was live")

    def long_press(self) -> None:
        self.freezer.press()
        self.freezer.long_press()
        self.freezer.release()

    def roll(
        self, raw: Image | None = None, enhanced: Image | None = None, *, only_raw: bool = False, every_s: float = 0.04
    ) -> None:
        """Publish pairs, 25 per second, until `cut`."""
        self.cut()
        self._stop.clear()

        def run() -> None:
            while not self._stop.wait(every_s):
                self.show(raw, enhanced, only_raw=only_raw)

        self._camera = threading.Thread(target=run, name="test-camera")
        self._camera.start()

    def cut(self) -> None:
        self._stop.set()
        if self._camera is not None:
            self._camera.join()
            self._camera = None

    def close(self) -> None:
        self.cut()
        self.sink.close()
