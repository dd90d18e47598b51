"""One turn of an encoder: from a new pair, or none, to pictures of the views that somebody looks at."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from edge.frames.frame import FramePair
from edge.health.record import Health
from edge.health.state import Verdict
from edge.web.mjpeg import is_outlived
from edge.web.views import Picture, View, ViewEncoder, status_of

_RESTAMP_NS = 500_000_000


@dataclass(frozen=True, slots=True)
class Desk:
    """What an encoder works from, and where its pictures go.

    Attributes:
        shown: the pair that is shown, and whether it is held still.
        views: those that this encoder makes: all, or with True those that somebody still waits for.
        quality: of JPEGs.
    """

    health: Health
    shown: Callable[[], tuple[FramePair | None, bool]]
    views: Callable[[bool], tuple[View, ...]]
    quality: Callable[[], int]
    deliver: Callable[[View, Picture], None]


class Encoding:
    """New pairs at once; pictures that are not live again and again, so that their age counts up."""

    def __init__(self, desk: Desk, encoder: ViewEncoder) -> None:
        self._desk, self._encoder = desk, encoder
        self._shown_state, self._shown_ns = "", 0

    def turn(self, is_new: bool) -> bool:
        """Encode what is due; whether anything was.

        Args:
            is_new: a pair has come that was not shown yet.
        """
        now_ns = time.monotonic_ns()
        shown, is_frozen = self._desk.shown()
        taken_ns = None if shown is None else shown.enhanced.t_capture_ns
        verdict = self._desk.health.verdict(now_ns, taken_ns, frozen=is_frozen)
        state = status_of(None if shown is None else shown.enhanced, verdict).state
        aged = state != "live" and (state != self._shown_state or now_ns - self._shown_ns >= _RESTAMP_NS)
        fresh = (is_new and not is_frozen) or aged
        views = self._desk.views(not fresh)
        if fresh:
            self._shown_state, self._shown_ns = state, now_ns
        for view in views:
            self._desk.deliver(view, self._encoded(view, shown, verdict))
        return bool(views)

    def _encoded(self, view: View, shown: FramePair | None, verdict: Verdict) -> Picture:
        """The encoded view; made again where a LIVE picture has become too old for that word meanwhile."""
        quality = self._desk.quality()
        picture = self._encoder.encoded(view, shown, verdict, quality)
        if is_outlived(picture, now_ns := time.monotonic_ns()):
            verdict = self._desk.health.verdict(now_ns, picture.t_capture_ns)
            picture = self._encoder.encoded(view, shown, verdict, quality)
        return picture
