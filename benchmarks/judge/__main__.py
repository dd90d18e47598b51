"""`python -m benchmarks.judge SAMPLES --data DATA`: alarms of the output judge on right answers, and faults found.

The limits were set with shots before number 830 of the mixed order in view; what is reported as unseen came after.
"""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np

from benchmarks.judge.samples import ENGINES, Pair, draw, read_pairs
from benchmarks.judge.units import block_correction
from benchmarks.page import PAGE
from edge.basics.markdown import replace_section, table
from edge.guard.judge import JudgeLimits, OutputJudge, Sample, Statistics
from edge.sources.demo.render import DemoRenderer
from firmware_bridge.command_line import Parser

FIRST_UNSEEN = 830
NUM_TIMED = 200
LOW, HIGH = "low", "high"
LIMITED = {
    "likeness": LOW, "colour_likeness": LOW, "colour": HIGH, "gain": HIGH, "holes": HIGH, "frozen": HIGH,
}  # fmt: skip
"""Statistics of `edge.guard.judge`, and on which side of their limit a wrong answer lies."""
_HALF = 14
"""Rows of blocks in the upper half."""


class Found:
    """What the judge said of all pairs."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self.right: list[tuple[Pair, str, Statistics, str]] = []
        self.wrong: dict[str, list[str]] = defaultdict(list)
        self.missed_by: list[float] = []
        for _, shot in groupby(pairs, key=lambda pair: (pair.shot, pair.group)):
            self._take(list(shot))

    def _take(self, shot: list[Pair]) -> None:
        for number, engine in enumerate(ENGINES):
            judge = _judge(shot[0])
            for pair in shot:
                found = judge.compare(pair.raw, pair.right[number])
                self.right.append((pair, engine, found, judge.verdict(found)))
        for pair in shot:
            for name, answer in pair.wrong.items():
                judge = _judge(pair)
                self.wrong[name].append(judge.verdict(judge.compare(pair.raw, answer)))
        if len(shot) > 1 and shot[0].kind != "cards":
            self._take_repeats(shot)

    def _take_repeats(self, shot: list[Pair]) -> None:
        """The engine stands still at the first frame, whole or in its lower half, or for the last frame alone."""
        first, before, last = shot[0].right[0], shot[-2].right[0], shot[-1].right[0]
        whole, half, once = _judge(shot[0]), _judge(shot[0]), _judge(shot[0])
        said: dict[str, str] = {}
        for pair in shot:
            blocks = np.vstack([pair.right[0].blocks[:_HALF], first.blocks[_HALF:]])
            answers = (
                (whole, first),
                (half, Sample(blocks, first.rough)),
                (once, before if pair is shot[-1] else pair.right[0]),
            )
            for name, (judge, answer) in zip(
                ("stands still", "lower half stands still", "frame before"), answers, strict=True
            ):
                said[name] = judge.verdict(judge.compare(pair.raw, answer))
        for name, verdict in said.items():
            self.wrong[f"{name}, {shot[0].kind}"].append(verdict)
        if not said["frame before"]:
            self.missed_by.append(float(cv2.absdiff(last.blocks, before.blocks).mean()))

    def alarms(self) -> list[tuple[Pair, str, Statistics, str]]:
        return [one for one in self.right if one[3]]


def _judge(pair: Pair) -> OutputJudge:
    judge = OutputJudge()
    judge.correction = block_correction(pair.group)
    return judge


def cost_ms() -> tuple[float, float]:
    """Median CPU time of a judgement and of a copy of a frame, one after the other, one thread."""
    cv2.setNumThreads(1)
    renderer, judge = DemoRenderer(0), OutputJudge()
    pairs = [(renderer.degraded(index), renderer.truth(index)) for index in range(0, 60, 10)]
    target = np.empty_like(pairs[0][0])
    took = np.empty((NUM_TIMED, 2))
    for row in range(NUM_TIMED):
        raw, made = pairs[row % len(pairs)]
        begin = time.thread_time()
        judge.fault(raw, made)
        middle = time.thread_time()
        np.copyto(target, raw)
        took[row] = middle - begin, time.thread_time() - middle
    judged, copied = np.median(took, axis=0) * 1e3
    return float(judged), float(copied)


def _kinds_table(found: Found) -> str:
    rows: list[list[object]] = []
    shots = {(pair.kind, pair.shot) for pair, *_ in found.right}
    num_shots = Counter(kind for kind, _ in shots)
    for kind in sorted(num_shots):
        verdicts = [(pair.shot, said) for pair, _, _, said in found.right if pair.kind == kind]
        unseen = [said for shot, said in verdicts if shot >= FIRST_UNSEEN]
        alarms = sum(bool(said) for _, said in verdicts)
        rows.append([kind, num_shots[kind], len(verdicts) // len(ENGINES), len(verdicts), alarms,
                     len(unseen), sum(map(bool, unseen))])  # fmt: skip
    totals = [sum(int(str(row[column])) for row in rows) for column in range(1, 7)]
    rows.append(["**all**", *totals])
    head = ["right answers to", "shots", "frames", "answers (two engines)", "alarms", "of these unseen", "alarms"]
    return table(head, rows)


def _statistics_table(found: Found) -> str:
    limits = JudgeLimits()
    rows: list[list[object]] = []
    for name, side in LIMITED.items():
        values = np.array([getattr(one, name) for pair, _, one, _ in found.right if pair.kind != "cards"])
        cards = np.array([getattr(one, name) for pair, _, one, _ in found.right if pair.kind == "cards"])
        values, cards = values[~np.isnan(values)], cards[~np.isnan(cards)]
        nearest = (np.min if side == LOW else np.max)(cards) if len(cards) else math.nan
        points = [np.quantile(values, share) for share in (0, 0.001, 0.5, 0.999, 1)]
        limit = f"{'under' if side == LOW else 'over'} {getattr(limits, name):g}"
        shown = "" if math.isnan(nearest) else f"{nearest:.3f}"
        rows.append([name, len(values), *(f"{point:.3f}" for point in points), shown, limit])
    return table(["statistic", "n", "min", "p0.1", "median", "p99.9", "max", "cards, nearest", "fault"], rows)


def _faults_table(found: Found) -> str:
    rows: list[list[object]] = []
    for name, verdicts in sorted(found.wrong.items(), key=lambda one: -_share(one[1])):
        said = Counter(verdict for verdict in verdicts if verdict).most_common(1)
        rows.append([name, len(verdicts), f"{100 * _share(verdicts):.0f}%", said[0][0] if said else ""])
    return table(["fault", "n", "found", "mostly as"], rows)


def _share(verdicts: list[str]) -> float:
    return sum(map(bool, verdicts)) / len(verdicts)


def report(found: Found) -> str:
    """The section's text."""
    unseen = [said for pair, _, _, said in found.right if pair.shot >= FIRST_UNSEEN]
    judged_ms, copied_ms = cost_ms()
    parts = [
        _kinds_table(found),
        f"No alarm in n answers means a rate below 3/n with 95% confidence, were they independent: "
        f"{3 / max(1, len(unseen)):.2%} for the unseen ones. They are not: frames of one clip resemble each other.",
        _statistics_table(found),
        _faults_table(found),
        f"A frame before that passed differed from the right answer by {np.median(found.missed_by or [0]):.1f} levels "
        f"in the median, {max(found.missed_by, default=0):.1f} at most.",
        f"Cost: median {judged_ms:.2f} ms of CPU time a frame, {judged_ms / copied_ms:.1f} times a copy of a frame.",
    ]
    return "\n\n".join(parts)


def main() -> None:
    parser = Parser(prog="python -m benchmarks.judge", description=__doc__)
    parser.add_argument("samples", type=Path, help="what is kept of the pictures; drawn first where it is missing")
    parser.add_argument("--data", type=Path, required=True, help="has larynx/, throat_research/ and smoke_research/")
    parser.add_argument("--share", type=float, default=1.0, help="of all shots")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--page", action="store_true", help="write the section of docs/results.md")
    args = parser.parse_args()
    if not args.samples.exists():
        draw(args.data, args.share, args.processes, args.samples)
    found = Found(read_pairs(args.samples))
    for pair, engine, statistics, said in found.alarms():
        print(f"alarm: {said}: {pair.kind}, {pair.group}, shot {pair.shot} frame {pair.index}, {engine}: {statistics}")
    text = report(found)
    print(text)
    if args.page:
        replace_section(PAGE, "output limits", text)


if __name__ == "__main__":
    main()
