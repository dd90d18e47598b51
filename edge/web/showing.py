"""What is to be shown at this moment, and whether it differs from what was shown last: one answer for every way out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from edge.frames.frame import FramePair
from edge.health.record import Health
from edge.health.state import Verdict
from edge.web.views import RESTAMP_S, status_of


@dataclass(frozen=True, slots=True)
class Moment:
    """Attributes: is_due: it was not shown yet, or is not live and must say anew how old it is."""

    pair: FramePair | None
    verdict: Verdict
    is_due: bool

    @property
    def taken_ns(self) -> int | None:
        return None if self.pair is None else self.pair.enhanced.t_capture_ns


class Showing:
    """For one thread.

    Args:
        shown: the pair that is shown, None before the first, and whether it is held still.
    """

    def __init__(self, health: Health, shown: Callable[[], tuple[FramePair | None, bool]]) -> None:
        self._health, self._shown = health, shown
        self._state, self._since_ns = "", 0

    def now(self, is_new: bool) -> Moment:
        """Judge what is shown now.

        Args:
            is_new: a pair has come that was not shown yet.
        """
        now_ns = time.monotonic_ns()
        pair, is_frozen = self._shown()
        taken_ns = None if pair is None else pair.enhanced.t_capture_ns
        verdict = self._health.verdict(now_ns, taken_ns, frozen=is_frozen)
        state = status_of(None if pair is None else pair.enhanced, verdict).state
        has_aged = state != "live" and (state != self._state or now_ns - self._since_ns >= RESTAMP_S * 1e9)
        is_due = (is_new and not is_frozen) or has_aged
        if is_due:
            self._state, self._since_ns = state, now_ns
        return Moment(pair, verdict, is_due)
