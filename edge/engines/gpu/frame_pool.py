"""Page-locked frames that a GPU reads and writes without a copy on the host."""

from __future__ import annotations

import contextlib
import ctypes
from collections import deque

import numpy as np
from numpy.typing import NDArray

from edge.engines.gpu.libcuda import CudaCallError, call
from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.image import Image

PAGE_BYTES = 4096
DEVICE_MAP = 2
"""CU_MEMHOSTREGISTER_DEVICEMAP: the GPU may work in the memory itself."""


class _Lease:
    """Owns a lent frame's memory for numpy; when the last view of it is gone, the frame can be lent again."""

    __slots__ = ("__array_interface__", "_free", "_memory")

    def __init__(self, memory: NDArray[np.uint8], free: deque[NDArray[np.uint8]]) -> None:
        self.__array_interface__ = memory.__array_interface__
        self._memory, self._free = memory, free

    def __del__(self) -> None:
        self._free.append(self._memory)


class FramePool:
    """Frames, RGB uint8 (1080, 1920, 3), each registered with CUDA while the pool is open.

    Frames are ordinary memory that CUDA has locked, not CUDA's own: closing the pool unlocks them and a viewer that
    still holds one reads on. `take` may be called from any thread, the rest from the one that owns the CUDA context.

    Args:
        mapped: let the GPU work in the frames themselves, as integrated GPUs do best.

    Raises:
        CudaCallError: the driver cannot lock so much memory.
    """

    def __init__(self, num_frames: int, *, mapped: bool) -> None:
        self._mapped = mapped
        self._free: deque[NDArray[np.uint8]] = deque()
        self._device_address: dict[int, int] = {}
        try:
            for _ in range(num_frames):
                self.grow()
        except CudaCallError:
            self.close()
            raise

    def grow(self) -> None:
        """Lock one more frame; raises CudaCallError where the driver does not."""
        memory = _page_aligned()
        self.lock(memory)
        self._free.append(memory)

    def lock(self, memory: NDArray[np.uint8]) -> None:
        """Lock a frame that begins a page and belongs to somebody else, such as one that two processes share.

        It is never lent, but the GPU reads and writes it as its own. Raises CudaCallError.
        """
        address = address_of(memory)
        flags = ctypes.c_uint(DEVICE_MAP if self._mapped else 0)
        call("cuMemHostRegister_v2", ctypes.c_void_p(address), ctypes.c_size_t(memory.nbytes), flags)
        seen = ctypes.c_uint64()
        self._device_address[address] = 0
        if self._mapped:
            call("cuMemHostGetDevicePointer_v2", ctypes.byref(seen), ctypes.c_void_p(address), ctypes.c_uint(0))
            self._device_address[address] = seen.value

    def __len__(self) -> int:
        return len(self._device_address)

    def take(self) -> Image | None:
        """A frame to write into; None where all are in use. It comes back by itself when nothing refers to it."""
        try:
            memory = self._free.pop()  # the last one back is the one that the caches still know
        except IndexError:
            return None
        return np.asarray(_Lease(memory, self._free))

    def holds(self, image: Image) -> bool:
        """Whether an image is one of the pool's frames, whole."""
        return image.shape == FRAME_SHAPE and image.flags.c_contiguous and address_of(image) in self._device_address

    def device_address(self, image: Image) -> int:
        """Where the GPU sees a mapped frame."""
        return self._device_address[address_of(image)]

    def close(self) -> None:
        """Unlock every frame; safe to call twice, and in a context that failed. Frames that are lent out stay
        readable."""
        self._free = deque()
        while self._device_address:
            address, _ = self._device_address.popitem()
            with contextlib.suppress(CudaCallError):
                call("cuMemHostUnregister", ctypes.c_void_p(address))


def _page_aligned() -> NDArray[np.uint8]:
    num_bytes = int(np.prod(FRAME_SHAPE))
    wide = np.zeros(num_bytes + PAGE_BYTES, np.uint8)
    start = -address_of(wide) % PAGE_BYTES
    return wide[start : start + num_bytes].reshape(FRAME_SHAPE)


def address_of(image: NDArray[np.uint8]) -> int:
    return int(image.__array_interface__["data"][0])
