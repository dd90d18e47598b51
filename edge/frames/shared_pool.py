"""Memory for pictures that two processes see, lent piece by piece."""

from __future__ import annotations

import fcntl
import mmap
import os
from collections import deque
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.pictures.image import Image

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
"""Nobody who has the descriptor can take memory away that the other has mapped, which would end it by SIGBUS."""

Bytes = NDArray[np.uint8]


class SharedMemory(Protocol):
    """Raw frames that lie in an anonymous file, for a process that writes into them."""

    @property
    def raw_descriptor(self) -> int: ...

    @property
    def raw_bytes(self) -> int:
        """How long the file is."""
        ...

    def lend(self) -> Image | None:
        """A raw frame to write into; None where none is free."""
        ...

    def offset_of(self, image: Image) -> int | None:
        """Where in the file a raw frame begins."""
        ...


class _Lease:
    """Owns a lent piece's memory for numpy; when the last view of it is gone, the piece can be lent again."""

    __slots__ = ("__array_interface__", "_free", "_index", "_memory")

    def __init__(self, memory: Bytes, index: int, free: deque[int]) -> None:
        self.__array_interface__ = memory.__array_interface__
        self._memory, self._index, self._free = memory, index, free

    def __del__(self) -> None:
        self._free.append(self._index)


class SharedPool:
    """Pieces of one size, in an anonymous file that another process maps by its descriptor.

    Args:
        descriptor: from the process that made the file; None makes a new one.
    """

    def __init__(
        self, piece_bytes: int, num_pieces: int, descriptor: int | None = None, is_writable: bool = True
    ) -> None:
        self.slot_bytes = -(-piece_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
        self.num_bytes = num_pieces * self.slot_bytes
        if descriptor is None:
            descriptor = os.memfd_create("edge-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            os.ftruncate(descriptor, self.num_bytes)
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        self.descriptor = descriptor
        rights = mmap.PROT_READ | mmap.PROT_WRITE if is_writable else mmap.PROT_READ
        mapping = mmap.mmap(descriptor, self.num_bytes, prot=rights)
        self._all = np.frombuffer(mapping, np.uint8).reshape(num_pieces, self.slot_bytes)
        self._first_address = int(self._all.__array_interface__["data"][0])
        self._piece_bytes = piece_bytes
        self.free = deque(range(num_pieces))

    def piece(self, index: int) -> Bytes:
        """A view of one, whoever has it."""
        return self._all[index, : self._piece_bytes]

    def take(self) -> Bytes | None:
        """One that is free, contents undefined; None where all are in use. It comes back when nothing refers to it."""
        try:
            index = self.free.pop()  # the last one back is the one that the caches still know
        except IndexError:
            return None
        return np.asarray(_Lease(self.piece(index), index, self.free))

    def index_of(self, array: NDArray[np.uint8]) -> int | None:
        """Which piece an array begins, None where it lies elsewhere."""
        address = int(array.__array_interface__["data"][0])
        index, rest = divmod(address - self._first_address, self.slot_bytes)
        return index if rest == 0 and 0 <= index < len(self._all) else None

    def close(self) -> None:
        """Let go of the descriptor; the memory stays for as long as a piece of it is held."""
        os.close(self.descriptor)
