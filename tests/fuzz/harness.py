"""What every fuzzing test shares: how many cases, what is allowed, what is counted, and an end to what hangs."""

from __future__ import annotations

import faulthandler
import functools
import inspect
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from edge.basics.errors import EdgeError

T = TypeVar("T")

FUZZ_SCALE = float(os.environ.get("FUZZ_SCALE", "0.01"))
"""1 is 510,000 cases, as `make fuzz` runs them."""
FUZZ_SEED = int(os.environ.get("FUZZ_SEED", "7"))
HUNG_AFTER_S = 120
"""A case that takes longer ends the run with every thread's traceback."""

Case = Callable[..., None]


@dataclass
class Tally:
    """What has been tried on one input."""

    cases: int = 0
    seconds: float = 0.0
    slowest_s: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Count what another process has tried."""
        self.cases += other.cases
        self.seconds += other.seconds
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.outcomes += other.outcomes


tallies: dict[str, Tally] = {}


_watched_s = -math.inf


def _watch(now_s: float) -> None:
    """Put off the end of a hung run; every few seconds is enough, and a case a thousand times shorter."""
    global _watched_s
    if now_s - _watched_s > 5:
        _watched_s = now_s
        faulthandler.dump_traceback_later(HUNG_AFTER_S, exit=True)


def end_watch() -> None:
    """Nothing is fuzzed any more: what runs after it in this process may take its time."""
    global _watched_s
    _watched_s = -math.inf
    faulthandler.cancel_dump_traceback_later()


@contextmanager
def timed_case(tally: Tally, num: int = 1) -> Iterator[None]:
    """Count a case, or so many at once, how long it takes, and end the run where it hangs."""
    begin = time.perf_counter()
    _watch(begin)
    try:
        yield
    finally:
        took_s = time.perf_counter() - begin
        tally.cases += num
        tally.seconds += took_s
        tally.slowest_s = max(tally.slowest_s, took_s)


def fuzz(
    name: str, num_cases: int, explore: st.SearchStrategy[Any] | None = None, at_once: int = 1
) -> Callable[[Case], Case]:
    """Make a test of a case: `case(draw, ...fixtures)`, where `draw` is a `Random` or what `explore` gives.

    A failure names the seed of its `Random`; give it back as `@example(draw=Random(SEED))`.

    Args:
        name: the row of the table in the report.
        num_cases: at full size.
        at_once: how many of them one call tries.
    """
    tally = tallies.setdefault(name, Tally())

    def decorate(case: Case) -> Case:
        @functools.wraps(case)
        def timed(*, draw: Any, **fixtures: Any) -> None:
            with timed_case(tally, at_once):
                case(draw, tally.outcomes, **fixtures)

        parameters = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in inspect.signature(case).parameters.values()
            if parameter.name != "outcomes"
        ]
        timed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        del timed.__wrapped__
        limits = settings(
            max_examples=max(4, round(num_cases * FUZZ_SCALE / at_once)),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate),
            print_blob=True,
        )
        drawn = st.randoms(use_true_random=True) if explore is None else explore
        return limits(seed(FUZZ_SEED)(given(draw=drawn)(timed)))

    return decorate


def accepted(outcomes: Counter[str], named: Path | str, work: Callable[[], T]) -> T | None:
    """What `work` gives, or None where it refuses as it may: with one printable line that names what is wrong.

    Args:
        named: a file or key, one part of which the line must hold.
    """
    try:
        result = work()
    except EdgeError as error:
        outcomes["refused"] += 1
        assert_one_line(str(error))
        name = named.name if isinstance(named, Path) else named
        assert name in str(error), f"{str(error)!r} does not name {name!r}"
        return None
    outcomes["accepted"] += 1
    return result


def assert_one_line(text: str) -> None:
    assert text.strip(), "an error without a word"
    assert text.isprintable(), f"not one line of text: {text!r}"
    assert len(text) <= 2000, f"{len(text)} characters: {text[:80]!r}..."


def chance(draw: Random, share: float) -> bool:
    return draw.random() < share
