"""How many threads each part of a frame's way takes; in one place, since they share the same cores.

Measured on two cores, `python -m benchmarks.runtime.threads` (docs/results.md).
"""

from __future__ import annotations

import cv2

from edge.health.machine import available_cpus

JPEG_THREADS = 2
"""For a viewer's picture: no more work than with one, and the picture is there in half the time."""
_OPENCV_THREADS = 1
"""Its own threads take a conversion of channels up to twice the CPU time and give it no sooner."""


def engine_threads(asked: int) -> int:
    """For the network, the passes over a frame and a unit's correction, which follow each other.

    Args:
        asked: `[engine] threads`; 0 takes every core that this process may use.
    """
    return asked or available_cpus()


def settle_opencv() -> None:
    """For a process that shows live pictures, or has an engine: OpenCV's calls stay in the thread that makes them."""
    cv2.setNumThreads(_OPENCV_THREADS)
