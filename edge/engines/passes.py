"""The passes of `edge.engines.guided` in C, where the package was built with a compiler: each byte is touched once.

`passes.c` is compiled when the package is installed, and left out without a word where no compiler is at hand; OpenCV's
form then does the same work in 2 to 4 times the time (docs/results.md). A test holds both to the same pixels.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from concurrent.futures import Executor, wait
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.guided import Map, OpenCvPasses, Passes
from edge.pictures.geometry import SCALE
from edge.pictures.image import Image

_CELL = 3 * SCALE


def open_passes(pool: Executor, num_threads: int) -> Passes:
    """The compiled form where it was built, else OpenCV's.

    Args:
        pool: has `num_threads` threads, which the passes share.
    """
    return compiled_passes(pool, num_threads) or OpenCvPasses(pool, num_threads)


def compiled_passes(pool: Executor, num_threads: int) -> CompiledPasses | None:
    """The compiled form; None where it was not built, or for another machine."""
    library = compiled_library()
    return None if library is None else CompiledPasses(library, pool, num_threads)


@cache
def compiled_library() -> ctypes.CDLL | None:
    """What `passes.c` became when the package was installed; None as `compiled_passes` says, or from an older one."""
    built = next(Path(__file__).parent.glob("_passes*.so"), None)
    if built is None:
        return None
    try:
        library = ctypes.CDLL(str(built))
        functions = library.edge_shrink, library.edge_carry, library.edge_sample
    except (OSError, AttributeError):  # built for another machine; from an older source
        return None
    pointer, number = ctypes.c_void_p, ctypes.c_ssize_t
    library.edge_shrink.argtypes = [*[pointer] * 4, *[number] * 3]
    library.edge_carry.argtypes = [*[pointer] * 5, *[number] * 4]
    library.edge_sample.argtypes = [*[pointer] * 3, *[number] * 2]
    for function in functions:
        function.restype = None
    return library


class CompiledPasses:
    """Implements `edge.engines.guided.Passes`; each thread takes a band of rows. Python's lock is free meanwhile."""

    name = "compiled"

    def __init__(self, library: ctypes.CDLL, pool: Executor, num_threads: int) -> None:
        self._library, self._pool, self._num_threads = library, pool, max(1, num_threads)
        self._room = _Room(0, 0, 0)

    def shrink(self, image: Image) -> tuple[Image, NDArray[np.uint8]]:
        image, (height, width) = np.ascontiguousarray(image), _cells(image)
        room = self._room_for(height, width)

        def band(number: int, first: int, last: int) -> None:
            addresses = map(_address, (image, room.shrunk, room.activity, room.sums[number]))
            self._library.edge_shrink(*addresses, width, first, last)

        self._shared(band, height)
        return room.shrunk, room.activity

    def carry(self, image: Image, slope: Map, intercept: Map, out: Image | None = None) -> Image:
        image, (height, width) = np.ascontiguousarray(image), _cells(image)
        slope, intercept = np.ascontiguousarray(slope, np.float32), np.ascontiguousarray(intercept, np.float32)
        if slope.shape != (height, width, 3) or intercept.shape != slope.shape:
            raise ValueError(f"maps are {slope.shape} and {intercept.shape}, expected {(height, width, 3)}")
        if out is not None and (out.shape != image.shape or out.dtype != np.uint8 or not out.flags.writeable):
            raise ValueError(f"out is {out.shape} {out.dtype}: expected writeable uint8 {image.shape}")
        is_direct = out is not None and out.flags.c_contiguous and not np.may_share_memory(out, image)
        made = out if out is not None and is_direct else np.empty_like(image)
        room = self._room_for(height, width)

        def band(number: int, first: int, last: int) -> None:
            addresses = map(_address, (image, slope, intercept, made, room.wide[number]))
            self._library.edge_carry(*addresses, height, width, first, last)

        self._shared(band, height + 1)  # between the centres of the maps' rows, and half a cell at both ends
        if out is not None and made is not out:
            np.copyto(out, made)
            return out
        return made

    def _shared(self, band: Callable[[int, int, int], None], num_rows: int) -> None:
        """Let each thread do a band of the rows, given with its number; this one does the first."""
        share = -(-num_rows // self._num_threads)
        starts = range(0, num_rows, share)
        jobs = [
            self._pool.submit(band, number, start, min(start + share, num_rows))
            for number, start in enumerate(starts[1:], 1)
        ]
        band(0, 0, min(share, num_rows))
        wait(jobs)
        for job in jobs:
            job.result()

    def _room_for(self, height: int, width: int) -> _Room:
        if self._room.activity.shape != (height, width):
            self._room = _Room(height, width, self._num_threads)
        return self._room


class _Room:
    """Memory for what is made of one size of picture on the way, in cells; `sums` and `wide` for each thread."""

    def __init__(self, height: int, width: int, num_threads: int) -> None:
        self.shrunk = np.empty((height, width, 3), np.uint8)
        self.activity = np.empty((height, width), np.uint8)
        self.sums = np.empty((num_threads, 2 * width * _CELL), np.uint16)
        self.wide = np.empty((num_threads, 4 * width * _CELL), np.float32)


def _cells(image: Image) -> tuple[int, int]:
    height, width = image.shape[:2]
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or height % SCALE or width % SCALE:
        raise ValueError(f"{image.shape} {image.dtype}: expected uint8 (H, W, 3), H and W multiples of {SCALE}")
    return height // SCALE, width // SCALE


def _address(array: Any) -> int:
    return int(array.ctypes.data)
