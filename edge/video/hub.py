"""Who looks at coded video, the process that codes it, and what becomes of both when it fails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.basics.errors import DeviceMissing
from edge.video.child import PACKAGES_NEEDED, VideoChild
from edge.video.listening import Coded, Listener, NoVideo
from edge.video.picture import MAX_BYTES, VIDEO_VIEWS, VideoView

log = logging.getLogger(__name__)

IDLE_S = 30.0
"""A process that nobody has needed for so long is ended."""
NUM_SLOTS = 2
"""Pictures of a view on their way: one is coded, one waits; an encoder that gives one for the next needs both."""
_STUCK_S = 10.0
_BACKOFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_WELL_AFTER_S = 60.0


class Hub:
    """Safe to call from any thread. `tend` is called ten times a second by the one that feeds pictures.

    Args:
        encoder: `auto`, or the name of one.
    """

    def __init__(
        self,
        encoder: str = "auto",
        make_child: Callable[[int, Callable[[dict[str, Any], bytes], None]], VideoChild] = VideoChild,
    ) -> None:
        self._encoder, self._make_child = encoder, make_child
        self._lock = threading.Lock()
        self._child: VideoChild | None = None
        self._hello: dict[str, Any] | None = None
        self._why = ""
        self._listeners: dict[str, Listener] = {}
        self._sent: dict[str, list[float]] = {view: [] for view in VIDEO_VIEWS}
        self._num_painted = dict.fromkeys(VIDEO_VIEWS, 0)
        self._unserved: set[str] = set()
        self._losses: dict[str, float] = {}
        self._needed_s = -IDLE_S
        self._num_failures, self._failed_s, self._begun_s = 0, -_BACKOFF_S[-1], 0.0
        self.is_closed = False

    # ---- what is there

    def need(self) -> None:
        """Somebody may look soon: start the process, keep it for a while."""
        self._needed_s = time.monotonic()

    @property
    def is_starting(self) -> bool:
        """Whether it is worth waiting for: it has been asked for, and has not failed."""
        return self._hello is None and not self._why

    @property
    def lacks(self) -> str:
        """Why WebRTC cannot be had, as far as is known; empty where it can."""
        hello = self._hello
        if hello is None:
            return self._why or "the video process starts"
        if hello["webrtc_lacks"]:
            return f"GStreamer has no {', '.join(hello['webrtc_lacks'])}: apt-get install {PACKAGES_NEEDED}"
        return self._lacks_encoder(hello)

    @property
    def lacks_coding(self) -> str:
        """Why nothing can be coded; empty where it can."""
        hello = self._hello
        return (self._why or "the video process starts") if hello is None else self._lacks_encoder(hello)

    @property
    def encoder(self) -> str:
        """The one that is used; empty before that is known."""
        known = [] if self._hello is None else self._hello["encoders"]
        return self._encoder if self._encoder in known else known[0] if known and self._encoder == "auto" else ""

    @property
    def process_id(self) -> int:
        """Of the video process; 0 where none runs."""
        child = self._child
        return 0 if child is None else child.process_id

    def num_viewers(self) -> int:
        return len(self._listeners)

    def record(self) -> dict[str, Any]:
        """What `/health` tells."""
        with self._lock:
            views = [listener.view for listener in self._listeners.values()]
        told = {view: views.count(view) for view in VIDEO_VIEWS if view in views}
        return {"encoder": self.encoder, "viewers": told, "reason": self._why}

    # ---- who looks

    def begin(self, name: str, listener: Listener) -> None:
        """Somebody looks from now on; the next picture of the view can be decoded alone.

        Raises:
            NoVideo: nothing can be coded.
        """
        self.need()
        with self._lock:
            child = self._child
            if child is None or self._hello is None:
                raise NoVideo(self.lacks_coding)
            self._listeners[name] = listener
            self._unserved.add(listener.view)
        child.tell({"kind": "whole", "view": listener.view})

    def ask_whole(self, view: VideoView) -> None:
        """Somebody has lost something: the next picture can be decoded alone."""
        if (child := self._child) is not None:
            child.tell({"kind": "whole", "view": view})

    def offer(self, name: str, told: dict[str, Any]) -> None:
        """Hand a WebRTC viewer that has begun to the process."""
        child, listener = self._child, self._listeners.get(name)
        if child is not None and listener is not None:
            child.tell({"kind": "offer", "peer": name, "view": listener.view, **told})

    def end(self, name: str) -> None:
        """Somebody looks no more; nothing is told to them."""
        with self._lock:
            listener = self._listeners.pop(name, None)
            self._losses.pop(name, None)
            is_last = listener is not None and all(one.view != listener.view for one in self._listeners.values())
        if listener is None or (child := self._child) is None:
            return
        self.need()
        if listener.on_coded is None:
            child.tell({"kind": "end", "peer": name})
        if is_last:
            child.tell({"kind": "stop", "view": listener.view})
            self._sent[listener.view].clear()

    def loss_of(self, name: str) -> float | None:
        """Share of packets that a WebRTC viewer missed lately, as it says."""
        return self._losses.get(name)

    def losses_of(self, view: VideoView) -> list[float]:
        """What every WebRTC viewer of a view says that it missed."""
        with self._lock:
            names = [name for name, listener in self._listeners.items() if listener.view == view]
        losses = self._losses
        return [losses[name] for name in names if name in losses]

    # ---- pictures

    def wanted(self, only_unserved: bool) -> tuple[VideoView, ...]:
        """Views that are looked at, and for which there is room; or those that somebody waits for."""
        with self._lock:
            views = {listener.view for listener in self._listeners.values()}
            chosen = views & self._unserved if only_unserved else views
            return tuple(view for view in VIDEO_VIEWS if view in chosen and len(self._sent[view]) < NUM_SLOTS)

    def room(self, view: VideoView) -> tuple[NDArray[np.uint8], int] | None:
        """Memory for the next picture of a view and where it begins; None where there is no process."""
        child = self._child
        if child is None or child.is_gone:
            return None
        begin = (VIDEO_VIEWS.index(view) * NUM_SLOTS + self._num_painted[view] % NUM_SLOTS) * MAX_BYTES
        return child.pictures[begin : begin + MAX_BYTES], begin

    def picture(self, view: VideoView, told: dict[str, Any]) -> None:
        """A picture lies in its room."""
        child = self._child
        with self._lock:
            if child is None or all(one.view != view for one in self._listeners.values()):
                return
            self._num_painted[view] += 1
            self._sent[view].append(time.monotonic())
            self._unserved.discard(view)
        child.tell({"kind": "picture", "view": view, **told})

    def tell(self, told: dict[str, Any]) -> None:
        if (child := self._child) is not None:
            child.tell(told)

    # ---- the process

    def tend(self) -> None:
        """Start it where it is needed, end it where it hangs or is needed no more."""
        now_s, child = time.monotonic(), self._child
        if child is not None:
            stuck = any(sent and now_s - sent[0] > _STUCK_S for sent in self._sent.values())
            if child.is_hung or stuck:
                self._why = "the video process hung and was ended" if child.is_hung else "the encoder gave nothing"
                child.close()
            elif self._listeners:
                self.need()
            elif now_s - self._needed_s > IDLE_S:
                self._forget(child)
                child.close()
            return
        if now_s - self._needed_s > IDLE_S or now_s - self._failed_s < self._pause_s() or self.is_closed:
            return
        self._begun_s = now_s
        try:
            self._child = self._make_child(len(VIDEO_VIEWS) * NUM_SLOTS * MAX_BYTES, self._on_message)
        except DeviceMissing as error:
            self._fail(str(error))

    def close(self) -> None:
        self.is_closed = True
        child = self._child
        if child is not None:
            self._forget(child)
            child.close()
        self._end_all("the unit ends")

    def _pause_s(self) -> float:
        return _BACKOFF_S[min(self._num_failures, len(_BACKOFF_S)) - 1] if self._num_failures else 0.0

    def _forget(self, child: VideoChild) -> None:
        """Its end is no failure."""
        self._child, self._hello, self._why = None, None, ""

    def _fail(self, why: str) -> None:
        now_s = time.monotonic()
        if now_s - self._begun_s > _WELL_AFTER_S:
            self._num_failures = 0
        self._num_failures, self._failed_s = self._num_failures + 1, now_s
        level = logging.WARNING if self._num_failures == 1 or self._why != why else logging.DEBUG
        self._why = why
        log.log(level, "video: %s", why)

    def _end_all(self, why: str) -> None:
        with self._lock:
            listeners = list(self._listeners.values())
            self._listeners.clear()
            self._losses.clear()
            for sent in self._sent.values():
                sent.clear()
        for listener in listeners:
            listener.on_ended(why)

    def _lacks_encoder(self, hello: dict[str, Any]) -> str:
        if self.encoder:
            return ""
        known = ", ".join(hello["encoders"]) or "none"
        package = "apt-get install gstreamer1.0-plugins-ugly"
        return f"GStreamer has no H.264 encoder for video.encoder = {self._encoder!r} (it has {known}): {package}"

    def _on_message(self, told: dict[str, Any], blob: bytes) -> None:
        """In the thread that reads a child."""
        kind = told.get("kind")
        if kind == "coded":
            self._coded(Coded(told["view"], blob, told["t_ns"], told["whole"]))
        elif kind == "hello":
            self._hello, self._why = told, ""
            log.info("video: GStreamer %s, encoder %s", told["version"], self.encoder or "none")
        elif kind == "alive":
            self._losses = told["losses"]
        elif kind == "answer":
            if (listener := self._listeners.get(told["peer"])) is not None:
                listener.on_answer(told["sdp"])
        elif kind == "ended":
            self._ended(told["peer"], told["why"])
        elif kind == "failed":
            self._why = f"{told['view']}: {told['why']}"
            if (child := self._child) is not None:
                child.close()  # what is told about its end says why
        elif kind == "gone":
            self._gone()

    def _coded(self, coded: Coded) -> None:
        with self._lock:
            if sent := self._sent[coded.view]:
                sent.pop(0)
            takers = [one.on_coded for one in self._listeners.values() if one.view == coded.view and one.on_coded]
        for take in takers:
            take(coded)

    def _ended(self, name: str, why: str) -> None:
        with self._lock:
            listener = self._listeners.get(name)
        if listener is not None:
            log.info("video: a WebRTC viewer has gone: %s", why)
            self.end(name)
            listener.on_ended(why)

    def _gone(self) -> None:
        child = self._child
        if child is None:  # its end was asked for
            return
        why = self._why or child.why_gone
        self._child = self._hello = None
        self._fail(why)
        self._end_all(f"the video process ended: {why}")
