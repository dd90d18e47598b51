"""The one judgement of frames: a source gives a picture only if it is complete, new and of known age."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

from edge.basics.errors import CameraLost
from edge.frames.frame import Frame
from edge.sources.repeats import RepeatGuard

Fault = Literal["incomplete", "damaged", "repeated", "late", "untimed", "skipped"]
"""What is wrong with a picture: bytes are missing; it does not decode without complaint, or is cut; its pixels came
before; it was old when it arrived; nothing tells when it was taken, so that its arrival counts; a newer one was there
already."""

MAX_REFUSED = 10
REPEATED_NS = 2_000_000_000
LATE_NS = 500_000_000
OLDEST_STAMP_NS = 10_000_000_000
_REFUSED: tuple[Fault, ...] = ("incomplete", "damaged")


class FrameJudge:
    """Judges what a source receives, and counts what it finds. No input or output, no clock: times are given to it.

    One for all sources of a program, the one after the other: a camera that is opened again must not give its old
    picture as a new one. A source calls `taken_ns` when a picture has arrived, `refuse` for one that it cannot decode,
    else `accept`; and `skipped` for those that it let go for a newer one.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = dict.fromkeys(get_args(Fault), 0)
        self._num_refused = 0
        self._repeats = RepeatGuard()

    def record(self) -> dict[str, int]:
        """Kind of fault -> how many were found since the program began."""
        return dict(self._counts)

    def taken_ns(self, stamp_ns: int | None, arrived_ns: int) -> int:
        """When a picture was taken, on the clock of `time.monotonic_ns()`.

        Args:
            stamp_ns: what driver or camera say, on that clock; None where they say nothing. Some run up to a frame
                ahead, so that it is clamped to the arrival; one that cannot be right counts as none.
        """
        if stamp_ns is not None and stamp_ns >= arrived_ns - OLDEST_STAMP_NS and stamp_ns < arrived_ns:
            return stamp_ns
        is_ahead = stamp_ns is not None and 0 <= stamp_ns - arrived_ns < LATE_NS
        self._counts["untimed"] += not is_ahead
        return arrived_ns

    def skipped(self, num_pictures: int) -> None:
        """Pictures that were let go because a newer one was there."""
        self._counts["skipped"] += num_pictures

    def refuse(self, camera: str, fault: Fault) -> None:
        """Count a picture that is not given.

        Raises:
            CameraLost: it is the tenth in a row; opening the camera again may help.
        """
        assert fault in _REFUSED, fault
        self._counts[fault] += 1
        self._num_refused += 1
        if self._num_refused >= MAX_REFUSED:
            self._num_refused = 0
            raise CameraLost(f"{camera}: {MAX_REFUSED} broken pictures in a row; check the camera's cable")

    def accept(self, camera: str, frame: Frame, arrived_ns: int) -> Frame:
        """The frame as it may be given; a repeated one with the time at which its picture first came, so that it ages.

        Raises:
            CameraLost: the same picture for two seconds, or still the one of before the camera was opened again.
        """
        self._num_refused = 0
        first_ns = self._repeats.first_ns(frame.image, frame.t_capture_ns)
        if first_ns != frame.t_capture_ns:
            self._counts["repeated"] += 1
            if frame.t_capture_ns - first_ns > REPEATED_NS:
                raise CameraLost(f"{camera}: the camera repeats one picture; switch it off and on")
        elif arrived_ns - frame.t_capture_ns > LATE_NS:
            self._counts["late"] += 1
        return replace(frame, t_capture_ns=first_ns)
