"""In which order a rater sees the items: random, balanced over the methods, and some of them twice."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from trainer.mdos.study import Study

APART = 5
"""Two versions of one subject have so many others between them, where that can be."""
LEAST_GAP = 20
"""A repeat comes so many items after the first showing, where the study is long enough."""


def order_of(study: Study, rater: str) -> tuple[str, ...]:
    """Blind names in the order of one rater; a name that comes a second time is a hidden repeat.

    The same for the same study and rater, on any machine.
    """
    draw = np.random.default_rng(_seed(study.seed, rater))
    firsts = _balanced(study.method_of, study.subject_of, draw)
    return tuple(_with_repeats(firsts, study.method_of, study.repeats, draw))


def _balanced(method_of: Mapping[str, str], subject_of: Mapping[str, str], draw: np.random.Generator) -> list[str]:
    """One of each method in each round, in random order, so that no method is seen more while a rater is fresh."""
    left: dict[str, list[str]] = defaultdict(list)
    for name in sorted(method_of):
        left[method_of[name]].append(name)
    for names in left.values():
        draw.shuffle(names)
    order: list[str] = []
    while any(left.values()):
        methods = sorted(method for method, names in left.items() if names)
        draw.shuffle(methods)
        for method in methods:
            order.append(_taken(left[method], subject_of, order))
    return order


def _taken(names: list[str], subject_of: Mapping[str, str], order: Sequence[str]) -> str:
    """The next that is of no subject just seen; the next of all where there is none."""
    recent = {subject_of[name] for name in order[-APART:]}
    fit = next((index for index, name in enumerate(names) if subject_of[name] not in recent), 0)
    return names.pop(fit)


def _with_repeats(
    firsts: Sequence[str], method_of: Mapping[str, str], share: float, draw: np.random.Generator
) -> list[str]:
    """Repeats of as many of each method, each somewhere behind its first showing."""
    wanted = round(len(firsts) * share)
    gap = min(LEAST_GAP, len(firsts) // 2)
    early = firsts[: max(1, len(firsts) - gap)]
    by_method: dict[str, list[str]] = defaultdict(list)
    for name in early:
        by_method[method_of[name]].append(name)
    for names in by_method.values():
        draw.shuffle(names)
    chosen: list[str] = []
    while len(chosen) < wanted and any(by_method.values()):
        for method in sorted(by_method):
            if by_method[method] and len(chosen) < wanted:
                chosen.append(by_method[method].pop())
    places = {name: index for index, name in enumerate(firsts)}
    at = [(float(draw.uniform(places[name] + gap, len(firsts))), name) for name in chosen]
    behind = [(float(index), name) for index, name in enumerate(firsts)]
    return [name for _, name in sorted([*behind, *at], key=lambda one: one[0])]


def _seed(seed: int, rater: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {rater}".encode()).digest()[:8], "big")
