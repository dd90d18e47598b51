"""Rates and quantiles of what runs, in memory that does not grow."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

RATE_WINDOW_S = 2.0
NUM_SAMPLES = 600


class Rate:
    """Events per second over the last `RATE_WINDOW_S`; zero once nothing comes."""

    def __init__(self) -> None:
        self._times_ns: deque[int] = deque(maxlen=NUM_SAMPLES)
        self._first_ns: int | None = None

    def add(self, now_ns: int) -> None:
        if self._first_ns is None:
            self._first_ns = now_ns
        self._times_ns.append(now_ns)

    def per_s(self, now_ns: int) -> float:
        if self._first_ns is None:
            return 0.0
        since_ns = now_ns - int(RATE_WINDOW_S * 1e9)
        num_events = sum(time_ns > since_ns for time_ns in self._times_ns)
        # Within the first window the first event only opens the span that the others are counted over.
        if self._first_ns > since_ns:
            span_s = max((now_ns - self._first_ns) / 1e9, 0.2)
            return round((num_events - 1) / span_s, 1)
        return round(num_events / RATE_WINDOW_S, 1)


LATENCY_BOUNDS_S = (0.02, 0.04, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0)


class Histogram:
    """How many values were at most each bound, since the start.

    Attributes:
        total: sum of all values.
    """

    def __init__(self, bounds: Sequence[float] = LATENCY_BOUNDS_S) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def cumulative(self) -> list[tuple[str, float]]:
        """Bound as text, `+Inf` the last -> values that are at most that."""
        names = [*(f"{bound:g}" for bound in self._bounds), "+Inf"]
        return list(zip(names, map(float, accumulate(self._counts)), strict=True))

    def copy(self) -> Histogram:
        same = Histogram(self._bounds)
        same._counts, same.total = [*self._counts], self.total
        return same


class Samples:
    """The last `NUM_SAMPLES` values of each name."""

    def __init__(self) -> None:
        self._values: dict[str, deque[float]] = {}

    def add(self, name: str, value: float) -> None:
        self._values.setdefault(name, deque(maxlen=NUM_SAMPLES)).append(value)

    def quantiles(self, wanted: Mapping[str, float]) -> dict[str, dict[str, float | None]]:
        """Name -> `quantiles` of its values, sorted by name."""
        return {name: quantiles(values, wanted) for name, values in sorted(self._values.items())}


def quantiles(samples: Iterable[float], wanted: Mapping[str, float]) -> dict[str, float | None]:
    """Nearest-rank quantiles and the maximum; None for each where there is no sample yet."""
    ordered = sorted(samples)
    if not ordered:
        return dict.fromkeys([*wanted, "max"], None)
    last = len(ordered) - 1
    found: dict[str, float | None] = {name: round(ordered[round(share * last)], 2) for name, share in wanted.items()}
    found["max"] = round(ordered[-1], 2)
    return found
