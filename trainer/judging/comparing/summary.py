"""Means with intervals, paired tests and KID of a comparison.

What is drawn anew, left out or paired is always a source picture, the mean over its fogs: fogs of one picture are no
independent witnesses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from trainer.data.fogs.catalogue import FAMILIES
from trainer.judging.comparing.catalogue import GROUPS, MEASURES
from trainer.judging.comparing.kid import kid, kid_without_each
from trainer.judging.comparing.records import HQ, ORIGINAL, Comparison, Record

NUM_DRAWS = 2000
SEED = 20263
FOG, UNTAUGHT, PAIRS, REAL = "fog", "fog not taught", "pairs", "real"
"""Sets: all degraded held-out pictures; those under a family that no compared network was taught; real ones."""


@dataclass(frozen=True, slots=True)
class Mean:
    """Of one measure and method over a set.

    Attributes:
        kind: the set.
        num: source pictures.
        low, high: 95% interval by drawing source pictures anew; NaN of a single one.
    """

    measure: str
    method: str
    kind: str
    num: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Paired:
    """`one` less `other` on the same source pictures.

    Attributes:
        p, p_corrected: Wilcoxon's signed-rank test, and after Holm's correction over all of the set; NaN of a single
            picture.
    """

    measure: str
    one: str
    other: str
    kind: str
    num: int
    mean: float
    low: float
    high: float
    p: float
    p_corrected: float


@dataclass(frozen=True, slots=True)
class Kid:
    """Of a method's pictures against the truths (of real fog: of the held-out pictures), by VGG16's second pool.

    Attributes:
        low, high: 95% interval by the jackknife over source pictures; NaN where too few are left.
    """

    method: str
    kind: str
    num: int
    kid: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """A network of the sweep: measure -> mean over all degraded held-out pictures."""

    beta: float
    method: str
    quality: Mapping[str, Mean]
    reproducibility: Mapping[str, Mean]


@dataclass(frozen=True, slots=True)
class Summary:
    """Of a comparison; `sweep` in order of beta, empty where fewer than two betas are compared."""

    means: tuple[Mean, ...]
    tests: tuple[Paired, ...]
    kid: tuple[Kid, ...]
    sweep: tuple[SweepPoint, ...]

    def mean_of(self, measure: str, method: str, kind: str) -> Mean | None:
        """None where no picture of the set has the measure."""
        return next((m for m in self.means if (m.measure, m.method, m.kind) == (measure, method, kind)), None)

    @property
    def kinds(self) -> list[str]:
        """The sets that there are, in order."""
        return list(dict.fromkeys(mean.kind for mean in self.means))


def summarised(comparison: Comparison) -> Summary:
    """Everything that is computed of the records; the same records always give the same figures."""
    sets = sets_of(comparison)
    means: list[Mean] = []
    tests: list[Paired] = []
    for kind, numbers in sets.items():
        values = {name: _by_source(comparison.of(name), numbers) for name in comparison.run.names}
        means += [
            _mean(measure, name, kind, of[measure])
            for measure in MEASURES
            for name, of in values.items()
            if measure in of
        ]
        tests += _tests(kind, {name: of for name, of in values.items() if name != HQ})
    return Summary(tuple(means), tuple(tests), tuple(_kids(comparison, sets)), tuple(_sweep(comparison, means)))


def sets_of(comparison: Comparison) -> dict[str, set[int]]:
    """Set -> numbers of its cases; empty ones are left out."""
    taught = {family for method in comparison.run.methods for family in method.taught}
    cases = comparison.run.cases
    synthetic = [case for case in cases if case.fog]
    found = {
        FOG: {case.number for case in synthetic},
        UNTAUGHT: {case.number for case in synthetic if case.fog not in taught},
        PAIRS: {case.number for case in cases if case.kind == "pairs"},
        REAL: {case.number for case in cases if case.kind == "real"},
    }
    if not taught & FAMILIES.keys():
        del found[UNTAUGHT]
    return {kind: numbers for kind, numbers in found.items() if numbers}


def _by_source(records: list[Record], numbers: set[int]) -> dict[str, dict[str, float]]:
    """Measure -> source picture -> mean over its fogs."""
    found: dict[str, dict[str, list[float]]] = {}
    for record in records:
        if record.number in numbers:
            for measure, value in record.measures.items():
                found.setdefault(measure, {}).setdefault(_source(record), []).append(value)
    return {m: {source: float(np.mean(v)) for source, v in of.items()} for m, of in found.items()}


def _source(record: Record) -> str:
    return f"{record.kind}/{record.source}"


def _mean(measure: str, method: str, kind: str, of: Mapping[str, float]) -> Mean:
    values = np.array(list(of.values()))
    return Mean(measure, method, kind, len(values), float(values.mean()), *interval(values))


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95% interval of the mean by the percentile bootstrap, always the same draws; NaN of a single value."""
    from scipy.stats import bootstrap

    if len(values) < 2:
        return math.nan, math.nan
    draws = np.random.default_rng(SEED)
    found = bootstrap((values,), np.mean, n_resamples=NUM_DRAWS, method="percentile", random_state=draws)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _tests(kind: str, values: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[Paired]:
    from statsmodels.stats.multitest import multipletests

    found = []
    for measure in MEASURES:
        having = [name for name, of in values.items() if measure in of]
        for other, one in combinations(having, 2):
            a, b = values[one][measure], values[other][measure]
            apart = np.array([a[source] - b[source] for source in a if source in b])
            if len(apart):
                p = signed_rank_p(apart)
                row = (len(apart), float(apart.mean()), *interval(apart))
                found.append(Paired(measure, one, other, kind, *row, p, p))
    tested = [test for test in found if not math.isnan(test.p)]
    if not tested:
        return found
    corrected = iter(multipletests([test.p for test in tested], method="holm")[1])
    return [test if math.isnan(test.p) else replace(test, p_corrected=float(next(corrected))) for test in found]


def signed_rank_p(differences: NDArray[np.float64]) -> float:
    """Wilcoxon's signed-rank test, two-sided; 1 where nothing differs, NaN of a single pair."""
    from scipy.stats import wilcoxon

    if len(differences) < 2:
        return math.nan
    return 1.0 if not differences.any() else float(wilcoxon(differences, zero_method="zsplit").pvalue)


def _kids(comparison: Comparison, sets: Mapping[str, set[int]]) -> list[Kid]:
    found = []
    for kind, numbers in sets.items():
        truths = [
            r for r in comparison.of(HQ) if r.features and r.number in (sets.get(FOG, ()) if kind == REAL else numbers)
        ]
        for name in comparison.run.names:
            made = [r for r in comparison.of(name) if r.features and r.number in numbers]
            if name != HQ and min(len(made), len(truths)) >= 2:
                found.append(_kid(name, kind, made, truths))
    return found


def _kid(name: str, kind: str, made: list[Record], truths: list[Record]) -> Kid:
    sides = [np.stack([record.feature_vector for record in side]) for side in (made, truths)]
    sources = [[_source(record) for record in side] for side in (made, truths)]
    value = kid(*sides)
    without = np.array(kid_without_each(sides[0], sides[1], sources[0], sources[1]))
    num = len(without)
    half = math.nan
    if num >= 2:
        half = 1.96 * math.sqrt((num - 1) / num * float(((without - without.mean()) ** 2).sum()))
    return Kid(name, kind, len(made), value, value - half, value + half)


def _sweep(comparison: Comparison, means: list[Mean]) -> list[SweepPoint]:
    networks = sorted(
        ((m.beta, m.name) for m in comparison.run.methods if m.beta is not None and m.name != ORIGINAL),
    )
    if len({beta for beta, _ in networks}) < 2:
        return []
    points = []
    for beta, name in networks:
        own = {mean.measure: mean for mean in means if (mean.method, mean.kind) == (name, FOG)}
        groups = [{m: mean for m, mean in own.items() if MEASURES[m].group == group} for group in GROUPS[:2]]
        points.append(SweepPoint(beta, name, groups[0], groups[1]))
    return points
