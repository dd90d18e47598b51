"""A camera that hangs and gives one picture again and again, each time as if it were new."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.pictures.image import Image

_STEP_PX = 8


class RepeatGuard:
    """Tells a repeated picture by its pixels: noise makes no two pictures of a sensor equal.

    A covered lens may give the same black again and again; a picture of one colour is never taken for a repeat.
    """

    def __init__(self) -> None:
        self._sample: NDArray[np.uint8] | None = None
        self._first_ns = 0

    def first_ns(self, image: Image, taken_ns: int) -> int:
        """When this picture first came: `taken_ns` for a new one."""
        sample = image[::_STEP_PX, ::_STEP_PX]
        is_repeat = self._sample is not None and np.array_equal(sample, self._sample) and sample.min() < sample.max()
        if not is_repeat:
            self._sample, self._first_ns = sample.copy(), taken_ns
        return self._first_ns
