"""Two nodes of a cluster against one: `python -m benchmarks.runtime.cluster`.

Each node is pinned to a core of its own; this program, its process that speaks with Ray and the head go where there is
room, as they would on a machine that is not one of the nodes. One node and two take turns. The rate is that of the
results after the first `--skip` of each node have come, so that starting does not count; told too is what the whole
command took.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

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


def rate(originals: Path, output: Path, nodes: RayNodes, num_skipped: int) -> tuple[float, float]:
    """Pictures a second, and seconds of the whole command."""
    begin = time.monotonic()
    command = [sys.executable, "-m", "edge.cli", str(originals), "--output", str(output), "--cluster", nodes.address]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    whole_s = time.monotonic() - begin
    ends_s = sorted(path.stat().st_mtime_ns / 1e9 for path in output.glob("*.png.json"))
    return (len(ends_s) - 1 - num_skipped) / (ends_s[-1] - ends_s[num_skipped]), whole_s


def main() -> None:
    parser = Parser(prog="python -m benchmarks.runtime.cluster", description=__doc__)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--skip", type=int, default=4, help="first results of each node that do not count")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    with tempfile.TemporaryDirectory() as folder, ray_nodes() as nodes:
        originals = Path(folder) / "in"
        originals.mkdir()
        write_pictures(originals, args.pictures)
        nodes.node("first", pinned_to={cores[0]})
        found: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
        for turn in range(args.rounds):
            found[1].append(rate(originals, Path(folder) / f"one-{turn}", nodes, args.skip))
            nodes.node("second", pinned_to={cores[1]})
            found[2].append(rate(originals, Path(folder) / f"two-{turn}", nodes, 2 * args.skip))
            nodes.kill("second")
    ratios = [two / one for (one, _), (two, _) in zip(found[1], found[2], strict=True)]
    print(machine_line())
    rows = [[num, median(r for r, _ in runs), median(s for _, s in runs)] for num, runs in found.items()]
    print(table(("nodes of one core", "pictures/s", "whole command, s"), rows))
    print(f"two over one: {median(ratios):.2f} ({', '.join(f'{ratio:.2f}' for ratio in ratios)})")


if __name__ == "__main__":
    main()
