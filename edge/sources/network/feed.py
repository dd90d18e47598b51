"""What a network camera's protocol gives to the source that reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edge.basics.errors import CameraLost
from edge.pictures.image import Image
from edge.sources.judgement import Fault


@dataclass(frozen=True, slots=True)
class Received:
    """A picture that has come, not yet judged.

    Attributes:
        content: a JPEG as it came, or a decoded picture RGB uint8 (height_px, width_px, 3).
        seq: counts what the camera gave, lost pictures too.
        taken_ns: when it was taken, on the clock of `time.monotonic_ns()`, as far as anything tells.
        arrived_ns: when its last byte came.
    """

    content: bytes | Image
    seq: int
    taken_ns: int | None
    arrived_ns: int


class Give(Protocol):
    """Where a feed puts what comes; never waits."""

    def picture(self, received: Received) -> None: ...

    def fault(self, fault: Fault) -> None:
        """A picture that came broken or in parts."""
        ...

    def skipped(self) -> None:
        """A picture that was let go because a newer one had come already."""
        ...


class FeedEnded(CameraLost):
    """The camera hung up, fell silent or sent what cannot be read; its own words or the fact."""


class Feed(Protocol):
    """A connection to a camera that was asked for its stream and said yes."""

    @property
    def granted(self) -> str:
        """What it gives, in words."""
        ...

    def run(self, give: Give) -> None:
        """Read until the end, in a thread of its own.

        Raises:
            FeedEnded: always, except after `close`.
        """
        ...

    @property
    def patience_s(self) -> float:
        """How long its first picture may take."""
        ...

    def about_clock(self) -> str:
        """What tells the age of its pictures, in words."""
        ...

    def close(self) -> None:
        """Hang up; ends a running `run`. Safe to call twice."""
        ...
