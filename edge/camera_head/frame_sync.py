"""Exposures, as the camera head tells them, matched to captured frames by time."""

from __future__ import annotations

import threading
from collections import deque
from statistics import median
from typing import Any

NUM_EXPOSURES = 120
NUM_OFFSETS = 300
MAX_OFFSET_NS = 250_000_000
_NS_PER_MS = 1e6


class FrameSyncMatcher:
    """Thread-safe. Each frame takes the newest exposure that began before its capture time and was not taken yet.

    Where a camera's frames are more than one interval late the match is off by whole intervals; the jitter, which
    is what shows a bad sync, stays right.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._exposures_ns: deque[int] = deque(maxlen=NUM_EXPOSURES)
        self._offsets_ns: deque[int] = deque(maxlen=NUM_OFFSETS)
        self._num_matched = self._num_unmatched = 0

    def exposed(self, start_ns: int) -> None:
        """An exposure began, in `time.monotonic_ns()`."""
        with self._lock:
            self._exposures_ns.append(start_ns)

    def captured(self, t_capture_ns: int) -> None:
        """A frame was captured."""
        with self._lock:
            before = [start_ns for start_ns in self._exposures_ns if start_ns <= t_capture_ns]
            if not before or t_capture_ns - before[-1] > MAX_OFFSET_NS:
                self._num_unmatched += bool(self._exposures_ns)
                return
            self._offsets_ns.append(t_capture_ns - before[-1])
            self._num_matched += 1
            self._exposures_ns = deque((ns for ns in self._exposures_ns if ns > before[-1]), maxlen=NUM_EXPOSURES)

    def restart(self) -> None:
        """Forget exposures told by a clock that no longer runs."""
        with self._lock:
            self._exposures_ns.clear()
            self._offsets_ns.clear()

    def report(self) -> dict[str, Any]:
        """`offset_ms`: median from exposure start to capture; `jitter_ms`: from the 5th to the 95th percentile."""
        with self._lock:
            offsets_ms = sorted(offset / _NS_PER_MS for offset in self._offsets_ns)
            counts = {"matched": self._num_matched, "unmatched": self._num_unmatched}
        if not offsets_ms:
            return {**counts, "offset_ms": None, "jitter_ms": None}
        last = len(offsets_ms) - 1
        spread = offsets_ms[round(0.95 * last)] - offsets_ms[round(0.05 * last)]
        return {**counts, "offset_ms": round(median(offsets_ms), 2), "jitter_ms": round(spread, 2)}
