"""What one and two threads take for each part of a frame's way, in turn: `python -m benchmarks.runtime.threads`.

CPU time is the whole process's, a mean. Wall time, that of the fastest tenth, says nothing where the machine has other
work, so it is told only where it is asked for. What was made of it is in `edge/engines/threads.py`.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import mean, quantiles

import cv2
import numpy as np

from benchmarks.page import PAGE
from edge.basics.markdown import replace_section, table
from edge.engines.cpu import open_cpu_engine
from edge.engines.guided import Passes
from edge.engines.passes import open_passes
from edge.engines.threads import settle_opencv
from edge.health.machine import machine_line
from edge.models.profile import load_profile, profile_roots
from edge.pictures.image import Image
from edge.sources.demo.render import DemoRenderer
from edge.web.strips import jpeg_of_strips, strips_of
from firmware_bridge.command_line import Parser

Way = Callable[[Image], object]
THREADS = (1, 2)
IN_A_ROW, NUM_WARM_UP = 20, 3
REST_S = 0.005
"""After a frame, as between two of a camera's: what a pool's threads spin until they sleep is theirs."""


def main() -> int:
    parser = Parser(prog="python -m benchmarks.runtime.threads", description=__doc__)
    parser.add_argument("--rounds", type=int, default=60, help="frames of each way (default 60)")
    parser.add_argument("--models", type=Path, help="folder with another profile `live` than the shipped one")
    parser.add_argument("--wall", action="store_true", help="tell wall time too: on a machine with nothing else to do")
    parser.add_argument("--page", action="store_true", help="write the section of docs/results.md")
    options = parser.parse_args()
    settle_opencv()
    with ExitStack() as stack:
        rows = [
            [
                name,
                *(
                    f"{cpu:.2f} / {wall:.2f}" if options.wall else f"{cpu:.2f}"
                    for cpu, wall in _took_ms(ways, options.rounds)
                ),
            ]
            for name, ways in _parts(stack, options.models).items()
        ]
    head = (
        "CPU ms / wall ms" if options.wall else "CPU ms",
        *(f"{count} thread{'s' * (count > 1)}" for count in THREADS),
    )
    text = f"{options.rounds} frames of each in turn; {machine_line()}.\n\n{table(head, rows)}"
    print(text)
    if options.page:
        replace_section(PAGE, "threads", text)
    return 0


def _parts(stack: ExitStack, models: Path | None) -> dict[str, list[Way]]:
    """Name of a part -> how it is done with each of `THREADS`."""
    profile = load_profile("live", profile_roots(str(models or "")))
    engines = [open_cpu_engine(profile, count) for count in THREADS]
    pools = [stack.enter_context(ThreadPoolExecutor(count)) for count in THREADS]
    passes = [open_passes(pool, count) for pool, count in zip(pools, THREADS, strict=True)]
    for engine in engines:
        stack.callback(engine.close)
    maps = np.ones((270, 480, 3), np.float32), np.zeros((270, 480, 3), np.float32)
    out = np.empty((1080, 1920, 3), np.uint8)

    def passing(form: Passes) -> Way:
        return lambda frame: (form.shrink(frame), form.carry(frame, *maps, out))

    def converting(count: int) -> Way:
        def convert(frame: Image) -> None:
            cv2.setNumThreads(count)
            cv2.cvtColor(frame, cv2.COLOR_RGB2BGR, dst=out)

        return convert

    return {
        f"engine, {passes[0].name} passes": [lambda frame, one=one: one.enhance(frame, out) for one in engines],  # type: ignore[misc]
        "of it the passes over the frame": [passing(form) for form in passes],
        "OpenCV's own threads: channels swapped": [converting(count) for count in THREADS],
        "JPEG for a viewer": [
            lambda frame: jpeg_of_strips(strips_of(frame), 85),
            lambda frame: jpeg_of_strips(strips_of(frame), 85, pools[0]),
        ],
    }


def _took_ms(ways: list[Way], rounds: int) -> list[tuple[float, float]]:
    renderer = DemoRenderer(0)
    frames = [renderer.degraded(30 + 5 * number) for number in range(4)]
    samples: list[list[tuple[float, float]]] = [[] for _ in ways]
    for _ in range(-(-rounds // IN_A_ROW)):
        for way, found in zip(ways, samples, strict=True):
            for number in range(-NUM_WARM_UP, IN_A_ROW):
                cpu_s, begin = _cpu_s(), time.perf_counter()
                way(frames[number % len(frames)])
                took_s = time.perf_counter() - begin
                time.sleep(REST_S)
                if number >= 0:
                    found.append(((_cpu_s() - cpu_s) * 1e3, took_s * 1e3))
    settle_opencv()
    cpu_wall = [tuple(zip(*found, strict=True)) for found in samples]
    return [(mean(cpu), quantiles(wall, n=10)[0]) for cpu, wall in cpu_wall]


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
