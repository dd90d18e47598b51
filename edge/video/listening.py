"""What goes to those who look at coded video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge.basics.errors import EdgeError
from edge.video.picture import VideoView


class NoVideo(EdgeError):
    """Coded video cannot be had now; says why."""


@dataclass(frozen=True, slots=True)
class Coded:
    """An access unit, Annex B.

    Attributes:
        t_ns: `time.monotonic_ns()` when the camera took a live picture; when it was sent for any other.
        is_whole: it can be decoded alone.
    """

    view: VideoView
    unit: bytes
    t_ns: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Listener:
    """What is called, in a thread of the hub's own, for one who looks; neither may wait.

    Attributes:
        on_coded: with each access unit; None for a viewer whom the process itself serves.
        on_answer: with the SDP for a WebRTC viewer.
        on_ended: once, in words; after that nothing comes.
    """

    view: VideoView
    on_ended: Callable[[str], None]
    on_coded: Callable[[Coded], None] | None = None
    on_answer: Callable[[str], None] = lambda sdp: None
