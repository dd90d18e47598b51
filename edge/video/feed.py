"""The sink that feeds the encoders: the newest pair, as often as they take one."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable

from edge.basics.threads import give_way
from edge.config import VideoConfig
from edge.frames.frame import FramePair
from edge.frames.slot import Slot
from edge.health.record import Health
from edge.video.hub import Hub
from edge.video.picture import Painter, VideoView
from edge.video.thrift import Thrift
from edge.web.showing import Showing

log = logging.getLogger(__name__)

_TICK_S = 0.1
FPS = 30
"""What encoders are told, for the sake of their rate; pictures come when they come."""
GOP = 30
_STEP_NS = 1_000_000


class VideoFeed:
    """One thread, which gives way to all others.

    Args:
        frozen: the pair that is held still; None while live.
    """

    def __init__(self, config: VideoConfig, health: Health, hub: Hub, frozen: Callable[[], FramePair | None]) -> None:
        self._config, self._hub, self._frozen = config, hub, frozen
        self._slot: Slot[FramePair] = Slot()
        self._newest: FramePair | None = None
        self._painter = Painter()
        self._showing = Showing(health, self._shown)
        self._last_ns: dict[VideoView, int] = {}
        self._thrift: defaultdict[VideoView, Thrift] = defaultdict(Thrift)
        self._spent_kbits: dict[VideoView, tuple[int, float]] = {}
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="video-feed", daemon=True)
        self._thread.start()

    def publish(self, pair: FramePair) -> None:
        self._slot.put(pair)

    def use(self, config: VideoConfig) -> None:
        """Paint and code so from the next picture on."""
        self._config = config

    def close(self) -> None:
        self._slot.close()
        self._hub.close()
        if self._thread is not None:
            self._thread.join(timeout=1.0)

    def _run(self) -> None:
        give_way()
        while not self._slot.closed:
            pair = self._slot.take(_TICK_S)
            try:
                self._hub.tend()
                self._turn(pair)
            except Exception:
                log.exception("a picture could not be given to the video process")
                time.sleep(_TICK_S)

    def _shown(self) -> tuple[FramePair | None, bool]:
        held = self._frozen()
        return held or self._newest, held is not None

    def _turn(self, pair: FramePair | None) -> None:
        """Paint what is due."""
        self._newest = pair or self._newest
        moment = self._showing.now(pair is not None)
        most_px, taken_ns = self._config.width, moment.taken_ns
        for view in self._hub.wanted(not moment.is_due):
            room = self._hub.room(view)
            if room is None:
                return
            out, at = room
            width_px, height_px, painted = self._painter.paint(view, moment.pair, moment.verdict, most_px, out)
            t_ns = taken_ns if painted == "live" and taken_ns is not None else time.monotonic_ns()
            t_ns = self._last_ns[view] = max(t_ns, self._last_ns.get(view, 0) + _STEP_NS)
            order = {
                "encoder": self._hub.encoder,
                "width_px": width_px,
                "height_px": height_px,
                "fps": FPS,
                "kbits": self._config.kbits,
                "gop": GOP,
            }
            self._spend(view)
            num_bytes = width_px * height_px * 3 // 2
            self._hub.picture(view, {"order": order, "at": at, "num_bytes": num_bytes, "t_ns": t_ns})

    def _spend(self, view: VideoView) -> None:
        """Tell the encoder what it may spend where that is not what its order says: again and again, it may be new."""
        now_s, most = time.monotonic(), self._config.kbits
        kbits = self._thrift[view].kbits(most, self._hub.losses_of(view))
        before, told_s = self._spent_kbits.get(view, (most, 0.0))
        if kbits != before or (kbits != most and now_s - told_s > 1.0):
            self._hub.tell({"kind": "kbits", "view": view, "kbits": kbits})
            self._spent_kbits[view] = kbits, now_s
