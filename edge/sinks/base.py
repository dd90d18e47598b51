"""What a sink of frames is."""

from __future__ import annotations

from typing import Protocol

from edge.frame import FramePair


class Sink(Protocol):
    """A web page, a display, a recorder. Works in a thread of its own."""

    def start(self) -> None:
        """Open what the sink needs and start its thread; raises an EdgeError where that fails."""
        ...

    def publish(self, pair: FramePair) -> None:
        """Hand over the newest pair; never waits. A pair not yet used is replaced."""
        ...

    def close(self) -> None:
        """End the thread within a second; safe to call twice."""
        ...
