"""Plots of a comparison as SVG. Colours are classes of the page's style, so that they follow its light and dark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from trainer.judging.comparing.catalogue import Measure

WIDTH, LABEL, RIGHT, ROW, TOP, FOOT = 480, 124, 14, 44, 6, 26
"""Of a plot of distributions, in its own units: whole width, room for names, one method's height, room for the axis."""
NUM_STEPS = 96
MOST_POINTS = 600
"""Dots a method; of more every nth is drawn, in order of their value."""
SEED = 2026
CURVE = 216
"""Side of a plot of quality against reproducibility."""


@dataclass(frozen=True, slots=True)
class Spread:
    """What a measure found for one method.

    Attributes:
        colour: number of its colour.
        values: of each picture; at least one.
        mean, low, high: and its 95% interval; NaN where there is none.
    """

    method: str
    colour: int
    values: Sequence[float]
    mean: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, slots=True)
class Point:
    """A network's place between two measures; intervals as (low, high)."""

    name: str
    colour: int
    x: float
    y: float
    x_interval: tuple[float, float]
    y_interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to places.

    Attributes:
        low, high: values at its ends; start, end: their places.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, num: int) -> list[float]:
        """About `num` round values within it."""
        step = _round_step((self.high - self.low) / num)
        first = math.ceil(self.low / step - 1e-9)
        return [step * n for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


def distributions(title: str, measure: Measure, spreads: Sequence[Spread]) -> str:
    """A row a method: density, one dot a picture, mean with interval."""
    everything = np.concatenate([np.asarray(one.values, np.float64) for one in spreads])
    axis = _axis(everything, LABEL, WIDTH - RIGHT)
    height = TOP + ROW * len(spreads) + FOOT
    better = "right" if measure.higher_is_better else "left"
    told = "; ".join(f"{one.method} {one.mean:.{measure.digits}f}" for one in spreads)
    parts = [_opened(WIDTH, height, f"{title}, better to the {better}. Means: {told}", "spread")]
    foot = height - FOOT
    for tick in axis.ticks(6):
        x = axis(tick)
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{foot}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{height - 8}" text-anchor="middle">{_told(tick)}</text>')
    parts += [_row(one, TOP + ROW * number, axis, measure) for number, one in enumerate(spreads)]
    return "".join([*parts, "</svg>"])


def _row(one: Spread, top: float, axis: Axis, measure: Measure) -> str:
    values = np.sort(np.asarray(one.values, np.float64))
    middle, base = top + ROW * 0.5, top + ROW - 6
    parts = [f'<g class="m{one.colour}">']
    parts.append(f'<text class="name" x="0" y="{middle + 4:.1f}">{escape(_short(one.method))}</text>')
    if len(values) > 2 and values[-1] > values[0]:
        parts.append(f'<path class="density" d="{_density(values, axis, base, ROW - 14)}"/>')
    shown = values[:: max(1, math.ceil(len(values) / MOST_POINTS))]
    lifts = np.random.default_rng(SEED).uniform(0, ROW * 0.34, len(shown))  # the same page each time
    dots = "".join(f"M{axis(value):.1f} {base - 1 - lift:.1f}h0" for value, lift in zip(shown, lifts, strict=True))
    parts.append(f'<path class="dots" d="{dots}"/>')
    if math.isfinite(one.low) and math.isfinite(one.high):
        parts.append(f'<path class="interval" d="M{axis(one.low):.1f} {base}H{axis(one.high):.1f}"/>')
    interval = f" ({one.low:.{measure.digits}f} to {one.high:.{measure.digits}f})" if math.isfinite(one.low) else ""
    about = f"{escape(one.method)}: mean {one.mean:.{measure.digits}f}{interval}, {len(values)} pictures"
    parts.append(f'<path class="mean" d="M{axis(one.mean):.1f} {base - 7}v12"><title>{about}</title></path></g>')
    return "".join(parts)


def _density(values: NDArray[np.float64], axis: Axis, base: float, height: float) -> str:
    """Gaussian kernels, bandwidth by Silverman's rule (1986, eq. 3.31), as high as the row."""
    spread = min(float(np.std(values, ddof=1)), float(np.subtract(*np.percentile(values, [75, 25]))) / 1.34 or math.inf)
    width = max(0.9 * spread * len(values) ** -0.2, (axis.high - axis.low) / 400)
    at = np.linspace(max(axis.low, values[0] - 3 * width), min(axis.high, values[-1] + 3 * width), NUM_STEPS)
    found = np.exp(-0.5 * ((at[:, None] - values[None]) / width) ** 2).sum(axis=1)
    top = base - found / found.max() * height
    line = "L".join(f"{axis(x):.1f} {y:.1f}" for x, y in zip(at, top, strict=True))
    return f"M{axis(at[0]):.1f} {base:.1f}L{line}L{axis(at[-1]):.1f} {base:.1f}Z"


def curve(x_measure: Measure, y_measure: Measure, points: Sequence[Point]) -> str:
    """Quality (up is better) over reproducibility (right is better), networks joined in the order given."""
    xs, ys = (np.array([[getattr(p, a), *getattr(p, f"{a}_interval")] for p in points]).ravel() for a in "xy")
    side, left, foot = CURVE, 46, 40
    x_axis, y_axis = _axis(xs[np.isfinite(xs)], left, side - 12), _axis(ys[np.isfinite(ys)], side - foot, 12)
    if not x_measure.higher_is_better:
        x_axis = Axis(x_axis.high, x_axis.low, x_axis.start, x_axis.end)
    if not y_measure.higher_is_better:
        y_axis = Axis(y_axis.high, y_axis.low, y_axis.start, y_axis.end)
    told = "; ".join(f"{p.name}: {p.x:.{x_measure.digits}f}, {p.y:.{y_measure.digits}f}" for p in points)
    parts = [_opened(side, side, f"{y_measure.title} over {x_measure.title}, better up and right. {told}", "curve")]
    for tick in _ticks(x_axis):
        parts.append(f'<path class="grid" d="M{x_axis(tick):.1f} 12V{side - foot}"/>')
        place = f'x="{x_axis(tick):.1f}" y="{side - foot + 15}"'
        parts.append(f'<text class="tick" {place} text-anchor="middle">{_told(tick)}</text>')
    for tick in _ticks(y_axis):
        parts.append(f'<path class="grid" d="M{left} {y_axis(tick):.1f}H{side - 12}"/>')
        parts.append(
            f'<text class="tick" x="{left - 6}" y="{y_axis(tick) + 4:.1f}" text-anchor="end">{_told(tick)}</text>'
        )
    way = "L".join(f"{x_axis(p.x):.1f} {y_axis(p.y):.1f}" for p in points)
    parts.append(f'<path class="way" d="M{way}"/>')
    parts += [_point(p, x_axis, y_axis) for p in points]
    parts.append(
        f'<text class="axis" x="{(left + side) / 2:.0f}" y="{side - 6}" text-anchor="middle">better &#8594;</text>'
    )
    return "".join([*parts, "</svg>"])


def _point(point: Point, x_axis: Axis, y_axis: Axis) -> str:
    x, y = x_axis(point.x), y_axis(point.y)
    cross = ""
    if all(map(math.isfinite, (*point.x_interval, *point.y_interval))):
        (left, right), (low, high) = point.x_interval, point.y_interval
        across = f"M{x_axis(left):.1f} {y:.1f}H{x_axis(right):.1f}"
        cross = f'<path class="interval" d="{across}M{x:.1f} {y_axis(low):.1f}V{y_axis(high):.1f}"/>'
    name = escape(point.name)
    label = f'<text class="name" x="{x + 8:.1f}" y="{y + 16:.1f}">{name}</text>'
    return f'<g class="m{point.colour}">{cross}<circle class="spot" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>{label}</g>'


def _ticks(axis: Axis) -> list[float]:
    return Axis(min(axis.low, axis.high), max(axis.low, axis.high), 0, 1).ticks(4)


def _axis(values: NDArray[np.float64], start: float, end: float) -> Axis:
    low, high = float(values.min()), float(values.max())
    room = (high - low) * 0.06 or max(abs(high) * 0.05, 1e-6)
    return Axis(low - room, high + room, start, end)


def _round_step(step: float) -> float:
    scale = 10.0 ** math.floor(math.log10(step))
    return next(scale * part for part in (1, 2, 2.5, 5, 10) if scale * part >= step * 0.999)


def _told(value: float) -> str:
    return f"{value:.6g}" if value else "0"


def _short(name: str) -> str:
    return name if len(name) <= 18 else f"{name[:8]}\N{HORIZONTAL ELLIPSIS}{name[-8:]}"


def _opened(width: float, height: float, about: str, kind: str) -> str:
    return f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(about)}">'


def by_group(measures: Mapping[str, Measure], group: str) -> list[str]:
    """Names of a group's measures, in the order of tables."""
    return [name for name, measure in measures.items() if measure.group == group]
