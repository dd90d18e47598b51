"""The process that shows pictures on a screen, as this one sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from edge.basics.errors import DeviceMissing
from edge.frames.shared_pool import SharedPool
from edge.gstreamer.child import GstChild, Message
from edge.gstreamer.program import no_gstreamer
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_SHAPE, FRAME_WIDTH_PX
from edge.pictures.image import Image

COVER_AFTER_MS = 600
"""Without a new picture for so long the screen is covered, whatever this process does."""
FRESH_MS = 400
"""A picture that took longer from here to there is not shown."""
OPENING_S = 30.0
HUNG_S = 1.0
SINKS = ("waylandsink", "nv3dsink", "ximagesink", "nvdrmvideosink", "kmssink")
"""Tried in this order: a desktop's, then those that need none."""
_NUM_PICTURES = 3
_LOOK_S = 0.05
_FRAME_BYTES = FRAME_HEIGHT_PX * FRAME_WIDTH_PX * 3


class ScreenLost(DeviceMissing):
    """No screen, or none any more."""


class Screen:
    """One screen; all calls but `close` come from one thread.

    Args:
        sinks: to be tried, in this order.
        draw_cover: draws what is shown when no pictures come.

    Raises:
        DeviceMissing: none works; says why of each.
    """

    def __init__(self, sinks: Sequence[str], draw_cover: Callable[[Image], None]) -> None:
        self._pool = SharedPool(_FRAME_BYTES, _NUM_PICTURES)
        self._own: SharedPool | None = self._pool
        self._pictures = [self._pool.piece(index).reshape(FRAME_SHAPE) for index in range(_NUM_PICTURES)]
        draw_cover(self._pictures[0])
        self._next = 1
        self._sent: tuple[int, int] | None = None
        self.sink = ""
        try:
            self._child = GstChild("screen.py", "display")
        except DeviceMissing:
            self._pool.close()
            raise
        try:
            self._open(sinks)
        except BaseException:
            self.close()
            raise

    @property
    def child_pid(self) -> int:
        return self._child.pid

    def picture(self) -> Image:
        """Where the next picture is to be drawn, RGB uint8 (1080, 1920, 3)."""
        return self._pictures[self._next]

    def show(self) -> None:
        """Show what was drawn into `picture`; the one before must have been shown."""
        assert self._sent is None, "one at a time"
        now_ns = time.monotonic_ns()
        self._sent = (self._next * self._pool.slot_bytes, now_ns)
        self._child.send({"is": "show", "offset": self._sent[0], "made_ns": now_ns})
        self._next = self._next % (_NUM_PICTURES - 1) + 1

    def wait_shown(self) -> int | None:
        """Wait until nothing is on its way; `time.monotonic_ns()` when it was shown, None where nothing was.

        Raises:
            ScreenLost: the process ended, hangs, or its sink failed.
        """
        while self._sent is not None:
            message = self._child.receive(_LOOK_S)
            if message is not None:
                self._refuse_failed(message)
                if message["is"] == "shown" and message.get("offset") == self._sent[0]:
                    self._sent, shown_ns = None, message.get("shown_ns")
                    return shown_ns if isinstance(shown_ns, int) else None
            elif time.monotonic_ns() - self._sent[1] > HUNG_S * 1e9:
                raise ScreenLost(f"{self.sink} has shown nothing for {HUNG_S:.0f} s")
        return None

    def close(self) -> None:
        """End it; the screen goes dark or back to what was there before. Safe to call twice, and from any thread."""
        self._child.close()
        pool, self._own = self._own, None
        if pool is not None:
            pool.close()

    def _open(self, sinks: Sequence[str]) -> None:
        order = {
            "is": "open", "sinks": list(sinks), "width": FRAME_WIDTH_PX, "height": FRAME_HEIGHT_PX, "cover": 0,
            "num_bytes": self._pool.num_bytes, "cover_after_ms": COVER_AFTER_MS, "fresh_ms": FRESH_MS,
        }  # fmt: skip
        self._child.send(order, self._pool.descriptor)
        deadline = time.monotonic() + OPENING_S
        while time.monotonic() < deadline:
            message = self._child.receive(_LOOK_S)
            if message is None:
                continue
            self._refuse_failed(message)
            if message["is"] == "ready" and message.get("sink") in sinks:
                self.sink = str(message["sink"])
                return
        raise ScreenLost(f"no screen within {OPENING_S:.0f} s")

    def _refuse_failed(self, message: Message) -> None:
        if message["is"] != "failed":
            return
        if message.get("why") == "absent":
            raise no_gstreamer(str(message.get("reason", "")))
        raise ScreenLost(f"no screen ({message.get('reason', '')}); plug one in, or name another with [display] sink")
