"""One turn of an encoder: from a new pair, or none, to pictures of the views that somebody looks at."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from edge.frames.frame import FramePair
from edge.health.record import Health
from edge.health.state import Verdict
from edge.web.showing import Showing
from edge.web.views import Picture, View, ViewEncoder


@dataclass(frozen=True, slots=True)
class Desk:
    """What an encoder works from, and where its pictures go.

    Attributes:
        shown: the pair that is shown, and whether it is held still.
        views: those that this encoder makes and somebody waits for: all, or with True those that somebody has had
            no picture of.
        quality: of JPEGs.
    """

    health: Health
    shown: Callable[[], tuple[FramePair | None, bool]]
    views: Callable[[bool], tuple[View, ...]]
    quality: Callable[[], int]
    deliver: Callable[[View, Picture], None]


class Encoding:
    """New pairs at once; pictures that are not live again and again, so that their age counts up.

    Only for who waits: a viewer that asks between two pairs has the newest one made when it asks, and one that does
    not ask has none made.
    """

    def __init__(self, desk: Desk, encoder: ViewEncoder) -> None:
        self._desk, self._encoder = desk, encoder
        self._showing, self._number = Showing(desk.health, desk.shown), 0
        self._made: dict[View, int] = {}

    def turn(self, is_new: bool) -> bool:
        """Encode what is due; whether anything was.

        Args:
            is_new: a pair has come that was not shown yet.
        """
        moment = self._showing.now(is_new)
        self._number += moment.is_due
        unserved = self._desk.views(True)
        due = [view for view in self._desk.views(False) if view in unserved or self._made.get(view) != self._number]
        self._made = {view: number for view, number in self._made.items() if number == self._number}
        for view in due:
            self._desk.deliver(view, self._encoded(view, moment.pair, moment.verdict))
            self._made[view] = self._number
        return bool(due)

    def _encoded(self, view: View, shown: FramePair | None, verdict: Verdict) -> Picture:
        """The encoded view; made again where a LIVE picture has become too old for that word meanwhile."""
        quality = self._desk.quality()
        picture = self._encoder.encoded(view, shown, verdict, quality)
        if picture.is_outlived(now_ns := time.monotonic_ns()):
            verdict = self._desk.health.verdict(now_ns, picture.t_capture_ns)
            picture = self._encoder.encoded(view, shown, verdict, quality)
        return picture
