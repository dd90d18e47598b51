"""What the page shows of a comparison's figures: methods with their colours, tables, plots."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trainer.judging.comparing.catalogue import GROUPS, MEASURES, Measure
from trainer.judging.comparing.records import HQ, ORIGINAL, Comparison, MethodOfRun
from trainer.judging.comparing.summary import FOG, PAIRS, REAL, UNTAUGHT, Mean, Paired
from trainer.judging.reporting.plots import Point, Spread, by_group, curve, distributions

TITLES: Mapping[str, str] = {
    FOG: "Simulated fog on held-out pictures",
    UNTAUGHT: "Simulated fog of families that no network was taught",
    PAIRS: "Real fog, with the same scene clear",
    REAL: "Real fog, without a truth",
}
"""Set of a summary -> title; another goes by its own name."""
GROUP_TITLES = {
    "quality": "Quality: the picture alone",
    "reproducibility": "Reproducibility: beside the picture that it was made from",
    "truth": "Against the clear picture",
}
SIGNIFICANT = 0.05
NUM_COLOURS = 6
"""Of networks; then they begin again. `original` and `hq` have their own."""
NOTHING = "\N{EN DASH}"
QUALITY_OF_CURVE = ("haze", "niqe")


@dataclass(frozen=True, slots=True)
class MethodView:
    """A method as the page shows it.

    Attributes:
        letter: by which a table names it; number: of its colour.
    """

    name: str
    letter: str
    colour: int
    of_run: MethodOfRun


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure of a table. Attributes: beats: letters of those that it is significantly better than."""

    text: str = NOTHING
    interval: str = ""
    is_best: bool = False
    beats: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    better: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of the table of paired tests, in words."""

    measure: str
    one: str
    other: str
    num: int
    mean: str
    interval: str
    p: str
    verdict: str
    is_significant: bool


@dataclass(frozen=True, slots=True)
class Plot:
    title: str
    better: str
    svg: str


def method_views(methods: Sequence[MethodOfRun]) -> list[MethodView]:
    """The methods in their order, networks with colours 1 to 6, `original` 0 and `hq` 7."""
    views: list[MethodView] = []
    for number, method in enumerate(methods):
        nth = sum(view.of_run.kind not in (ORIGINAL, HQ) for view in views)
        colour = {ORIGINAL: 0, HQ: NUM_COLOURS + 1}.get(method.kind, nth % NUM_COLOURS + 1)
        views.append(MethodView(method.name, chr(ord("a") + number % 26), colour, method))
    return views


def told(value: float, digits: int) -> str:
    """A figure, or a dash for none; what rounds to nothing has no sign."""
    return f"{round(value, digits) or 0.0:.{digits}f}" if math.isfinite(value) else NOTHING


def titled(measure: Measure) -> str:
    """Its title with its unit, where that is not in it."""
    is_told = not measure.unit or measure.unit in measure.title
    return measure.title if is_told else f"{measure.title}, {measure.unit}"


def better_way(measure: Measure) -> str:
    return "higher is better" if measure.higher_is_better else "lower is better"


def tables(
    means: Sequence[Mean], tests: Sequence[Paired], methods: Sequence[MethodView], kind: str
) -> list[tuple[str, list[Row]]]:
    """One table a group of measures: title and rows; groups of which nothing is known are left out."""
    of_kind = {(one.measure, one.method): one for one in means if one.kind == kind}
    letters = {view.name: view.letter for view in methods}
    found = []
    for group in GROUPS:
        rows = []
        for name in by_group(MEASURES, group):
            by_method = {view.name: of_kind[name, view.name] for view in methods if (name, view.name) in of_kind}
            if by_method:
                better = _better(tests, name, kind, letters)
                rows.append(_row(MEASURES[name], by_method, methods, better))
        if rows:
            found.append((GROUP_TITLES[group], rows))
    return found


def _better(tests: Sequence[Paired], measure: str, kind: str, letters: Mapping[str, str]) -> dict[str, str]:
    """Method -> letters of those that it is significantly better than."""
    won: dict[str, list[str]] = {}
    for test in tests:
        if (test.measure, test.kind) != (measure, kind) or not is_significant(test):
            continue
        winner, loser = (test.one, test.other) if is_gain(test) else (test.other, test.one)
        won.setdefault(winner, []).append(letters.get(loser, ""))
    return {name: "".join(sorted(all_of)) for name, all_of in won.items()}


def is_significant(test: Paired) -> bool:
    return math.isfinite(test.p_corrected) and test.p_corrected < SIGNIFICANT and test.mean != 0


def is_gain(test: Paired) -> bool:
    """Whether `one` is the better."""
    return (test.mean > 0) == MEASURES[test.measure].higher_is_better


def _row(
    measure: Measure, by_method: Mapping[str, Mean], methods: Sequence[MethodView], better: Mapping[str, str]
) -> Row:
    judged = [view.name for view in methods if view.name in by_method and view.of_run.kind not in (ORIGINAL, HQ)]
    sign = 1 if measure.higher_is_better else -1
    best = max(judged, key=lambda name: sign * by_method[name].mean, default="")
    cells = []
    for view in methods:
        mean = by_method.get(view.name)
        if mean is None:
            cells.append(Cell())
            continue
        has_interval = math.isfinite(mean.low) and math.isfinite(mean.high)
        interval = f"{told(mean.low, measure.digits)} to {told(mean.high, measure.digits)}" if has_interval else ""
        is_best = view.name == best and len(judged) > 1
        cells.append(Cell(told(mean.mean, measure.digits), interval, is_best, better.get(view.name, "")))
    return Row(titled(measure), better_way(measure), tuple(cells))


def differences(tests: Sequence[Paired], kind: str) -> list[Difference]:
    """The paired tests of a kind, in the order of tables."""
    order = list(MEASURES)
    rows = sorted((one for one in tests if one.kind == kind), key=lambda one: order.index(one.measure))
    return [_difference(one) for one in rows]


def _difference(test: Paired) -> Difference:
    measure = MEASURES[test.measure]
    verdict = "no difference shown"
    if is_significant(test):
        verdict = f"{test.one if is_gain(test) else test.other} is better"
    interval = f"{told(test.low, measure.digits)} to {told(test.high, measure.digits)}"
    p = "< 0.001" if test.p_corrected < 0.001 else told(test.p_corrected, 3)
    mean = f"{test.mean:+.{measure.digits}f}" if math.isfinite(test.mean) else NOTHING
    return Difference(measure.title, test.one, test.other, test.num, mean, interval, p, verdict, is_significant(test))


def plots(
    comparison: Comparison, means: Sequence[Mean], methods: Sequence[MethodView], kind: str, numbers: set[int]
) -> list[tuple[str, list[Plot]]]:
    """Distributions of every measure over a set, by group; `numbers` are those of the set's cases."""
    of_kind = {(one.measure, one.method): one for one in means if one.kind == kind}
    found = []
    for group in GROUPS:
        drawn = []
        for name in by_group(MEASURES, group):
            spreads = [*_spreads(comparison, of_kind, methods, name, numbers)]
            if spreads:
                measure = MEASURES[name]
                title = titled(measure)
                drawn.append(Plot(title, better_way(measure), distributions(title, measure, spreads)))
        if drawn:
            found.append((GROUP_TITLES[group], drawn))
    return found


def _spreads(
    comparison: Comparison,
    means: Mapping[tuple[str, str], Mean],
    methods: Sequence[MethodView],
    measure: str,
    numbers: set[int],
) -> Iterator[Spread]:
    for view in methods:
        values = [v for number, v in comparison.values(view.name, measure).items() if number in numbers]
        if not values:
            continue
        told_mean = means.get((measure, view.name))
        if told_mean is None:
            yield Spread(view.name, view.colour, values, sum(values) / len(values))
        else:
            yield Spread(view.name, view.colour, values, told_mean.mean, told_mean.low, told_mean.high)


def curves(means: Sequence[Mean], methods: Sequence[MethodView], kind: str) -> list[Plot]:
    """Quality over reproducibility by beta; none where fewer than two betas are compared."""
    networks = sorted(
        (view for view in methods if view.of_run.beta is not None), key=lambda view: view.of_run.beta or 0
    )
    if len({view.of_run.beta for view in networks}) < 2:
        return []
    of_kind = {(one.measure, one.method): one for one in means if one.kind == kind}
    drawn = []
    for up in QUALITY_OF_CURVE:
        for right in by_group(MEASURES, "reproducibility"):
            points = [
                _point(view, of_kind[right, view.name], of_kind[up, view.name])
                for view in networks
                if (right, view.name) in of_kind and (up, view.name) in of_kind
            ]
            if len(points) > 1:
                x, y = MEASURES[right], MEASURES[up]
                drawn.append(
                    Plot(f"{y.title} over {x.title}", f"{better_way(y)}, {better_way(x)}", curve(x, y, points))
                )
    return drawn


def _point(view: MethodView, right: Mean, up: Mean) -> Point:
    name = f"\N{GREEK SMALL LETTER BETA} {view.of_run.beta:g}"
    return Point(name, view.colour, right.mean, up.mean, (right.low, right.high), (up.low, up.high))
