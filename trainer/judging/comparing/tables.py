"""A comparison as Markdown: the section `comparison` of docs/results.md."""

from __future__ import annotations

import math
from itertools import combinations

from edge.basics.markdown import table
from trainer.judging.comparing.catalogue import GROUPS, MEASURES
from trainer.judging.comparing.records import HQ, ORIGINAL, Comparison
from trainer.judging.comparing.summary import FOG, PAIRS, REAL, UNTAUGHT, Kid, Mean, Paired, Summary

TITLES = {
    FOG: "held-out pictures under every family of fog",
    UNTAUGHT: "held-out pictures under the families that no network was taught",
    PAIRS: "real pairs",
    REAL: "real foggy pictures, without a truth",
}
ROWS = {ORIGINAL: "originals (LQ)", HQ: "HQ"}
"""What the paper calls the rows."""


def comparison_text(comparison: Comparison, summary: Summary) -> str:
    """Every table; those without a row are left out."""
    parts = []
    for kind in summary.kinds:
        num = max(mean.num for mean in summary.means if mean.kind == kind)
        for group in GROUPS:
            if text := _group_table(comparison, summary, kind, group):
                parts += [f"### {group.capitalize()}: {num} {TITLES[kind]}", text]
        if text := _tests_table(comparison, summary, kind):
            parts += [f"### Differences between networks: {num} {TITLES[kind]}", text]
    if summary.sweep:
        parts += ["### Beta swept", sweep_table(summary)]
    return "\n\n".join(parts)


def _group_table(comparison: Comparison, summary: Summary, kind: str, group: str) -> str:
    """A row a method, mean and 95% interval; the arrow says which way is better."""
    found = {(m.measure, m.method): m for m in summary.means if m.kind == kind and MEASURES[m.measure].group == group}
    measures = [measure for measure in MEASURES if any(measure == m for m, _ in found)]
    kids = {k.method: k for k in summary.kid if k.kind == kind} if group == GROUPS[0] else {}
    if not measures:
        return ""
    head = ["method", *map(headline, measures), *(["KID ↓"] if kids else [])]
    rows: list[list[object]] = []
    for name in comparison.run.names:
        if any((measure, name) in found for measure in measures):
            cells: list[object] = [with_interval(found.get((measure, name))) for measure in measures]
            rows.append([ROWS.get(name, name), *cells, *([_kid_cell(kids.get(name))] if kids else [])])
    return table(head, rows)


def headline(name: str) -> str:
    """A measure's title with its unit, and an arrow to where it is better."""
    measure = MEASURES[name]
    unit = f", {measure.unit}" if measure.unit and measure.unit not in measure.title else ""
    return f"{measure.title}{unit} {'↑' if measure.higher_is_better else '↓'}"


def with_interval(mean: Mean | None) -> str:
    if mean is None:
        return "-"
    digits = MEASURES[mean.measure].digits
    return _ranged(mean.mean, mean.low, mean.high, digits)


def _kid_cell(kid: Kid | None) -> str:
    return "-" if kid is None else _ranged(kid.kid, kid.low, kid.high, 2)


def _ranged(value: float, low: float, high: float, digits: int) -> str:
    if math.isnan(low):
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _tests_table(comparison: Comparison, summary: Summary, kind: str) -> str:
    """A row a measure, a column a pair of networks: mean difference, and Holm's p."""
    networks = [m.name for m in comparison.run.methods if m.name not in (ORIGINAL, HQ)]
    pairs = [(later, earlier) for earlier, later in combinations(networks, 2)]
    found = {(t.measure, t.one, t.other): t for t in summary.tests if t.kind == kind}
    measures = [m for m in MEASURES if m != "psnr" and any(key[0] == m and key[1:] in pairs for key in found)]
    if not pairs or not measures:
        return ""
    rows = [[headline(m), *(_test_cell(found.get((m, *pair))) for pair in pairs)] for m in measures]
    return table(["measure", *(f"{one} less {other}" for one, other in pairs)], rows)


def _test_cell(test: Paired | None) -> str:
    if test is None:
        return "-"
    shown = f"{test.mean:+.{MEASURES[test.measure].digits}f}"
    if math.isnan(test.p_corrected):
        return shown
    return f"{shown} (p < 0.001)" if test.p_corrected < 0.001 else f"{shown} (p {test.p_corrected:.3f})"


def sweep_table(summary: Summary) -> str:
    """A row a network, in order of beta: quality beside reproducibility."""
    first = summary.sweep[0]
    measures = [*first.quality, *first.reproducibility]
    rows: list[list[object]] = []
    for point in summary.sweep:
        own = {**point.quality, **point.reproducibility}
        rows.append([f"{point.beta:g}", point.method, *(with_interval(own.get(measure)) for measure in measures)])
    return table(["beta", "network", *map(headline, measures)], rows)
