"""What an engine in a process of its own costs a frame: `python -m benchmarks.runtime.isolation [--frames N]`.

The same engine in this process and in one of its own, in turn, frame by frame: with frames that lie in shared memory,
as most sources give them, and with others, which are copied.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import psutil

import edge.guard.process
from edge.config import EngineConfig, UnitConfig
from edge.engines.cpu import open_cpu_engine
from edge.engines.rungs import Rung
from edge.guard.order import EngineOrder
from edge.guard.process import EngineProcess
from edge.guard.shared_frames import SharedFrames
from edge.health.machine import available_cpus, machine_line
from edge.models.profile import load_profile
from edge.pictures.image import Image
from edge.sources.demo.render import DemoRenderer
from firmware_bridge.command_line import Parser


def main() -> None:
    parser = Parser(description=__doc__)
    parser.add_argument("--frames", type=int, default=200, metavar="N", help="frames of each way (default 200)")
    options = parser.parse_args()
    edge.guard.process.DEADLINE_S = 10.0  # a late frame is a sample here
    profile, shared = load_profile("live"), SharedFrames()
    begin = time.perf_counter()
    process = EngineProcess(EngineOrder(Rung("live", "cpu"), profile.sha256, EngineConfig(), UnitConfig()), shared)
    while process.poll_opened(1.0) is None:
        pass
    opening_s = time.perf_counter() - begin
    engine = open_cpu_engine(profile)
    renderer = DemoRenderer(0)
    scenes = [renderer.degraded(10 * number) for number in range(8)]
    lent = [frame for frame in map(shared.copied, scenes) if frame is not None]
    ways: dict[str, tuple[list[Image], Callable[[Image], object]]] = {
        "in this process": (scenes, engine.enhance),
        "its own process, frames lent": (lent, process.enhance),
        "its own process, frames copied": (scenes, process.enhance),
    }
    took_ms: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(options.frames + 5):
        for name, (images, enhance) in ways.items():
            begin = time.perf_counter()
            enhance(images[number % len(images)])
            if number >= 5:
                took_ms[name].append((time.perf_counter() - begin) * 1e3)
    own_mib = psutil.Process(process.pid).memory_full_info().uss / 2**20
    first = median(took_ms["in this process"])
    print(f"{available_cpus()} cores; {machine_line()}; {options.frames} frames of each way, in turn\n")
    print("| engine | median ms | over the first, ms | ratio |\n|---|---|---|---|")
    for name, samples in took_ms.items():
        print(f"| {name} | {median(samples):.2f} | {median(samples) - first:+.2f} | {median(samples) / first:.3f} |")
    print(f"\nIts own process opens and proves itself in {opening_s:.2f} s and holds {own_mib:.0f} MiB of its own.")
    process.close(2.0)
    engine.close()


if __name__ == "__main__":
    main()
