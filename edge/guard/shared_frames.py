"""Frames in memory that two processes see: what the runtime captures, the engine's process reads without a copy."""

from __future__ import annotations

import mmap
import os
from collections import deque

import numpy as np
from numpy.typing import NDArray

from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.image import Image

NUM_FRAMES = 32
"""200 MB, of which only what was ever used takes memory.

All that capture, slots, a freeze and the saver hold at once.
"""
NUM_KEPT = 6
FRAME_BYTES = int(np.prod(FRAME_SHAPE))
SLOT_BYTES = -(-FRAME_BYTES // mmap.PAGESIZE) * mmap.PAGESIZE


class _Lease:
    """Owns a lent frame's memory for numpy; when the last view of it is gone, the frame can be lent again."""

    __slots__ = ("__array_interface__", "_free", "_index", "_memory")

    def __init__(self, memory: NDArray[np.uint8], index: int, free: deque[int]) -> None:
        self.__array_interface__ = memory.__array_interface__
        self._memory, self._index, self._free = memory, index, free

    def __del__(self) -> None:
        self._free.append(self._index)


class SharedFrames:
    """Frames, RGB uint8 (1080, 1920, 3), in an anonymous file that is handed to another process by its descriptor.

    `take` may be called from any thread.

    Args:
        descriptor: from the process that made the frames; None makes new ones.
    """

    def __init__(self, descriptor: int | None = None, num_frames: int = NUM_FRAMES) -> None:
        if descriptor is None:
            descriptor = os.memfd_create("edge-frames")
            os.ftruncate(descriptor, num_frames * SLOT_BYTES)
        self.descriptor = descriptor
        self.num_frames = num_frames
        self._mapping = mmap.mmap(descriptor, num_frames * SLOT_BYTES)
        self._all = np.frombuffer(self._mapping, np.uint8).reshape(num_frames, SLOT_BYTES)
        self._first_address = int(self._all.__array_interface__["data"][0])
        self._free = deque(range(num_frames))

    def frame(self, index: int) -> Image:
        """A view of one frame."""
        return self._all[index, :FRAME_BYTES].reshape(FRAME_SHAPE)

    def lend(self) -> Image | None:
        """As `take`, for who can do without one: the last few stay for the engine's answers."""
        return self.take() if len(self._free) > NUM_KEPT else None

    def take(self) -> Image | None:
        """A frame to write into; None where all are in use. It comes back by itself when nothing refers to it."""
        try:
            index = self._free.pop()  # the last one back is the one that the caches still know
        except IndexError:
            return None
        return np.asarray(_Lease(self.frame(index), index, self._free))

    def copied(self, image: Image) -> Image | None:
        """The same pixels in a frame of these; None where all are in use."""
        frame = self.take()
        if frame is not None:
            np.copyto(frame, image)
        return frame

    def index_of(self, image: Image) -> int | None:
        """Which frame an image is, None where it lies elsewhere."""
        if image.shape != FRAME_SHAPE or not image.flags.c_contiguous:
            return None
        index, rest = divmod(int(image.__array_interface__["data"][0]) - self._first_address, SLOT_BYTES)
        return index if rest == 0 and 0 <= index < self.num_frames else None

    def close(self) -> None:
        """Let go of the descriptor; the memory stays for as long as a frame of it is held."""
        os.close(self.descriptor)
