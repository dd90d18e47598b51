"""CPU time of each part of the frame path, measured alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from edge.engines.cpu import open_cpu_engine
from edge.frames.frame import FramePair
from edge.health.machine import available_cpus
from edge.health.state import Verdict
from edge.models.profile import load_profile
from edge.sources.open import open_source
from edge.web.views import View, ViewEncoder

NUM_CALLS = 60


def cpu_and_wall_ms(work: Callable[[], object], num_calls: int = NUM_CALLS) -> tuple[float, float]:
    """CPU ms of the whole process per call (mean) and wall ms (median), after three calls to warm up."""
    for _ in range(3):
        work()
    wall: list[float] = []
    begin_cpu = time.process_time()
    for _ in range(num_calls):
        begin = time.perf_counter()
        work()
        wall.append(time.perf_counter() - begin)
    return (time.process_time() - begin_cpu) / num_calls * 1e3, median(wall) * 1e3


def measure_parts(clip: Path) -> dict[str, tuple[float, float]]:
    """Name -> (CPU ms, wall ms) per 1080p frame of decode, engine and publish (banner and JPEG)."""
    source = open_source(f"{clip}?pace=free")
    frame = source.read()
    assert frame is not None
    engine = open_cpu_engine(load_profile("live"), available_cpus())
    encoder, verdict = ViewEncoder(), Verdict("live")
    pair = FramePair(frame, frame.enhanced(frame.image, "live", {}))

    try:
        return {
            "decode": cpu_and_wall_ms(source.read),
            "engine": cpu_and_wall_ms(lambda: engine.enhance(frame.image)),
            "publish": cpu_and_wall_ms(lambda: encoder.encoded(View("enhanced"), pair, verdict, 85)),
        }
    finally:
        source.close()
        engine.close()
