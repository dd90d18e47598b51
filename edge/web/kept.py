"""Pairs that somebody was answered with: each can be fetched for ten seconds more, whatever others ask meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from edge.frames.frame import FramePair
from edge.health.state import Verdict
from edge.web.limits import Pace

HOLD_S = 10.0


@dataclass(eq=False, slots=True)
class Kept:
    """A pair as it was judged when it was asked for.

    Attributes:
        address: who asked.
        until_s: so long it is kept at least.
        num_sessions: how many patient sessions had been opened or closed by then.
    """

    pair: FramePair
    verdict: Verdict
    address: str
    until_s: float
    num_sessions: int = 0


class KeptPairs:
    """As many different pairs of 12 MB as come together in `HOLD_S`, since new ones are taken at a limited rate.

    Args:
        at_once: so many may be new at any time.
        rate: after that so many a second; in between the newest stands for what is shown now.
    """

    def __init__(self, at_once: int, rate: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._pace = Pace(lambda: rate, (at_once - 1) / rate, 0.0, clock_s)
        self._clock_s = clock_s
        self._kept: list[Kept] = []

    def __len__(self) -> int:
        return len({_number(kept.pair) for kept in self._kept})

    def instead(self, num_sessions: int = 0) -> Kept | None:
        """What answers where new ones come too fast: the newest, promised for as long again; None for a new one.

        Never a picture of the patient before: where the newest is of another session, all that was promised is let go
        of, so that there is room for a new one.
        """
        if self._pace.wait_s("") is not None or not self._kept:
            return None
        newest = self._kept[-1]
        if newest.num_sessions != num_sessions:
            self._kept.clear()
            return None
        newest.until_s = self._clock_s() + HOLD_S
        return newest

    def keep(self, pair: FramePair, verdict: Verdict, address: str = "", num_sessions: int = 0) -> Kept:
        """Keep a pair as it is judged now."""
        same = [kept for kept in self._kept if _number(kept.pair) == _number(pair)]
        own = same[0].pair if same else _copied(pair)
        self._kept.append(Kept(own, verdict, address, self._clock_s() + HOLD_S, num_sessions))
        return self._kept[-1]

    def find(self, seq: str, address: str = "") -> Kept | None:
        """The pair of this number, as judged for this address, else as judged first."""
        found = [kept for kept in self._kept if str(kept.pair.raw.seq) == seq]
        return next((kept for kept in reversed(found) if kept.address == address), found[0] if found else None)

    def forget(self) -> None:
        """Let go of those that were promised for no longer; to be called now and then."""
        now_s = self._clock_s()
        self._kept = [kept for kept in self._kept if kept.until_s > now_s]


def _number(pair: FramePair) -> tuple[int, int]:
    return pair.raw.seq, pair.raw.t_capture_ns


def _copied(pair: FramePair) -> FramePair:
    """In memory of its own: what frames are shared in is for the live picture (`edge.guard.shared_frames`)."""
    raw = replace(pair.raw, image=pair.raw.image.copy())
    return FramePair(
        raw, raw if pair.enhanced is pair.raw else replace(pair.enhanced, image=pair.enhanced.image.copy())
    )
