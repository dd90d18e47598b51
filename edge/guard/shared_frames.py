"""Frames in memory that two processes see: what the runtime captures, the engine's process reads without a copy."""

from __future__ import annotations

import fcntl
import mmap
import os
from collections import deque

import numpy as np
from numpy.typing import NDArray

from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.image import Image

NUM_FRAMES = 20
"""Of each sort: 250 MB, of which only what was ever used takes memory.

All that capture, slots, a freeze and the saver hold at once.
"""
NUM_KEPT = 2
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
"""Nobody who has the descriptor can take memory away that the other has mapped, which would end it by SIGBUS."""
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


class _Pool:
    """Frames of one sort, in an anonymous file.

    Args:
        descriptor: from the process that made the frames; None makes new ones.
    """

    def __init__(self, num_frames: int, descriptor: int | None, is_writable: bool) -> None:
        if descriptor is None:
            descriptor = os.memfd_create("edge-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            os.ftruncate(descriptor, num_frames * SLOT_BYTES)
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        self.descriptor = descriptor
        rights = mmap.PROT_READ | mmap.PROT_WRITE if is_writable else mmap.PROT_READ
        mapping = mmap.mmap(descriptor, num_frames * SLOT_BYTES, prot=rights)
        self._all = np.frombuffer(mapping, np.uint8).reshape(num_frames, SLOT_BYTES)
        self._first_address = int(self._all.__array_interface__["data"][0])
        self.free = deque(range(num_frames))

    def frame(self, index: int) -> Image:
        return self._all[index, :FRAME_BYTES].reshape(FRAME_SHAPE)

    def take(self) -> Image | None:
        try:
            index = self.free.pop()  # the last one back is the one that the caches still know
        except IndexError:
            return None
        return np.asarray(_Lease(self.frame(index), index, self.free))

    def index_of(self, image: Image) -> int | None:
        address = int(image.__array_interface__["data"][0])
        index, rest = divmod(address - self._first_address, SLOT_BYTES)
        return index if rest == 0 and 0 <= index < len(self._all) else None


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
        self._raw, self._made = _Pool(num_frames, raw, is_writable), _Pool(num_frames, made, True)
        self._to_read = os.open(f"/proc/self/fd/{self._raw.descriptor}", os.O_RDONLY) if descriptors is None else None
        self.num_each = num_frames

    def descriptors(self, may_write_raw: bool) -> tuple[int, int]:
        """What another process makes the same frames of; a GPU's driver locks none that it may not write."""
        raw = self._raw.descriptor if may_write_raw or self._to_read is None else self._to_read
        return raw, self._made.descriptor

    @property
    def all_frames(self) -> list[Image]:
        """A view of each."""
        return [self.frame(index) for index in range(2 * self.num_each)]

    def frame(self, index: int) -> Image:
        """A view of one frame: the raw ones are counted first."""
        return self._raw.frame(index) if index < self.num_each else self._made.frame(index - self.num_each)

    def lend(self) -> Image | None:
        """A raw frame to write into; None where all but the last few are in use, which stay for `copied`."""
        return self._raw.take() if len(self._raw.free) > NUM_KEPT else None

    def take(self) -> Image | None:
        """A made frame; None where all are in use. It comes back by itself when nothing refers to it."""
        return self._made.take()

    def copied(self, image: Image) -> Image | None:
        """The same pixels in a raw frame; None where all are in use."""
        frame = self._raw.take()
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
