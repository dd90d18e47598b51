"""Which frames are recorded where the camera gives more a second than is wanted."""

from __future__ import annotations

_EARLY = 0.25
"""Share of the time between two frames by which one may come early: cameras are not that regular."""


class Pace:
    """Belongs to one thread."""

    def __init__(self) -> None:
        self._due_ns = 0

    def is_due(self, taken_ns: int, fps: float) -> bool:
        """Whether a frame that was taken then is to be recorded; it counts as such."""
        gap_ns = int(1e9 / fps)
        if taken_ns < self._due_ns - gap_ns * _EARLY:
            return False
        if self._due_ns < taken_ns - gap_ns:
            self._due_ns = taken_ns  # the first one, or the first after a gap
        self._due_ns += gap_ns
        return True
