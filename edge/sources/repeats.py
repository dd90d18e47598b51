"""A camera that hangs and gives one picture again and again, each time as if it were new."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge.basics.errors import CameraLost
from edge.frames.frame import Frame

REPEATED_NS = 2_000_000_000
_STEP_PX = 8


class RepeatGuard:
    """Tells a repeated picture by its pixels: noise makes no two pictures of a sensor equal.

    A covered lens may give the same black again and again; a picture of one colour is never taken for a repeat.

    Args:
        name: of the camera, for the message.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._sample: NDArray[np.uint8] | None = None
        self._first_ns = 0

    def checked(self, frame: Frame) -> Frame:
        """The frame; a repeated one with the time at which its picture first came, so that it ages.

        Raises:
            CameraLost: the same picture for two seconds; opening the camera again may help.
        """
        sample = frame.image[::_STEP_PX, ::_STEP_PX].copy()
        is_repeat = self._sample is not None and np.array_equal(sample, self._sample) and sample.min() < sample.max()
        if not is_repeat:
            self._sample, self._first_ns = sample, frame.t_capture_ns
            return frame
        if frame.t_capture_ns - self._first_ns > REPEATED_NS:
            self._sample = None
            raise CameraLost(f"{self._name}: the camera repeats one picture")
        return replace(frame, t_capture_ns=self._first_ns)
