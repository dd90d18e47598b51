"""What touches many pixels of a frame, each in the ways there are, in turn: `python -m benchmarks.runtime.passes`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import TypeVar

import cv2
import numpy as np
import simplejpeg

from benchmarks.page import PAGE
from edge.basics.markdown import replace_section, table
from edge.engines.guided import OpenCvPasses
from edge.engines.passes import compiled_passes
from edge.engines.sampling import block_means, block_means_by_opencv
from edge.frames.frame import Frame, FramePair
from edge.health.machine import machine_line
from edge.health.state import Verdict
from edge.pictures.image import Image
from edge.sources.demo.render import DemoRenderer
from edge.web.banner import stamp
from edge.web.views import View, ViewEncoder, status_of
from firmware_bridge.command_line import Parser

QUALITY = 85
WALKED_BYTES = 60_000_000
"""Memory that is walked through before each sample, so that no way finds its frame in the caches."""
Way = Callable[[Image], object]
K = TypeVar("K", bound=Hashable)


def main() -> int:
    parser = Parser(prog="python -m benchmarks.runtime.passes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="frames of each way (default 40)")
    parser.add_argument("--page", action="store_true", help="write the section of docs/results.md")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(1) as pool:
        rows = _rows(_passes(pool), options.rounds)
    head = ("pass", "OpenCV", "compiled", "ratio")
    text = f"One thread, cold caches, CPU ms a frame, median of {options.rounds} in turn; {machine_line()}.\n\n"
    text += f"{table(head, rows)}\n\n{table(('JPEG for a viewer', 'CPU ms'), _alone(_jpegs(), options.rounds))}"
    print(text)
    if options.page:
        replace_section(PAGE, "passes", text)
    return 0


def _passes(pool: ThreadPoolExecutor) -> dict[str, tuple[Way, Way]]:
    """Name -> by OpenCV's calls, and compiled."""
    opencv, compiled = OpenCvPasses(pool, 1), compiled_passes(pool, 1)
    if compiled is None:
        sys.exit("the passes were not compiled: install a C compiler, then the package again")
    rng = np.random.default_rng(0)
    slope = cv2.GaussianBlur(rng.uniform(0.8, 2, (270, 480, 3)).astype(np.float32), (0, 0), 8)
    intercept = cv2.GaussianBlur(rng.uniform(-60, 20, (270, 480, 3)).astype(np.float32), (0, 0), 8)
    out = np.empty((1080, 1920, 3), np.uint8)
    return {
        "shrink and activity": (opencv.shrink, compiled.shrink),
        "slope and intercept applied": (
            lambda frame: opencv.carry(frame, slope, intercept, out),
            lambda frame: compiled.carry(frame, slope, intercept, out),
        ),
        "blocks for the judge, of two frames": (
            lambda frame: (block_means_by_opencv(frame), block_means_by_opencv(out)),
            lambda frame: (block_means(frame), block_means(out)),
        ),
    }


def _jpegs() -> dict[str, Way]:
    encoder, live = ViewEncoder(), Verdict("live")

    def pair(frame: Image) -> FramePair:
        raw = Frame(frame, 1, 1)
        return FramePair(raw, raw.enhanced(frame, "live", {}))

    def stamped(frame: Image) -> Image:
        return stamp(frame, status_of(pair(frame).enhanced, live))

    return {
        "in strips, from where the frame lies": lambda frame: encoder.encoded(
            View("enhanced"), pair(frame), live, QUALITY
        ),
        "in one piece, of a stamped copy": lambda frame: simplejpeg.encode_jpeg(
            stamped(frame), quality=QUALITY, colorspace="RGB", colorsubsampling="420", fastdct=True
        ),
        "`cv2.imencode` of a stamped copy, channels swapped": lambda frame: cv2.imencode(
            ".jpg", cv2.cvtColor(stamped(frame), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        ),
    }


def _rows(passes: dict[str, tuple[Way, Way]], rounds: int) -> list[tuple[str, ...]]:
    ways = {(name, form): way for name, both in passes.items() for form, way in enumerate(both)}
    took_ms = _took_ms(ways, rounds)
    found = {name: (took_ms[name, 0], took_ms[name, 1]) for name in passes}
    found["all"] = (sum(took_ms[name, 0] for name in passes), sum(took_ms[name, 1] for name in passes))
    return [(name, f"{a:.2f}", f"{b:.2f}", f"{a / b:.1f}") for name, (a, b) in found.items()]


def _alone(ways: dict[str, Way], rounds: int) -> list[tuple[str, ...]]:
    return [(name, f"{ms:.2f}") for name, ms in _took_ms(ways, rounds).items()]


def _took_ms(ways: Mapping[K, Way], rounds: int) -> dict[K, float]:
    """Name of a way -> CPU ms of this thread, median."""
    renderer, walked = DemoRenderer(0), np.zeros(WALKED_BYTES, np.uint8)
    frames = [renderer.degraded(30 + 5 * number) for number in range(4)]
    took_ms: dict[K, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 3):
        for name, way in ways.items():
            walked[::64] += 1
            begin = time.thread_time()
            way(frames[number % len(frames)])
            took_ms[name].append((time.thread_time() - begin) * 1e3)
    return {name: median(samples[3:]) for name, samples in took_ms.items()}


if __name__ == "__main__":
    sys.exit(main())
