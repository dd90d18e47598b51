"""`python -m benchmarks.gpu.pycuda_overlap`: the TensorRT runtime's own path around a real kernel, on a GPU without
TensorRT.

The engine's streams, events, page-locked frames and CUDA graphs drive a kernel that inverts the picture, in place of a
plan. It says whether every pixel is right and how much of the copies hides behind the run. Needs pycuda and nvcc.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from edge.basics.markdown import table
from edge.engines.gpu.device import current_context, gpu_of, load_cuda
from edge.engines.gpu.frame_pool import FramePool
from edge.engines.gpu.tensorrt import FRAME_BYTES, MAX_FLIGHTS, TensorRtEngine
from edge.health.machine import machine_line
from edge.pictures.geometry import FRAME_SHAPE
from firmware_bridge.command_line import Parser

KERNEL = """
__global__ void invert(const unsigned char *in, unsigned char *out, int count, int rounds) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    unsigned value = in[i];
    for (int r = 0; r < rounds; r++) value = (value * 5 + r) & 255;  // work that cannot be left out
    out[i] = 255 - in[i] + (value > 255);
}
"""
NUM_FRAMES = 300
THREADS = 256


class KernelContext:
    """An execution context whose engine is one kernel."""

    def __init__(self, cuda: Any, rounds: int) -> None:
        from pycuda.compiler import SourceModule

        self._kernel = SourceModule(KERNEL).get_function("invert")
        self._addresses: dict[str, int] = {}
        self._rounds = np.int32(rounds)

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        arguments = [np.uint64(self._addresses[name]) for name in ("frame", "enhanced")]
        grid = (-(-FRAME_BYTES // THREADS), 1)
        self._kernel(
            *arguments, np.int32(FRAME_BYTES), self._rounds, block=(THREADS, 1, 1), grid=grid, stream=self.stream
        )
        return True

    stream: Any = None


def main() -> None:
    parser = Parser(prog="python -m benchmarks.gpu.pycuda_overlap", description=__doc__)
    parser.add_argument("--rounds", type=int, default=400, help="how long the kernel works")
    args = parser.parse_args()
    cuda = load_cuda()
    gpu = gpu_of(cuda)
    rows: list[list[object]] = []
    with current_context(cuda):
        context, pool = KernelContext(cuda, args.rounds), FramePool(8, mapped=gpu.integrated)
        labels = {"profile": "kernel", "model_sha256": "", "device": gpu.name}
        engine = TensorRtEngine(cuda, context, pool, **labels, mapped=gpu.integrated, logger=None)
        context.stream = engine.run_stream
        frames = [np.random.default_rng(n).integers(0, 256, FRAME_SHAPE, dtype=np.uint8) for n in range(4)]
        right = all(np.array_equal(engine.enhance(frame).image, 255 - frame) for frame in frames)
        lent = pool.take()
        assert lent is not None
        lent[:] = frames[0]
        begin = time.perf_counter()
        parts = [engine.enhance(lent).stage_ms for _ in range(NUM_FRAMES)]
        alone_ms = (time.perf_counter() - begin) * 1e3 / NUM_FRAMES
        begin = time.perf_counter()
        for number in range(NUM_FRAMES):
            engine.submit(lent)
            if number >= MAX_FLIGHTS - 1:
                engine.collect()
        for _ in range(MAX_FLIGHTS - 1):
            engine.collect()
        overlapped_ms = (time.perf_counter() - begin) * 1e3 / NUM_FRAMES
        gpu_ms, copy_ms = (float(np.median([part[name] for part in parts])) for name in ("gpu", "copy"))
        rows += [["pixels", "right" if right else "WRONG"], ["kernel, ms", gpu_ms], ["copies, ms", copy_ms]]
        rows += [["one at a time, ms a frame", alone_ms], ["three on their way, ms a frame", overlapped_ms]]
        rows += [["share of the copies hidden", (alone_ms - overlapped_ms) / copy_ms if copy_ms else 0.0]]
        engine.choose_launch(frames[0])
        rows.append(["CUDA graph pays", str(engine.uses_cuda_graph)])
        engine.close()
        del lent
        pool.close()
    print(f"{gpu.name}; {machine_line()}\n\n{table(['what', 'figure'], rows)}")


if __name__ == "__main__":
    main()
