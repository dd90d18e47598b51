"""Which pictures the page shows: the best, the middle and the worst of each method, then some of every fog."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from trainer.judging.comparing.catalogue import MEASURES
from trainer.judging.comparing.records import HQ, ORIGINAL, Comparison, Record

MOST_BYTES = 12_000_000
"""Of all pictures in the page; written as text they are a third more."""
JUDGED_BY = ("gain_best", "gain", "structure_ssim", "niqe")
"""What the best and the worst are told by: the first that a method has. The truth's come first."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One picture of a method's gallery.

    Attributes:
        rank: `best`, `median` or `worst`.
        measure: name of what it was told by; value: what that found.
    """

    method: str
    rank: str
    record: Record
    measure: str
    value: float


def picks(comparison: Comparison) -> list[Pick]:
    """Of each network the best, median and worst picture; fewer where it has fewer."""
    return [pick for name in _networks(comparison) for pick in _of_method(comparison, name)]


def _networks(comparison: Comparison) -> list[str]:
    return [method.name for method in comparison.run.methods if method.kind not in (ORIGINAL, HQ)]


def _of_method(comparison: Comparison, method: str) -> Iterator[Pick]:
    records = comparison.of(method)
    measure = next((name for name in JUDGED_BY if any(name in one.measures for one in records)), None)
    if measure is None:
        return
    sign = 1 if MEASURES[measure].higher_is_better else -1
    judged = [one for one in records if measure in one.measures]
    ranked = sorted(judged, key=lambda one: (-sign * one.measures[measure], one.number))
    places = {len(ranked) - 1: "worst", (len(ranked) - 1) // 2: "median", 0: "best"}  # of one picture the best alone
    for place in sorted(places):
        record = ranked[place]
        yield Pick(method, places[place], record, measure, record.measures[measure])


def shown_cases(comparison: Comparison, picked: Sequence[Pick], sizes: dict[int, int]) -> list[int]:
    """Numbers of the cases that the page shows, in order, as many as fit.

    Args:
        sizes: case -> bytes of all its pictures; a case that is not in it is not shown.
    """
    chosen: list[int] = []
    left = MOST_BYTES
    for number in dict.fromkeys([*(pick.record.number for pick in picked), *_spread(comparison)]):
        if number in sizes and (sizes[number] <= left):
            chosen.append(number)
            left -= sizes[number]
    return sorted(chosen)


def _spread(comparison: Comparison) -> Iterator[int]:
    """Every case, first one of each kind, fog and strength, then a second of each, and so on."""
    groups: dict[tuple[str, str, float], list[int]] = {}
    for case in comparison.run.cases:
        groups.setdefault((case.kind, case.fog, case.strength), []).append(case.number)
    for round_ in zip_longest(*groups.values()):
        yield from (number for number in round_ if number is not None)
