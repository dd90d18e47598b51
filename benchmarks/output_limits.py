"""The limits of the output judge from data: false alarms on good pictures, misses on faults. Section of the results.

Good: the shipped `live` profile on the CPU, and its half-size answer scaled up by bicubic (in place of bicubic x4).
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from benchmarks.judge_units import units
from edge.artifact import load_artifact
from edge.engines.cpu import open_cpu_engine
from edge.engines.judge import OutputJudge, Statistics
from edge.frame import Image
from edge.geometry import FRAME_HEIGHT_PX, FRAME_SHAPE, FRAME_WIDTH_PX
from edge.sources.demo_render import DemoRenderer
from trainer import degradations
from trainer.report import replace_section, table

PAGE = Path(__file__).parent.parent / "docs" / "results.md"
Pair = tuple[Image, Image]


def frame_of(image: Image) -> Image:
    """A picture of any size cut and scaled to a frame."""
    height, width = image.shape[:2]
    rows = min(height, width * 9 // 16)
    top = (height - rows) // 2
    cut = image[top : top + rows, : rows * 16 // 9]
    return np.asarray(cv2.resize(cut, (FRAME_WIDTH_PX, FRAME_HEIGHT_PX), interpolation=cv2.INTER_CUBIC), np.uint8)


def real(data: Path, most: int) -> Iterator[tuple[str, Image]]:
    for folder in ("larynx", "throat_research", "smoke_research"):
        paths = sorted(p for p in (data / folder).rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
        if not paths:
            print(f"skipped: no pictures in {data / folder}", flush=True)
        for path in paths[:: max(1, len(paths) // most)][:most]:
            image = cv2.imread(str(path))
            if image is not None:
                yield f"real, {folder}", frame_of(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8))


def demo(num_seeds: int) -> Iterator[tuple[str, Image]]:
    for seed in range(num_seeds):
        renderer = DemoRenderer(seed, spread=1.5)
        for index in (0, 1, 2, 45, 46, 120, 121):
            yield "demo", renderer.degraded(index)


def degraded(num: int) -> Iterator[tuple[str, Image]]:
    for seed in range(num):
        rng = np.random.default_rng(seed)
        linear = degradations.to_linear(cv2.resize(DemoRenderer(seed, spread=1.5).truth(30), (960, 540)), 2.2)
        depth = degradations.breath_depth(540, 960, rng, rng.uniform(0.2, 4), rng.choice([0, 0.4]))
        air = np.full(3, rng.uniform(0.4, 0.9), np.float32)
        linear = degradations.condensation(linear * rng.uniform(0.2, 2), depth, air, 0.4, 60)
        linear = degradations.defocus(linear, rng.uniform(0, 20))
        shown = degradations.sensor_noise(degradations.from_linear(linear, 2.2), rng, rng.uniform(0.5, 6), 0.02)
        yield "degraded", frame_of(np.clip(shown, 0, 255).astype(np.uint8))


def cards() -> Iterator[tuple[str, Image]]:
    rng = np.random.default_rng(1)
    for level in (0, 0, 128, 255, 255):
        yield "cards", np.full(FRAME_SHAPE, level, np.uint8)
        noisy = level + 3 * rng.standard_normal(FRAME_SHAPE, np.float32)
        yield "cards", np.clip(noisy, 0, 255).astype(np.uint8)


def faults(before: Pair | None, raw: Image, good: Image, rng: np.random.Generator) -> Iterator[tuple[str, Image]]:
    yield "black", np.zeros_like(good)
    yield "constant", np.full_like(good, 127)
    yield "noise", rng.integers(0, 256, good.shape, np.uint8)
    blocks = rng.integers(0, 256, (27, 48, 3), np.uint8)
    yield "random blocks", np.asarray(cv2.resize(blocks, good.shape[1::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
    half = good.copy()
    half[540:] = 0
    yield "lower half black", half
    yield "upside down", np.ascontiguousarray(good[::-1])
    yield "rows shifted by 240", np.roll(good, 240, 0)
    yield "negative", 255 - good
    yield "red and blue swapped", np.ascontiguousarray(good[..., ::-1])
    yield "channels turned", np.ascontiguousarray(np.roll(good, 1, -1))
    if before is not None:
        yield "frame before", before[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("shared/data"), help="folder of the real pictures")
    parser.add_argument("--num", type=int, default=40, help="pictures of each kind")
    parser.add_argument("--seconds", type=float, default=1800, help="each source of pictures gets a fifth")
    parser.add_argument("--page", action="store_true", help="write the section of docs/results.md")
    args = parser.parse_args()
    engine, judge, rng = open_cpu_engine(load_artifact("live"), 2), OutputJudge(), np.random.default_rng(0)
    good: dict[str, list[tuple[Statistics, str]]] = defaultdict(list)
    bad: dict[str, list[str]] = defaultdict(list)
    cost_ms = []
    before: Pair | None = None

    def take(kind: str, raw: Image, seen: Image) -> None:
        nonlocal before
        made = engine.enhance(seen).image
        begin = time.perf_counter()
        found = judge.measure(raw, made)
        cost_ms.append((time.perf_counter() - begin) * 1e3)
        good[kind].append((found, judge.verdict(found)))
        small = cv2.resize(made, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        bicubic = np.asarray(cv2.resize(small, made.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.uint8)
        other = OutputJudge().measure(raw, bicubic)
        good[f"{kind}, bicubic"].append((other, judge.verdict(other)))
        if kind != "cards":
            for name, picture in faults(before, raw, made, rng):
                second = OutputJudge()
                if before is not None:
                    second.measure(*before)
                bad[name].append(second.fault(raw, picture))
        before = raw, made

    end_s = time.monotonic() + args.seconds
    sources = [cards(), demo(max(1, args.num // 7)), degraded(args.num), real(args.data, args.num)]
    for number, source in enumerate(sources):
        for kind, raw in source:
            take(kind, raw, raw)
            if time.monotonic() > end_s - args.seconds * (1 - (number + 1) / 5):
                print(f"cut short: {kind}", flush=True)
                break
    for raw, correction in units():
        take("calibrated unit", raw, correction.apply(raw))
        if time.monotonic() > end_s:
            break
    rows: list[list[object]] = []
    for kind, seen in good.items():
        colours = [s.colour for s, _ in seen]
        foreign = [s.foreign for s, _ in seen if s.num_tiles >= 4]
        alarms = [v for _, v in seen if v]
        rows.append([f"good: {kind}", len(seen), f"{len(alarms)} {sorted(set(alarms)) or ''}",
                     f"{max(foreign, default=0):.2f}", f"{max(colours):.3f}"])  # fmt: skip
    for name, verdicts in bad.items():
        rows.append([f"fault: {name}", len(verdicts), f"{verdicts.count('')} missed", "", ""])
    text = table(["pictures", "n", "false alarms or misses", "foreign, largest", "colour, largest"], rows)
    text += f"\nCost of a frame, two cores shared: median {np.median(cost_ms):.2f} ms.\n"
    print(text)
    if args.page:
        replace_section(PAGE, "output limits", text)


if __name__ == "__main__":
    main()
