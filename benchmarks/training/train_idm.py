"""Speed of the IDM's training step beside the public CycleGAN loop's way: `python -m benchmarks.training.train_idm`.

Both run in one process, in turns, on the same pictures with the same networks, seeds and equations; the first step's
losses must agree. Figures are medians over rounds; the ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.page import PAGE
from benchmarks.training import cyclegan_loop
from edge.basics.markdown import replace_section, table
from edge.health.machine import machine_line
from firmware_bridge.command_line import Parser
from trainer.networks.patch_discriminator import PatchDiscriminatorConfig
from trainer.networks.resnet_generator import ResnetGeneratorConfig
from trainer.stages.idm import IdmConfig, prepare_idm
from trainer.training.loop import LoopConfig, batches
from trainer.training.parallel import Placement


def make_pictures(folder: Path, num: int) -> tuple[list[Path], list[Path]]:
    """1920x1080 JPEGs, as the paper's camera gives them."""
    rng = np.random.default_rng(0)
    for number in range(2 * num):
        coarse = rng.integers(40, 216, (68, 120, 3), dtype=np.uint8)
        picture = cv2.resize(coarse, (1920, 1080), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{number:03}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
    paths = sorted(folder.glob("*.jpg"))
    return paths[:num], paths[num:]


def ours(config: IdmConfig, lq: list[Path], hq: list[Path], place: Placement) -> Iterator[dict[str, float]]:
    """Steps as `trainer.training.loop` takes them: losses stay on the device and are read every `log_every` steps."""
    stage, dataset = prepare_idm(config, (lq, hq), ([], []), place, {})
    rows = []
    for number, batch in enumerate(batches(dataset, stage, config.loop, 0, place)):
        rows.append(stage.step(batch, number))
        if len(rows) == config.loop.log_every or number == 0:
            read = [{name: term.item() for name, term in row.items()} for row in rows]
            rows = []
            yield read[-1]
        else:
            yield {}


def timed(steps: Iterator[dict[str, float]], num: int, place: Placement) -> float:
    """Seconds a step."""
    began = time.perf_counter()
    for _ in islice(steps, num):
        pass
    if place.device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / num


def peak_flops(place: Placement, kind: torch.dtype, side: int) -> float:
    """The device's best rate on a square matrix product, in FLOP/s."""
    a, b = (torch.randn(side, side, device=place.device, dtype=kind) for _ in range(2))
    best = float("inf")
    for _ in range(10):
        began = time.perf_counter()
        a @ b
        if place.device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return 2 * side**3 / best


def flops_of(step: Callable[[], object]) -> int:
    """Multiplications and additions of one step."""
    counter = FlopCounterMode(display=False)
    with counter:
        step()
    return int(counter.get_total_flops())


def prepared(config: IdmConfig, lq: list[Path], hq: list[Path], cache_gib: float) -> float:
    """Pairs of views that one process prepares a second; a cache of 0 decodes each 1080p JPEG anew."""
    config = replace(config, batch=1, loop=replace(config.loop, cache_gib=cache_gib, workers=0, compile=False))
    _, dataset = prepare_idm(config, (lq, hq), ([], []), Placement(torch.device("cpu")), {})
    began = time.perf_counter()
    for number in range(32):
        dataset[number]
    return 32 / (time.perf_counter() - began)


def measure(config: IdmConfig, place: Placement, rounds: int, num: int) -> list[list[object]]:
    with tempfile.TemporaryDirectory() as name:
        lq, hq = make_pictures(Path(name), 8)
        plain = cyclegan_loop.steps(config, lq, hq, place.device)
        fast = ours(config, lq, hq, place)
        expected, found = next(plain), next(fast)
        for term in expected:  # the same sums, in another order
            assert abs(found[term] - expected[term]) < 0.02 * abs(expected[term]) + 1e-3, (term, found, expected)
        eager = replace(config, loop=replace(config.loop, compile=False))
        counted = flops_of(lambda: next(ours(eager, lq, hq, place)))
        for steps in (plain, fast):
            timed(steps, max(2, num // 2), place)
        streamed, kept = (prepared(config, lq, hq, cache_gib) for cache_gib in (0.0, 4.0))
        pairs = [(timed(fast, num, place), timed(plain, num, place)) for _ in range(rounds)]
    half = config.loop.precision == "bf16"
    kind, side = (torch.bfloat16 if half else torch.float32), 8192 if place.device.type == "cuda" else 2048
    peak = peak_flops(place, kind, side)
    ours_s, plain_s = (median(times) for times in zip(*pairs, strict=True))
    size = f"{config.width_px}x{config.height_px}, {config.generator.num_feat} channels, batch {config.batch}"
    return [
        [f"trainer, {size}", f"{1 / ours_s:.2f} steps/s"],
        [f"CycleGAN's way, {size}", f"{1 / plain_s:.2f} steps/s"],
        ["trainer over CycleGAN's way", f"{median(b / a for a, b in pairs):.2f}"],
        [
            "pairs of views from one process, 1080p JPEG",
            f"{streamed:.0f}/s decoded each time, {kept:.0f}/s from memory",
        ],
        ["work of a step", f"{counted / 1e9:.1f} GFLOP, {counted / ours_s / 1e9:.0f} GFLOP/s"],
        [
            f"share of the measured {config.loop.precision} peak ({peak / 1e12:.2f} TFLOP/s)",
            f"{counted / ours_s / peak:.1%}",
        ],
    ]


def add_size(parser: argparse.ArgumentParser) -> None:
    """The options that say how large the networks, the views and the batch are."""
    parser.add_argument("--size", default="128x72", help="width and height of a view; the paper's is 480x270")
    parser.add_argument("--num-feat", type=int, default=16, help="channels; the paper's 64")
    parser.add_argument("--num-block", type=int, default=4, help="residual blocks; the paper's 9")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--vgg", default="", help="VGG16 weights for eq. (4); without them beta is 0")


def config_of(args: argparse.Namespace, gpu: bool) -> IdmConfig:
    width, height = map(int, args.size.split("x"))
    return IdmConfig(
        width_px=width,
        height_px=height,
        batch=args.batch,
        steps=1_000_000,
        beta=1.5 if args.vgg else 0.0,
        vgg=args.vgg,
        generator=ResnetGeneratorConfig(args.num_feat, args.num_block),
        discriminator=PatchDiscriminatorConfig(args.num_feat),
        loop=LoopConfig(
            precision="bf16" if gpu else "fp32",
            compile=gpu,
            workers=4 if gpu else 1,
            ema_decay=0.0,
            divergence_factor=0.0,
        ),
    )


def main() -> None:
    parser = Parser(prog="python -m benchmarks.training.train_idm", description=__doc__)
    add_size(parser)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20, help="steps of each side in a round")
    parser.add_argument("--page", action="store_true", help="renew the section training-speed of docs/results.md")
    args = parser.parse_args()
    gpu = torch.cuda.is_available()
    place = Placement(torch.device("cuda", 0) if gpu else torch.device("cpu"))
    rows = measure(config_of(args, gpu), place, args.rounds, args.steps)
    if gpu:
        rows.append(["peak memory", f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"])
    device = torch.cuda.get_device_name() if gpu else f"{torch.get_num_threads()} CPU threads"
    head = f"{device}, torch {torch.__version__}; {machine_line()}; medians of {args.rounds} rounds."
    text = f"{head}\n\n{table(['what', 'figure'], rows)}"
    print(text)
    if args.page:
        replace_section(PAGE, "training-speed", text)


if __name__ == "__main__":
    main()
