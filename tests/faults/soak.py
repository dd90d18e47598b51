"""The soak: the real program at full speed with one viewer; does it slow down or grow?

python -m tests.faults.soak --minutes 60
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.runtime.live import Viewer
from tests.doubles.ports import free_port
from tests.faults.program import REPOSITORY, Counts, Program

EVERY_S = 10.0


@dataclass(frozen=True)
class Sample:
    """The program at one moment.

    Attributes:
        at_s: since the first sample.
        p50_ms, p99_ms: latency from capture to publishing over the program's last 600 pictures.
    """

    at_s: float
    p50_ms: float
    p99_ms: float
    fps_out: float
    counts: Counts


def memory_slope(samples: Sequence[Sample], after_s: float) -> float | None:
    """MiB an hour, least squares; None for fewer than three samples after the first `after_s`."""
    late = [sample for sample in samples if sample.at_s >= after_s]
    if len(late) < 3:
        return None
    hours = np.array([sample.at_s for sample in late]) / 3600
    return float(np.polyfit(hours, [sample.counts.pss_mib for sample in late], 1)[0])


def rows(samples: Sequence[Sample], minutes: float) -> list[str]:
    """Markdown: latency, memory and what is held, first against last."""
    edge_s = min(600.0, minutes * 60 / 3)
    first = [sample for sample in samples if sample.at_s <= edge_s]
    last = [sample for sample in samples if sample.at_s >= samples[-1].at_s - edge_s]
    slope = memory_slope(samples, edge_s)
    span = f"{edge_s / 60:.0f} min"
    p50, p99 = ([median(getattr(s, name) for s in part) for part in (first, last)] for name in ("p50_ms", "p99_ms"))
    pss = samples[-1].counts.pss_mib
    return [
        "| what | value |",
        "|---|---|",
        f"| minutes, samples | {minutes:g}, {len(samples)} |",
        f"| frames a second, median | {median(sample.fps_out for sample in samples):.1f} |",
        f"| latency p50, first and last {span}, ms | {p50[0]:.1f}, {p50[1]:.1f} |",
        f"| latency p99, first and last {span}, ms | {p99[0]:.1f}, {p99[1]:.1f} ({p99[1] / p99[0] - 1:+.1%}) |",
        f"| memory (PSS of all processes), first, last, MiB | {samples[0].counts.pss_mib:.1f}, {pss:.1f} |",
        f"| memory slope after the first {span}, MiB/h | {'-' if slope is None else f'{slope:+.2f}'} |",
        f"| descriptors, first and last | {samples[0].counts.num_fds}, {samples[-1].counts.num_fds} |",
        f"| threads, first and last | {samples[0].counts.num_threads}, {samples[-1].counts.num_threads} |",
    ]


def soak(minutes: float, source: str, cpus: Sequence[int], folder: Path) -> list[Sample]:
    """Run for so long and sample every ten seconds."""
    port = free_port()
    command = [sys.executable, "-m", "edge.cli", "--live", "--source", source, "--listen", f"127.0.0.1:{port}"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with (folder / "program.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        if cpus:
            os.sched_setaffinity(process.pid, cpus)
        program = Program.of(process, port, folder)
        program.wait_live()
        Viewer(port, "enhanced").start()
        time.sleep(EVERY_S)
        begin, samples = time.monotonic(), []
        while (at_s := time.monotonic() - begin) <= minutes * 60:
            samples.append(_sampled(program, at_s))
            time.sleep(max(0.0, len(samples) * EVERY_S - (time.monotonic() - begin)))
        return samples
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _sampled(program: Program, at_s: float) -> Sample:
    for _ in range(20):
        health: dict[str, Any] | None = program.health(5.0)
        counts = program.counts()
        if health is not None and counts is not None:
            latency = health["latency_ms"]
            return Sample(at_s, latency["p50"], latency["p99"], health["fps_out"], counts)
        time.sleep(0.5)
    raise RuntimeError(f"the program does not answer any more; its log: {program.log_path.read_text()[-2000:]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--source", default="demo:?fps=30")
    parser.add_argument("--cpus", default="", help="pin the program to these, such as 0,1")
    args = parser.parse_args()
    cpus = [int(cpu) for cpu in args.cpus.split(",") if cpu]
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        samples = soak(args.minutes, args.source, cpus, Path(folder))
    sys.stdout.write("\n".join(rows(samples, args.minutes)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
