"""Frames in memory that two processes see: what the runtime captures, the engine's process reads without a copy."""

from __future__ import annotations

import fcntl
import os

import numpy as np

from edge.frames.shared_pool import Bytes, SharedPool
from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.image import Image

NUM_FRAMES = 20
"""Of each sort: 250 MB, of which only what was ever used takes memory.

All that capture, slots, a freeze and the saver hold at once.
"""
NUM_KEPT = 2
FRAME_BYTES = int(np.prod(FRAME_SHAPE))


class SharedFrames:
    """Frames, RGB uint8 (1080, 1920, 3), in anonymous files that are handed to another process by their descriptors.

    There are two sorts: raw ones, which are captured, and made ones, which an engine answers with. An engine on the CPU
    gets the raw ones to read alone: whatever it does, raw is what the camera gave.

    `take` and `lend` may be called from any thread.

    Args:
        num_frames: of each sort.
        descriptors: of the raw and the made ones, from the process that made them; None makes new ones.
    """

    def __init__(self, num_frames: int = NUM_FRAMES, descriptors: tuple[int, int] | None = None) -> None:
        raw, made = descriptors or (None, None)
        is_writable = raw is None or fcntl.fcntl(raw, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR
        self._raw = SharedPool(FRAME_BYTES, num_frames, raw, is_writable)
        self._made = SharedPool(FRAME_BYTES, num_frames, made)
        self._to_read = os.open(f"/proc/self/fd/{self._raw.descriptor}", os.O_RDONLY) if descriptors is None else None
        self.num_each = num_frames

    def descriptors(self, may_write_raw: bool) -> tuple[int, int]:
        """What another process makes the same frames of; a GPU's driver locks none that it may not write."""
        raw = self._raw.descriptor if may_write_raw or self._to_read is None else self._to_read
        return raw, self._made.descriptor

    @property
    def raw_descriptor(self) -> int:
        """See `edge.frames.shared_pool.SharedMemory`."""
        return self._raw.descriptor

    @property
    def raw_bytes(self) -> int:
        """See `edge.frames.shared_pool.SharedMemory`."""
        return self._raw.num_bytes

    def offset_of(self, image: Image) -> int | None:
        """See `edge.frames.shared_pool.SharedMemory`."""
        index = self._raw.index_of(image)
        return None if index is None else index * self._raw.slot_bytes

    @property
    def all_frames(self) -> list[Image]:
        """A view of each."""
        return [self.frame(index) for index in range(2 * self.num_each)]

    def frame(self, index: int) -> Image:
        """A view of one frame: the raw ones are counted first."""
        pool, at = (self._raw, index) if index < self.num_each else (self._made, index - self.num_each)
        return pool.piece(at).reshape(FRAME_SHAPE)

    def lend(self) -> Image | None:
        """A raw frame to write into; None where all but the last few are in use, which stay for `copied`."""
        return _frame_of(self._raw.take()) if len(self._raw.free) > NUM_KEPT else None

    def take(self) -> Image | None:
        """A made frame; None where all are in use. It comes back by itself when nothing refers to it."""
        return _frame_of(self._made.take())

    def copied(self, image: Image) -> Image | None:
        """The same pixels in a raw frame; None where all are in use."""
        frame = _frame_of(self._raw.take())
        if frame is not None:
            np.copyto(frame, image)
        return frame

    def index_of(self, image: Image) -> int | None:
        """Which frame an image is, None where it lies elsewhere."""
        if image.shape != FRAME_SHAPE or not image.flags.c_contiguous:
            return None
        if (index := self._raw.index_of(image)) is not None:
            return index
        index = self._made.index_of(image)
        return None if index is None else index + self.num_each

    def close(self) -> None:
        """Let go of the descriptors; the memory stays for as long as a frame of it is held."""
        for descriptor in (self._raw.descriptor, self._made.descriptor, self._to_read):
            if descriptor is not None:
                os.close(descriptor)


def _frame_of(piece: Bytes | None) -> Image | None:
    return None if piece is None else piece.reshape(FRAME_SHAPE)
