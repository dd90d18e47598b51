"""What was seen of one transport, and what it cost the unit."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import psutil

COVERED_AFTER_MS = 800.0
"""A page covers a picture that no newer one has followed for so long."""


@dataclass(frozen=True)
class Wish:
    """What is measured.

    Attributes:
        view: `enhanced`, `raw` or `pair`.
        window_px: (width, height) of the browser's window.
        seconds: after those for warming up.
    """

    view: str = "enhanced"
    window_px: tuple[int, int] = (1920, 1080)
    seconds: float = 60.0


@dataclass(frozen=True)
class Seen:
    """What was seen.

    Attributes:
        samples: (n, 2) float: time in ms when a picture was drawn, its age in ms since the source; NaN where the time
            in it could not be read.
        not_live: pictures that said so.
        covered: how often the unit's own page was seen with its cover; None for a page that has none.
        unit_cpu, viewer_cpu: processor time over time, 1 for a core.
    """

    samples: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    not_live: int
    covered: int | None
    unit_cpu: float
    viewer_cpu: float | None

    def row(self) -> list[object]:
        """Cells of the table, as `HEAD` names them."""
        at_ms, age_ms = self.samples[:, 0], self.samples[:, 1]
        gaps_ms = np.diff(at_ms)
        p50, p95 = np.nanpercentile(age_ms, [50, 95])
        covered = int((gaps_ms > COVERED_AFTER_MS).sum()) if self.covered is None else self.covered
        viewer = "" if self.viewer_cpu is None else f"{self.viewer_cpu:.2f}"
        return [
            f"{len(at_ms) / max(1e-3, (at_ms[-1] - at_ms[0]) / 1e3):.1f}",
            f"{p50:.0f} / {p95:.0f}",
            f"{self.creep_ms():+.0f}",
            f"{gaps_ms.max():.0f}",
            str(covered),
            f"{self.unit_cpu:.2f}",
            viewer,
            f"{int(np.isnan(age_ms).sum())} / {self.not_live}",
        ]

    def creep_ms(self) -> float:
        """Median age of the last tenth of the time less that of the first."""
        at_ms, age_ms = self.samples[:, 0], self.samples[:, 1]
        tenth = (at_ms[-1] - at_ms[0]) / 10
        first, last = age_ms[at_ms <= at_ms[0] + tenth], age_ms[at_ms >= at_ms[-1] - tenth]
        return float(np.nanmedian(last) - np.nanmedian(first))


HEAD = (
    "transport", "view", "window", "pictures/s", "age p50 / p95, ms", "creep, ms", "longest gap, ms", "covered",
    "unit's CPU", "viewer's CPU", "unread / not live",
)  # fmt: skip


@contextmanager
def unit(kind: str) -> Iterator[tuple[psutil.Process, str]]:
    """A running unit and its address."""
    command = [sys.executable, "-m", "benchmarks.runtime.streams.unit", kind, "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None, "a pipe was asked for"
            address = process.stdout.readline().strip()
            if not address:
                raise RuntimeError(f"the unit did not start: {' '.join(command)} says why")
            yield psutil.Process(process.pid), address
        finally:
            process.terminate()
            process.wait(10)


class Meter:
    """Processor time of a process and all below it, over time."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._begin_s, self._spent_s = time.monotonic(), self._now_s()

    def cores(self) -> float:
        return (self._now_s() - self._spent_s) / (time.monotonic() - self._begin_s)

    def _now_s(self) -> float:
        total = 0.0
        for one in (self._process, *self._process.children(recursive=True)):
            try:
                times = one.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
        return total
