"""Guided x4 on the CPU: the host form of the step that the graph defines (`trainer/networks/guided.py`).

The graph works out a slope and an intercept at 480x270; here they meet the camera's pixels in strips that stay in
the cache, in 8-bit and float OpenCV calls. `edge.engines.passes` does the same in C where that was built. One test
holds every form to the same pixels within 1/255.
"""

from __future__ import annotations

from concurrent.futures import Executor, wait
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.geometry import SCALE
from edge.pictures.image import Image

ACTIVITY_ROW = 1
STRIP_ROWS = 18
"""Rows of the network's picture per strip.

18 make 1.6 MB of float32 at 1080p, which one core's L2 and its share of L3 hold.
"""

Map = NDArray[np.float32]
_SUM_OF_CELL = np.ones((1, 3 * SCALE), np.float32)


class Passes(Protocol):
    """What is done to every pixel of a frame, RGB uint8 (H, W, 3), before and after the network."""

    @property
    def name(self) -> str:
        """Which form it is, for a person."""
        ...

    def shrink(self, image: Image) -> tuple[Image, NDArray[np.uint8]]:
        """What the network is given, in memory that is kept: the next call overwrites it.

        Returns:
            4x4 means, rounded half to even, uint8 (H / 4, W / 4, 3); and how much neighbours differ inside each cell,
            from its row `ACTIVITY_ROW`, saturated at 255, uint8 (H / 4, W / 4).
        """
        ...

    def carry(self, image: Image, slope: Map, intercept: Map, out: Image | None = None) -> Image:
        """up(slope) * image + up(intercept), rounded and saturated.

        Args:
            slope, intercept: float32 (H / 4, W / 4, 3), finite, in display levels.
            out: where to put it; a new array by default.

        Returns:
            RGB uint8 (H, W, 3).
        """
        ...


class OpenCvPasses:
    """Implements `Passes` by OpenCV's calls."""

    name = "OpenCV"

    def __init__(self, pool: Executor, num_threads: int) -> None:
        self._pool = pool
        self._num_threads = max(1, num_threads)
        self._room = _Room(0, 0, 0)

    def shrink(self, image: Image) -> tuple[Image, NDArray[np.uint8]]:
        height, width = image.shape[0] // SCALE, image.shape[1] // SCALE
        room = self._room_for(height, width)
        cv2.resize(image, (width, height), dst=room.shrunk, interpolation=cv2.INTER_AREA)
        rows = image[ACTIVITY_ROW::SCALE]
        cv2.absdiff(rows[:, 1:], rows[:, :-1], dst=room.steps[:, :-1])
        cv2.transform(room.steps.reshape(height, width, 3 * SCALE), _SUM_OF_CELL, dst=room.activity)
        return room.shrunk, room.activity

    def carry(self, image: Image, slope: Map, intercept: Map, out: Image | None = None) -> Image:
        out = np.empty_like(image) if out is None else out
        room = self._room_for(*slope.shape[:2])
        starts = list(range(0, slope.shape[0], STRIP_ROWS))
        share = -(-len(starts) // self._num_threads)
        parts = [starts[i : i + share] for i in range(0, len(starts), share)]
        jobs = [
            self._pool.submit(_carry_strips, image, slope, intercept, out, part, buffers)
            for part, buffers in zip(parts[1:], room.maps_up[1:], strict=False)
        ]
        _carry_strips(image, slope, intercept, out, parts[0], room.maps_up[0])
        wait(jobs)
        for job in jobs:
            job.result()
        return out

    def _room_for(self, height: int, width: int) -> _Room:
        if self._room.activity.shape != (height, width):
            self._room = _Room(height, width, self._num_threads)
        return self._room


class _Room:
    """Memory for what is made of one size of picture on the way, in cells of 4x4 px.

    Attributes:
        steps: of the neighbours in a row; past the right edge nothing differs.
        maps_up: a strip of both maps at the frame's size, for each thread.
    """

    def __init__(self, height: int, width: int, num_threads: int) -> None:
        self.shrunk = np.empty((height, width, 3), np.uint8)
        self.activity = np.empty((height, width), np.uint8)
        self.steps = np.zeros((height, width * SCALE, 3), np.uint8)
        self.maps_up = np.empty((num_threads, 2, (STRIP_ROWS + 2) * SCALE, width * SCALE, 3), np.float32)


def _carry_strips(
    image: Image, slope: Map, intercept: Map, out: Image, starts: list[int], buffers: NDArray[np.float32]
) -> None:
    height, width = slope.shape[:2]
    for start in starts:
        end = min(start + STRIP_ROWS, height)
        above, below = max(start - 1, 0), min(end + 1, height)  # one row more on each side, as bilinear needs
        size = (width * SCALE, (below - above) * SCALE)
        skip = (start - above) * SCALE
        rows = slice(skip, skip + (end - start) * SCALE)
        slope_up, intercept_up = (
            cv2.resize(maps[above:below], size, dst=buffer[: size[1]], interpolation=cv2.INTER_LINEAR)[rows]
            for maps, buffer in zip((slope, intercept), buffers, strict=True)
        )
        frame_rows = slice(start * SCALE, end * SCALE)
        cv2.multiply(image[frame_rows], slope_up, dst=slope_up, dtype=cv2.CV_32F)
        cv2.add(slope_up, intercept_up, dst=out[frame_rows], dtype=cv2.CV_8U)
