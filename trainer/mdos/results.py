"""What the ratings of a study come to: the paper's Table 1 and Fig. 5, agreement, retest and comparisons."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from statistics import mean, stdev

import numpy as np

from edge.basics.errors import InputOutputError
from trainer.mdos.order import order_of
from trainer.mdos.ratings import Sheet
from trainer.mdos.statistics import (
    Difference,
    Matrix,
    corrected,
    icc_absolute,
    krippendorff_alpha,
    mixed_effects,
    paired_difference,
    weighted_kappa,
)
from trainer.mdos.study import ASPECTS, Study

MDOS = "mdos"
"""Mean of the aspects that a picture was rated for, as the paper's Table 1 has it."""


@dataclass(frozen=True)
class Rating:
    """One score of one showing. Attributes: showing: 0 for the first, 1 for a hidden repeat."""

    rater: str
    item: str
    method: str
    subject: str
    aspect: str
    score: int
    ms: int
    showing: int


@dataclass(frozen=True)
class Progress:
    """How far a rater came."""

    rater: str
    num_done: int
    num_all: int
    median_s: float

    @property
    def is_complete(self) -> bool:
        return self.num_done == self.num_all


@dataclass(frozen=True)
class Row:
    """A method under one aspect, over its pictures. Attributes: spread: NaN where there is one picture."""

    method: str
    aspect: str
    num_pictures: int
    mean: float
    spread: float


@dataclass(frozen=True)
class Retest:
    """A rater on the pictures that came twice."""

    rater: str
    num: int
    same: float
    within_one: float
    kappa: float


class Results:
    """Of all sheets of a study.

    Raises:
        InputOutputError: nobody has rated anything, or simulated and real sheets lie side by side.
    """

    def __init__(self, study: Study, sheets: Sequence[Sheet]) -> None:
        if not any(sheet.clicks for sheet in sheets):
            raise InputOutputError(
                f"{study.folder}: nobody has rated anything yet; run: edge-train mdos serve {study.folder}"
            )
        kinds = {sheet.is_simulated for sheet in sheets}
        if len(kinds) > 1:
            raise InputOutputError(
                f"{study.folder}: simulated and real ratings side by side; simulate in a copy, and keep it apart"
            )
        self.study, self.is_simulated = study, kinds == {True}
        self.ratings: list[Rating] = []
        self.progress: list[Progress] = []
        for sheet in sheets:
            self._take(sheet)

    def _take(self, sheet: Sheet) -> None:
        order, seen, num_done = order_of(self.study, sheet.rater), set[str](), 0
        first_at = {name: order.index(name) for name in set(order)}
        times: list[int] = []
        for place, by_aspect in sorted(sheet.scores().items()):
            item = self.study.items[order[place]]
            num_done += set(item.aspects) <= set(by_aspect)
            seen.add(item.name)
            for aspect, click in by_aspect.items():
                times.append(click.ms)
                method, subject = self.study.method_of[item.name], self.study.subject_of[item.name]
                showing = int(first_at[item.name] != place)
                rating = Rating(sheet.rater, item.name, method, subject, aspect, click.score, click.ms, showing)
                self.ratings.append(rating)
        median_s = float(np.median(times)) / 1e3 if times else math.nan
        self.progress.append(Progress(sheet.rater, num_done, len(order), median_s))

    @property
    def firsts(self) -> list[Rating]:
        """What counts as a score: repeats tell only of the raters."""
        return [rating for rating in self.ratings if rating.showing == 0]

    @cached_property
    def by_picture(self) -> dict[str, dict[str, float]]:
        """Blind name -> aspect and `mdos` -> mean of all raters."""
        gathered: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for rating in self.firsts:
            gathered[rating.item][rating.aspect].append(rating.score)
        found: dict[str, dict[str, float]] = {}
        for item, by_aspect in gathered.items():
            means = {aspect: mean(scores) for aspect, scores in by_aspect.items()}
            if set(means) >= set(self.study.items[item].aspects):
                means[MDOS] = mean(means[aspect] for aspect in self.study.items[item].aspects)
            found[item] = means
        return found

    def values(self, method: str, aspect: str) -> dict[str, float]:
        """Subject -> mean of all raters."""
        return {
            self.study.subject_of[item]: means[aspect]
            for item, means in sorted(self.by_picture.items())
            if self.study.method_of[item] == method and aspect in means
        }

    def table(self) -> list[Row]:
        """The paper's Table 1, an aspect and method a row, in the study's order of methods."""
        rows = []
        for aspect in (MDOS, *ASPECTS):
            for method in self.study.methods:
                values = list(self.values(method, aspect).values())
                if values:
                    spread = stdev(values) if len(values) > 1 else math.nan
                    rows.append(Row(method, aspect, len(values), mean(values), spread))
        return rows

    def matrix(self, aspect: str) -> Matrix:
        """Pictures in rows, raters in columns, NaN where one is missing."""
        raters = [one.rater for one in self.progress]
        items = sorted({rating.item for rating in self.firsts if rating.aspect == aspect})
        found = np.full((len(items), len(raters)), np.nan)
        row = {name: index for index, name in enumerate(items)}
        for rating in self.firsts:
            if rating.aspect == aspect:
                found[row[rating.item], raters.index(rating.rater)] = rating.score
        return found

    def agreement(self) -> dict[str, tuple[float, float, float]]:
        """Aspect -> Krippendorff's alpha, ICC(A,1), ICC(A,k)."""
        found = {}
        for aspect in ASPECTS:
            matrix = self.matrix(aspect)
            if matrix.size:
                found[aspect] = (krippendorff_alpha(matrix), *icc_absolute(matrix))
        return found

    def retests(self) -> list[Retest]:
        """Each rater on what came twice."""
        found = []
        for rater in [one.rater for one in self.progress]:
            pairs = list(self._pairs(rater))
            if pairs:
                gaps = [abs(first - second) for first, second in pairs]
                firsts, seconds = zip(*pairs, strict=True)
                same, near = mean(gap == 0 for gap in gaps), mean(gap <= 1 for gap in gaps)
                found.append(Retest(rater, len(pairs), same, near, weighted_kappa(firsts, seconds)))
        return found

    def _pairs(self, rater: str) -> Iterable[tuple[int, int]]:
        scores = {(one.item, one.aspect, one.showing): one.score for one in self.ratings if one.rater == rater}
        for (item, aspect, showing), score in scores.items():
            if showing and (item, aspect, 0) in scores:
                yield scores[item, aspect, 0], score

    def differences(self) -> list[Difference]:
        """Every two methods that have subjects in common, on every aspect, corrected together."""
        found = []
        for aspect in (MDOS, *ASPECTS):
            for one, other in combinations(self.study.methods, 2):
                of_one, of_other = self.values(one, aspect), self.values(other, aspect)
                common = sorted(set(of_one) & set(of_other))
                if len(common) >= 3:
                    gaps = np.array([of_other[subject] - of_one[subject] for subject in common])
                    found.append(paired_difference(one, other, aspect, gaps))
        return corrected(found)

    def effects(self) -> dict[str, dict[str, tuple[float, float, float, float]]]:
        """Aspect -> method -> effect against the first method rated for it, by the mixed-effects model."""
        found = {}
        for aspect in ASPECTS:
            rated = [rating for rating in self.firsts if rating.aspect == aspect]
            present = [method for method in self.study.methods if any(one.method == method for one in rated)]
            if len(present) >= 2:
                effects = mixed_effects(
                    [one.score for one in rated],
                    [one.method for one in rated],
                    [one.rater for one in rated],
                    [one.subject for one in rated],
                    present[0],
                )
                found[aspect] = effects
        return found
