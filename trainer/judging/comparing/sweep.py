"""The sweep over beta as a drawing: quality against reproducibility, a curve through the networks in order of beta."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from edge.basics.errors import UsageError
from edge.basics.whole_files import write_whole
from trainer.judging.comparing.catalogue import MEASURES
from trainer.judging.comparing.methods import Compared
from trainer.judging.comparing.summary import Mean, Summary
from trainer.judging.comparing.tables import headline

WIDTH, HEIGHT, LEFT, BOTTOM, GAP = 320, 250, 62, 46, 18
CURVES = ("structure_ssim", "structure_gradients", "colour_de00", "texture_vgg")
QUALITY = ("niqe", "haze")
"""What stands for quality: a row of panels for each that was measured."""


def check_sweep(compared: Compared) -> None:
    """Raises UsageError unless every network names its beta, and two differ."""
    without = [row.name for row in compared.rows if row.beta is None]
    if without:
        raise UsageError(f"--sweep: {without[0]} names no idm.beta in its settings; give checkpoints of edge-train idm")
    betas = sorted({row.beta for row in compared.rows if row.beta is not None})
    if len(betas) < 2:
        found = f"all have beta {betas[0]:g}" if betas else "there is none"
        raise UsageError(f"--sweep: needs networks of at least two betas; {found}")


def sweep_svg(summary: Summary) -> str:
    """A column for each measure of reproducibility, better to the right; a row for each of quality, better at the top.

    Empty where there is nothing to draw. Bars are 95% intervals.
    """
    names = [name for name in CURVES if all(name in point.reproducibility for point in summary.sweep)]
    qualities = [name for name in QUALITY if all(name in point.quality for point in summary.sweep)]
    if not summary.sweep or not names or not qualities:
        return ""
    panels = []
    for row, quality in enumerate(qualities):
        for column, name in enumerate(names):
            points = [(p.beta, p.reproducibility[name], p.quality[quality]) for p in summary.sweep]
            place = f"translate({column * (WIDTH + GAP)},{row * (HEIGHT + GAP)})"
            panels.append(f'<g transform="{place}">{_panel(points)}</g>')
    width, height = len(names) * (WIDTH + GAP), len(qualities) * (HEIGHT + GAP) - GAP
    shape = f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {shape}>'
        f'<rect width="{width}" height="{height}" fill="#fff"/>{"".join(panels)}</svg>\n'
    )


def write_sweep(summary: Summary, folder: Path) -> None:
    """Write `sweep.svg`, where there is something to draw; raises OSError."""
    if drawing := sweep_svg(summary):
        write_whole(folder / "sweep.svg", drawing.encode())


def _panel(points: Sequence[tuple[float, Mean, Mean]]) -> str:
    across = _Scale([mean for _, mean, _ in points], LEFT, WIDTH - 14)
    up = _Scale([mean for _, _, mean in points], HEIGHT - BOTTOM, 14)
    parts = [f'<path d="M{LEFT},14V{HEIGHT - BOTTOM}H{WIDTH - 14}" fill="none" stroke="#444"/>']
    for value in across.ends:
        text = f"{value:.{MEASURES[across.measure].digits}f}"
        parts.append(f'<text x="{across(value):.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{text}</text>')
    for value in up.ends:
        text = f"{value:.{MEASURES[up.measure].digits}f}"
        parts.append(f'<text x="{LEFT - 6}" y="{up(value) + 4:.1f}" text-anchor="end">{text}</text>')
    places = [(across(x.mean), up(y.mean)) for _, x, y in points]
    parts.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}" fill="none" stroke="#0060a0"/>')
    for number, ((beta, x_mean, y_mean), (x, y)) in enumerate(zip(points, places, strict=True)):
        parts.append(f'<path d="{_bars(x_mean, y_mean, across, up, x, y)}" stroke="#0060a0" stroke-opacity="0.4"/>')
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#0060a0"/>')
        side = "start" if x < WIDTH - 60 else "end"  # in turn above and below, since neighbours lie close
        at = f'x="{x + (7 if side == "start" else -7):.1f}" y="{y + (16 if number % 2 else -6):.1f}"'
        parts.append(f'<text {at} text-anchor="{side}">beta {beta:g}</text>')
    middle_x, middle_y = (LEFT + WIDTH - 14) / 2, (HEIGHT - BOTTOM + 14) / 2
    parts.append(
        f'<text x="{middle_x}" y="{HEIGHT - 8}" text-anchor="middle">{escape(headline(across.measure))}</text>'
        f'<text transform="translate(12,{middle_y}) rotate(-90)" text-anchor="middle">{escape(headline(up.measure))}'
        "</text>"
    )
    return "".join(parts)


def _bars(x_mean: Mean, y_mean: Mean, across: _Scale, up: _Scale, x: float, y: float) -> str:
    bars = "" if math.isnan(x_mean.low) else f"M{across(x_mean.low):.1f},{y:.1f}H{across(x_mean.high):.1f}"
    return bars + ("" if math.isnan(y_mean.low) else f"M{x:.1f},{up(y_mean.low):.1f}V{up(y_mean.high):.1f}")


class _Scale:
    """Value -> place, the better end of a measure at `better`."""

    def __init__(self, means: Sequence[Mean], worse: float, better: float) -> None:
        self.measure = means[0].measure
        values = [v for m in means for v in (m.mean, m.low, m.high) if not math.isnan(v)]
        low, high = min(values), max(values)
        margin = 0.08 * (high - low) or 0.5 * 10 ** -MEASURES[self.measure].digits
        self.ends = (low - margin, high + margin)
        self._places = (worse, better) if MEASURES[self.measure].higher_is_better else (better, worse)

    def __call__(self, value: float) -> float:
        low, high = self.ends
        at_low, at_high = self._places
        return at_low + (at_high - at_low) * (value - low) / (high - low)
