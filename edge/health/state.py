"""What can be said of the unit at one moment: its parts, its engine, its newest picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.health.news import PartState

State = Literal["live", "degraded", "no-signal", "starting"]


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
    """

    profile: str = ""
    sha256: str = ""
    device: str = ""
    name: str = ""
    version: str = ""

    def record(self) -> dict[str, str]:
        """As a saved picture's sidecar names it; without what is not known."""
        facts = {"name": self.name, "version": self.version}
        known = {key: value for key, value in facts.items() if value}
        return {**known, "profile": self.profile, "sha256": self.sha256, "device": self.device}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be said about the newest picture at one moment.

    Attributes:
        state: as `/health` names it.
        reason: why it is not live, or not the profile that was asked for, in words; empty when all is well.
        stale: the picture is too old, yet the source has not been found lost.
        age_ms: since the camera took the picture; None before the first one.
        frozen: somebody holds this picture still; it does not claim to be live.
        notices: what else the viewer must know, a few words each.
        frame_fault: why the last picture could not be enhanced, while the engine counts as well.
    """

    state: State
    reason: str = ""
    stale: bool = False
    age_ms: float | None = None
    frozen: bool = False
    notices: tuple[str, ...] = ()
    frame_fault: str = ""
