"""The two passes over a frame, compiled and by OpenCV's calls, in turn: `python -m benchmarks.runtime.passes`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import cv2
import numpy as np

from benchmarks.page import PAGE
from edge.basics.markdown import replace_section, table
from edge.engines.guided import OpenCvPasses, Passes
from edge.engines.passes import compiled_passes
from edge.health.machine import machine_line
from edge.sources.demo.render import DemoRenderer


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runtime.passes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="frames of each way (default 40)")
    parser.add_argument("--page", action="store_true", help="write the section of docs/results.md")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(1) as pool:
        compiled = compiled_passes(pool, 1)
        if compiled is None:
            sys.exit("the passes were not compiled: install a C compiler, then the package again")
        rows = _rows((OpenCvPasses(pool, 1), compiled), options.rounds)
    text = f"One thread, CPU ms a frame, median of {options.rounds} in turn; {machine_line()}.\n\n"
    text += table(("pass", "OpenCV", "compiled", "ratio"), rows)
    print(text)
    if options.page:
        replace_section(PAGE, "passes", text)
    return 0


def _rows(forms: tuple[Passes, Passes], rounds: int) -> list[tuple[str, ...]]:
    frame = DemoRenderer(0).degraded(30)
    rng = np.random.default_rng(0)
    slope = cv2.GaussianBlur(rng.uniform(0.8, 2, (270, 480, 3)).astype(np.float32), (0, 0), 8)
    intercept = cv2.GaussianBlur(rng.uniform(-60, 20, (270, 480, 3)).astype(np.float32), (0, 0), 8)
    out = np.empty_like(frame)
    ways: dict[str, Callable[[Passes], object]] = {
        "shrink and activity": lambda form: form.shrink(frame),
        "slope and intercept applied": lambda form: form.carry(frame, slope, intercept, out),
    }
    took_ms: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in ways}
    for _ in range(rounds + 3):
        for name, way in ways.items():
            for form, samples in zip(forms, took_ms[name], strict=True):
                begin = time.thread_time()
                way(form)
                samples.append((time.thread_time() - begin) * 1e3)
    found = {name: tuple(median(samples[3:]) for samples in both) for name, both in took_ms.items()}
    found["both"] = tuple(map(sum, zip(*found.values(), strict=True)))
    return [(name, f"{a:.2f}", f"{b:.2f}", f"{a / b:.1f}") for name, (a, b) in found.items()]


if __name__ == "__main__":
    sys.exit(main())
