"""How many cores this process may use."""

from __future__ import annotations

import os


def available_cpus() -> int:
    """Cores that this process may use, at least 1."""
    return max(1, len(os.sched_getaffinity(0)))
