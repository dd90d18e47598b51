"""`python -m benchmarks.gpu.engine_overhead`: what the TensorRT runtime's own code costs a frame.

The engine does nothing, behind real pycuda over the test double of libcuda (`make tensorrt-parts`), whose copies and
kernels cost nothing: what is left is buffers, streams, events and bookkeeping. On a GPU the driver's own calls cost
more than the double's.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from edge.basics.markdown import table
from edge.engines.gpu.device import current_context, load_cuda
from edge.engines.gpu.frame_pool import FramePool
from edge.engines.gpu.tensorrt import TensorRtEngine
from edge.health.machine import machine_line
from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.image import Image
from firmware_bridge.command_line import Parser

PARTS = Path("build/tensorrt-parts/pycuda")
NUM_FRAMES = 2000


class NullContext:
    """An execution context that starts nothing."""

    def set_tensor_address(self, name: str, address: int) -> bool:
        return True

    def execute_async_v3(self, stream: int) -> bool:
        return True


def frame_ms(run: Callable[[], object]) -> list[float]:
    samples = []
    for _ in range(NUM_FRAMES):
        begin = time.perf_counter()
        run()
        samples.append((time.perf_counter() - begin) * 1e3)
    return sorted(samples)


def measured(mapped: bool) -> list[list[object]]:
    cuda = load_cuda()
    with current_context(cuda):
        pool = FramePool(8, mapped=mapped)
        labels = {"profile": "null", "model_sha256": "", "device": "double"}
        engine = TensorRtEngine(cuda, NullContext(), pool, **labels, mapped=mapped, logger=None)
        kind = "integrated" if mapped else "discrete"
        frames: dict[str, Image | None] = {"a page-locked frame": pool.take(), "a frame of its own memory": None}
        rows: list[list[object]] = []
        for name, lent in frames.items():
            frame = np.ones(FRAME_SHAPE, np.uint8) if lent is None else lent
            frame[:] = 0  # so that an answer that nobody wrote does not count as black
            samples = frame_ms(lambda frame=frame: engine.enhance(frame))  # type: ignore[misc]
            rows.append([f"{kind} GPU, {name}", median(samples), samples[int(0.95 * NUM_FRAMES)]])
        engine.close()
        del frames, frame
        pool.close()
    return rows


def main() -> None:
    Parser(prog="python -m benchmarks.gpu.engine_overhead", description=__doc__).parse_args()
    if not (PARTS / "complete").exists():
        sys.exit(f"{PARTS}: not there; run make tensorrt-parts")
    os.environ["HOST_CUDA_COPY"] = "0"
    ctypes.CDLL(str(PARTS / "driver" / "libcuda.so.1"), mode=ctypes.RTLD_GLOBAL)
    sys.path.insert(0, str(PARTS / "site"))
    rows = [row for mapped in (False, True) for row in measured(mapped)]
    print(f"{machine_line()}\n")
    print(table(["host time of one frame", "median ms", "p95 ms"], rows))


if __name__ == "__main__":
    main()
