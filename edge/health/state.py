"""What can be said of the unit at one moment: its parts, its engine, its newest picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.health.news import PartState
from edge.pictures.marks import SYNTHESISED

State = Literal["live", "degraded", "stale", "no-signal", "starting"]
"""The one vocabulary of banner, page, `/health` and service: live; live with less than was asked for; too old to be
live; from a source that is lost; none yet. Only a person's hand adds another, `frozen`."""
TITLES = {
    "live": "LIVE",
    "degraded": "LIVE",
    "frozen": "FROZEN",
    "stale": "STALE",
    "no-signal": "NO SIGNAL",
    "starting": "STARTING",
}
"""State -> the word that people read."""
STALE_AFTER_MS = 500.0
"""A picture older than this is not live any more (docs/physician.md)."""
NO_SIGNAL_AFTER_MS = 3000.0
"""A silent source counts as lost after this, even where nothing has reported it."""
_NS_PER_MS = 1e6


@dataclass(frozen=True, slots=True)
class PartRecord:
    """The state of one part.

    Attributes:
        reason: why it is not ok, in words; without figures that change, or each would be a transition.
        since_ns: `time.monotonic_ns()` when the state began.
    """

    state: PartState
    reason: str
    since_ns: int


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What enhances; all empty where nothing does.

    Attributes:
        sha256: of the profile's graph.
        device: where it runs, in words.
        name, version: of the profile, as its manifest has them.
        synthesises: whether it draws detail that the camera did not see (`edge.models.kinds`).
    """

    profile: str = ""
    sha256: str = ""
    device: str = ""
    name: str = ""
    version: str = ""
    synthesises: bool = False

    def record(self) -> dict[str, str]:
        """As a saved picture's sidecar names it; without what is not known."""
        facts = {"name": self.name, "version": self.version, "detail": SYNTHESISED if self.synthesises else ""}
        known = {key: value for key, value in facts.items() if value}
        return {**known, "profile": self.profile, "sha256": self.sha256, "device": self.device}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be said about the newest picture at one moment.

    Attributes:
        state: as `/health` names it.
        reason: why it is not live, or not the profile that was asked for, and what to do about it; empty when all is
            well.
        age_ms: since the camera took the picture; None before the first one.
        frozen: somebody holds this picture still; it does not claim to be live.
        notices: what else the viewer must know, a few words each.
        frame_fault: why the last picture could not be enhanced, while the engine counts as well.
    """

    state: State
    reason: str = ""
    age_ms: float | None = None
    frozen: bool = False
    notices: tuple[str, ...] = ()
    frame_fault: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the newest pictures.

    Attributes:
        arrived_ns, lag_ms: when the newest one came from the source, and how old it was then; None before the first.
        nominal_fps: of the source; 0 where it names none.
        uri: of the source.
    """

    source: PartRecord
    engine: PartRecord
    arrived_ns: int | None
    lag_ms: float
    nominal_fps: float
    uri: str = ""


def verdict_of(seen: Seen, taken_ns: int | None, now_ns: int) -> Verdict:
    """Judge a picture by when it was taken, None where there is none yet: the state machine of all that is shown."""
    # A driver's timestamp may run a frame ahead of the clock, hence the clamp.
    age_ms = None if taken_ns is None else max(0.0, (now_ns - taken_ns) / _NS_PER_MS)
    if seen.source.state == "failed":
        return Verdict("no-signal", seen.source.reason, age_ms=age_ms)
    if age_ms is None:
        return Verdict("starting", "waiting for the first picture")
    if age_ms > STALE_AFTER_MS:
        silent_ms = age_ms if seen.arrived_ns is None else (now_ns - seen.arrived_ns) / _NS_PER_MS
        if silent_ms > NO_SIGNAL_AFTER_MS:
            return Verdict("no-signal", _why_silent(seen), age_ms=age_ms)
        return Verdict("stale", _why_stale(seen, silent_ms), age_ms=age_ms)
    if seen.engine.state not in ("off", "ok") and seen.engine.reason:
        return Verdict("degraded", seen.engine.reason, age_ms=age_ms)
    return Verdict("live", age_ms=age_ms)


def _why_silent(seen: Seen) -> str:
    if seen.uri.startswith("demo:"):
        return "the demo gives no picture: this machine is too busy"
    return "the camera is silent: check its cable"


def _why_stale(seen: Seen, silent_ms: float) -> str:
    if silent_ms > STALE_AFTER_MS:
        return _why_silent(seen)
    if seen.lag_ms > STALE_AFTER_MS:
        return "the camera gives old pictures: check it and its network"
    rate = f"{seen.nominal_fps:.0f}/s" if seen.nominal_fps else "this camera"
    return f"this machine is too slow for {rate}: set a lower fps of the source, or a smaller profile"
