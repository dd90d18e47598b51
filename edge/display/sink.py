"""The sink that shows the live picture on a screen at the unit itself."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, Protocol

from edge.basics.errors import DeviceMissing
from edge.config import DisplayConfig
from edge.display.screen import SINKS, Screen
from edge.frames.frame import FramePair
from edge.frames.slot import Slot
from edge.health.figures import NUM_SAMPLES, Rate, quantiles
from edge.health.news import ViewChanged
from edge.health.record import Health
from edge.health.state import Verdict
from edge.pictures.image import Image, Mode

log = logging.getLogger(__name__)

TICK_S = 0.1
"""So often the banner is drawn anew while no picture comes: its age goes on, and the screen is not covered."""
BACKOFF_S = (0.5, 1.0, 2.0, 5.0)

Draw = Callable[["FramePair | None", Verdict, Mode, Image], None]
"""Draws one view of a pair with its banner into an image; None stands for no pair yet."""


class Viewing(Protocol):
    """The part of `edge.saving.freeze.Freeze` that is needed here."""

    @property
    def frozen(self) -> FramePair | None: ...

    def view(self) -> ViewChanged: ...


class DisplaySink:
    """Shows the newest pair, as the head's button says: live or frozen, enhanced or raw.

    A picture is sent when the one before has been shown, so that a slow screen is live at a lower rate. A screen that
    is lost is looked for again, for as long as the program runs; nobody else is affected.

    Args:
        draw: see `Draw`.
        open_screen: a test passes its own.
    """

    def __init__(
        self,
        config: DisplayConfig,
        health: Health,
        viewing: Viewing,
        draw: Draw,
        open_screen: Callable[[Sequence[str], Callable[[Image], None]], Screen] = Screen,
    ) -> None:
        self._sinks = SINKS if config.sink == "auto" else (config.sink,)
        self._health, self._viewing, self._draw, self._open_screen = health, viewing, draw, open_screen
        self._slot: Slot[FramePair] = Slot()
        self._stop = threading.Event()
        self._newest: FramePair | None = None
        self._screen: Screen | None = None
        self._reason = "not open yet"
        self._rate = Rate()
        self._latency_ms: deque[float] = deque(maxlen=NUM_SAMPLES)
        self._thread = threading.Thread(target=self._run, name="display", daemon=True)
        health.track("display", self.about)
        health.track_drops("display", lambda: self._slot.dropped)

    def start(self) -> None:
        """See `edge.frames.stages.Sink.start`."""
        self._thread.start()

    def publish(self, pair: FramePair) -> None:
        """See `edge.frames.stages.Sink.publish`."""
        self._slot.put(pair)

    def close(self) -> None:
        """See `edge.frames.stages.Sink.close`."""
        self._stop.set()
        self._slot.close()
        screen = self._screen
        if screen is not None:
            screen.close()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(1.0)

    def about(self) -> dict[str, Any]:
        """What `/health` tells under `display`."""
        screen = self._screen
        return {
            "sink": "" if screen is None else screen.sink,
            "reason": self._reason,
            "fps": self._rate.per_s(time.monotonic_ns()),
            "latency_ms": quantiles(list(self._latency_ms), {"p50": 0.5, "p95": 0.95}),
        }

    def _run(self) -> None:
        num_tries = 0
        while not self._stop.is_set():
            try:
                with closing(self._open_screen(self._sinks, self._draw_cover)) as screen:
                    self._found(screen)
                    num_tries = 0
                    self._show(screen)
            except DeviceMissing as error:
                self._lost(str(error))
            finally:
                self._screen = None
            self._stop.wait(BACKOFF_S[min(num_tries, len(BACKOFF_S) - 1)])
            num_tries += 1

    def _found(self, screen: Screen) -> None:
        self._screen, self._reason = screen, ""
        self._health.notice("display", "")
        log.info("display: shown by %s", screen.sink, extra={"edge_part": "display"})

    def _lost(self, reason: str) -> None:
        if self._stop.is_set():
            return
        if reason != self._reason:
            log.warning("display: %s", reason, extra={"edge_part": "display"})
        self._reason = reason
        self._health.notice("display", "the unit's own screen is lost")

    def _draw_cover(self, image: Image) -> None:
        self._draw(None, Verdict("no-signal", "the unit's program stands still"), "enhanced", image)

    def _show(self, screen: Screen) -> None:
        shown: FramePair | None = None
        while not self._stop.is_set():
            shown_ns = screen.wait_shown()
            if shown is not None and shown_ns is not None:
                self._count(shown, shown_ns)
            came = self._slot.take(TICK_S)
            if self._stop.is_set():
                return
            self._newest = came or self._newest
            frozen = self._viewing.frozen
            pair = frozen or self._newest
            taken_ns = None if pair is None else pair.raw.t_capture_ns
            verdict = self._health.verdict(time.monotonic_ns(), taken_ns, frozen=frozen is not None)
            self._draw(pair, verdict, self._viewing.view().view, screen.picture())
            screen.show()
            shown = came if frozen is None else None

    def _count(self, pair: FramePair, shown_ns: int) -> None:
        self._rate.add(shown_ns)
        self._latency_ms.append(max(0.0, (shown_ns - pair.raw.t_capture_ns) / 1e6))
        self._health.published(pair, shown_ns)
