"""How much of the memory that was once used the C library keeps."""

from __future__ import annotations

import ctypes

NUM_ARENAS = 2
"""Heaps that threads take from: by default eight a core, and each keeps what was let go within it. Pictures of 6 MB are
made by a dozen threads, in each for a while: after a crowd had asked for much, 210 MiB were kept with 16 heaps, with
two of them 130, and threads that mostly wait for Python's lock wait for a heap no longer than before."""
_M_ARENA_MAX = -8


def share_heaps() -> bool:
    """Let the threads of this process share few heaps; before they are started. False where the C library has none."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_M_ARENA_MAX, NUM_ARENAS))
