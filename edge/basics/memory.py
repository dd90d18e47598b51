"""What was once used is given back: a crowd leaves the process no larger than it found it."""

from __future__ import annotations

import ctypes
import gc

NUM_HEAPS = 2
"""That threads take from: by default eight a core, and each keeps what was let go within it. Pictures of 6 MB are made
by a dozen threads, in each for a while. Few of them take memory at the same moment: they share Python's lock."""
EVERY_NS = 10_000_000_000
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_MOST_KEPT = 32 << 20
"""What is larger comes from the kernel and goes back there: pictures of many megapixels, now and then."""


def share_heaps() -> bool:
    """Let the threads of this process share few heaps; before they are started. False where the C library has none."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_M_ARENA_MAX, NUM_HEAPS))


def keep_memory() -> bool:
    """Keep what was let go for what is taken next, in a process that makes one picture after the other.

    By default a picture's memory goes back to the kernel and comes as empty pages again: 9 ms each at 1080p. False
    where the C library knows no such thing.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _MOST_KEPT)) and bool(mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT))


class Tidying:
    """Every ten seconds: finds what only refers to itself, and gives free memory back; a few milliseconds.

    A connection that is cut leaves its buffers and tracebacks in a circle, which Python by itself looks for only once
    they are a quarter of all that it has; till then they lie between what is free, so that no picture fits there any
    more. What is there when this is made is taken for lasting and not looked at again.
    """

    def __init__(self) -> None:
        gc.freeze()
        self._next_ns: int | None = None
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

    def tick(self, now_ns: int) -> None:
        """See `edge.frames.stages.Watch`."""
        if self._next_ns is not None and now_ns < self._next_ns:
            return
        is_first, self._next_ns = self._next_ns is None, now_ns + EVERY_NS
        if is_first:
            return
        gc.collect()
        if self._trim is not None:  # another C library has nothing like it
            self._trim(0)
