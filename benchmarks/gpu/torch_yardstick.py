"""`python -m benchmarks.gpu.torch_yardstick CHECKPOINT --profile live`: the same pipeline in torch on the GPU.

What one would run without an engine: eager and torch.compile, both in fp16 by autocast, channels last, the frame on the
GPU already. GPU time by CUDA events, so it compares with `gpu_ms` of `edge-export bench`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from edge.health.machine import machine_line
from export.graphs.from_checkpoints import built_from_checkpoints
from export.graphs.torch_form import recipe_of
from export.on_unit.samples import sample_frames
from firmware_bridge.command_line import Parser

NUM_WARM_UP, NUM_RUNS = 10, 50


def gpu_ms(run: Callable[[], object]) -> float:
    """Median GPU time of a call."""
    for _ in range(NUM_WARM_UP):
        run()
    samples = []
    for _ in range(NUM_RUNS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        run()
        end.record()
        end.synchronize()
        samples.append(begin.elapsed_time(end))
    return median(samples)


@torch.no_grad()
def main() -> None:
    parser = Parser(prog="python -m benchmarks.gpu.torch_yardstick", description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--isr", type=Path)
    parser.add_argument("--profile", default="live")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        sys.stderr.write("torch finds no GPU; the yardstick needs one\n")
        sys.exit(69)
    pipeline = built_from_checkpoints(recipe_of(args.profile), args.checkpoint, args.isr).pipeline.eval().cuda()
    pipeline.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    frame = torch.from_numpy(sample_frames(None, 1).frames[0][None]).cuda()
    compiled = torch.compile(pipeline, mode="reduce-overhead")
    print(f"device             {torch.cuda.get_device_name()}, torch {torch.__version__}; {machine_line()}")
    with torch.autocast("cuda", torch.float16):
        print(f"eager_fp16_ms      {gpu_ms(lambda: pipeline(frame)):.3f}")
        print(f"compiled_fp16_ms   {gpu_ms(lambda: compiled(frame)):.3f}")


if __name__ == "__main__":
    main()
