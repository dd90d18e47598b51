"""Two nodes of a cluster against one: `python -m benchmarks.runtime.cluster`.

Each node is pinned to a core of its own; this program, its process that speaks with Ray and the head go where there is
room, as they would on a machine that is not one of the nodes. Two nodes first, then one of them. The rate is that of
the results after the first `--skip` of each node have come, so that starting does not count; told too is what the whole
command took. Ray gives its workers little priority (nice 15), which is taken from it here.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import cv2

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
    """Of one run: pictures a second, seconds of the whole command, and CPU milliseconds a picture by who took them."""

    rate: float
    whole_s: float
    node_ms: float
    ray_ms: float
    here_ms: float


def measured(originals: Path, output: Path, nodes: RayNodes, num_skipped: int) -> Measured:
    begin, before = time.monotonic(), {process: cpu_ms(process) for process in nodes.processes()}
    waited_for_ms = of_children_ms()
    command = [sys.executable, "-m", "edge.cli", str(originals), "--output", str(output), "--cluster", nodes.address]
    took_ms: dict[int, float] = {}
    workers: set[int] = set()
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as run:
        while run.poll() is None:
            workers |= set(nodes.workers())
            took_ms |= {process: cpu_ms(process) for process in nodes.processes()}
            time.sleep(0.5)
    assert run.returncode == 0
    whole_s = time.monotonic() - begin
    ends_s = sorted(path.stat().st_mtime_ns / 1e9 for path in output.glob("*.png.json"))
    rate = (len(ends_s) - 1 - num_skipped) / (ends_s[-1] - ends_s[num_skipped])
    spent = {process: ms - before.get(process, 0.0) for process, ms in took_ms.items()}
    node_ms = sum(ms for process, ms in spent.items() if process in workers)
    ray_ms = sum(ms for process, ms in spent.items() if process not in workers)
    each = [one / len(ends_s) for one in (node_ms, ray_ms, of_children_ms() - waited_for_ms)]
    return Measured(rate, whole_s, *each)


def cpu_ms(process: int) -> float:
    """User's and system's, so far; 0 where it is gone."""
    try:
        words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) * 1e3 / os.sysconf("SC_CLK_TCK")


def of_children_ms() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1e3


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
    rows = [[num, *(median(column) for column in zip(*found[num], strict=True))] for num in (1, 2)]
    print(table(("nodes of one core", "pictures/s", "command, s", "node, ms", "Ray, ms", "here, ms"), rows))
    print(f"two over one: {median(ratios):.2f} ({', '.join(f'{ratio:.2f}' for ratio in ratios)})")


if __name__ == "__main__":
    main()
