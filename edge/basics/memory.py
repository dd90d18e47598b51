"""What was once used is given back: a crowd leaves the process no larger than it found it."""

from __future__ import annotations

import ctypes
import gc

NUM_HEAPS = 2
"""That threads take from: by default eight a core, and each keeps what was let go within it. Pictures of 6 MB are made
by a dozen threads, in each for a while. Few of them take memory at the same moment: they share Python's lock."""
EVERY_NS = 10_000_000_000
_M_ARENA_MAX = -8


def share_heaps() -> bool:
    """Let the threads of this process share few heaps; before they are started. False where the C library has none."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_M_ARENA_MAX, NUM_HEAPS))


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
