"""Two nodes of a cluster against one: `python -m benchmarks.runtime.cluster`.

Each node is pinned to a core of its own; this program, its process that speaks with Ray and the head go where there is
room, as they would on a machine that is not one of the nodes. Two nodes first, then one of them. Rate and processor
time are of what comes after the first `--skip` results of each node, so that starting does not count; told too is what
the whole command took. Ray gives its workers little priority (nice 15), which is taken from it here.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from statistics import median
from typing import NamedTuple

import cv2
import psutil

from edge.basics.markdown import table
from edge.health.machine import machine_line
from edge.sources.demo.source import DemoSource
from firmware_bridge.command_line import Parser
from tests.doubles.ray_nodes import RayNodes, ray_nodes


def write_pictures(folder: Path, num_pictures: int) -> None:
    """Stills of the demo throat, 1080p."""
    source = DemoSource("demo:?pace=free", paced=False)
    for number in range(num_pictures):
        frame = source.read()
        assert frame is not None
        cv2.imwrite(str(folder / f"still-{number:04d}.jpg"), cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
    source.close()


class Measured(NamedTuple):
    """Of one run: pictures a second, seconds of the whole command, and CPU milliseconds a picture by who took them.

    Attributes:
        bound: two nodes over one, by these alone: with one node, what is beside it has the other core for itself.
    """

    rate: float
    whole_s: float
    node_ms: float
    ray_ms: float
    driver_ms: float
    program_ms: float

    @property
    def bound(self) -> float:
        return 2 * self.node_ms / (self.node_ms + self.ray_ms + self.driver_ms + self.program_ms)


class Spent(NamedTuple):
    """CPU milliseconds since they started of those that are there, and how many results are."""

    num_results: int
    node: float
    ray: float
    driver: float
    program: float


def spent(run: psutil.Process, output: Path, nodes: RayNodes) -> Spent:
    num_results = len(list(output.glob("*.png.json")))
    workers = set(nodes.workers())
    others = set(nodes.processes()) - workers
    driver = {child.pid for child in run.children()}
    return Spent(num_results, *map(cpu_ms, (workers, others, driver, {run.pid})))


def cpu_ms(processes: Collection[int]) -> float:
    """User's and system's, so far."""
    total_ms = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = psutil.Process(process).cpu_times()
            total_ms += (times.user + times.system) * 1e3
    return total_ms


def measured(originals: Path, output: Path, nodes: RayNodes, num_skipped: int) -> Measured:
    begin = time.monotonic()
    command = [sys.executable, "-m", "edge.cli", str(originals), "--output", str(output), "--cluster", nodes.address]
    num_all = len(list(originals.iterdir()))
    seen: list[Spent] = []
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as run:
        about = psutil.Process(run.pid)
        while run.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                now = spent(about, output, nodes)
                if num_skipped <= now.num_results <= num_all - num_skipped:  # all nodes have work
                    seen.append(now)
            time.sleep(0.25)
    assert run.returncode == 0
    whole_s = time.monotonic() - begin
    ends_s = sorted(path.stat().st_mtime_ns / 1e9 for path in output.glob("*.png.json"))
    rate = (len(ends_s) - 1 - num_skipped) / (ends_s[-1] - ends_s[num_skipped])
    num_results, *each = (last - first for first, last in zip(seen[0], seen[-1], strict=True))
    return Measured(rate, whole_s, *(one / num_results for one in each))


def main() -> None:
    parser = Parser(prog="python -m benchmarks.runtime.cluster", description=__doc__)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--skip", type=int, default=4, help="first results of each node that do not count")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    with tempfile.TemporaryDirectory() as folder, ray_nodes({"RAY_worker_niceness": "0"}) as nodes:
        originals = Path(folder) / "in"
        originals.mkdir()
        write_pictures(originals, args.pictures)
        nodes.node("first", pinned_to={cores[0]})
        nodes.node("second", pinned_to={cores[1]})
        found: dict[int, list[Measured]] = {}
        for num_nodes in (2, 1):
            found[num_nodes] = [
                measured(originals, Path(folder) / f"{num_nodes}-{turn}", nodes, num_nodes * args.skip)
                for turn in range(args.rounds)
            ]
            if num_nodes == 2:
                nodes.kill("second")
    ratios = [two.rate / one.rate for one, two in zip(found[1], found[2], strict=True)]
    print(machine_line())
    middle = {num: Measured(*(median(column) for column in zip(*of, strict=True))) for num, of in found.items()}
    headings = ("nodes of one core", "pictures/s", "command, s", "node, ms", "Ray, ms", "driver, ms", "program, ms")
    print(table(headings, [[num, *middle[num]] for num in (1, 2)]))
    print(f"two over one: {median(ratios):.2f} ({', '.join(f'{ratio:.2f}' for ratio in ratios)})")
    print(f"by the processor time of two: {middle[2].bound:.2f}")


if __name__ == "__main__":
    main()
