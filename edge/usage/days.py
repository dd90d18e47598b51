"""A histogram a day: how often each haze, sharpness and correction was met, and how long each profile ran."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from edge.basics.errors import InputOutputError
from edge.basics.folders import read_plain
from edge.basics.texts import json_from_text
from edge.basics.whole_files import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, write_whole
from edge.usage.measures import Measures

FORMAT = 1
NUM_BINS = 20
HIGHEST: Mapping[str, float] = {"haze": 1.0, "sharpness": 0.1, "correction": 0.5}
"""Upper end of the last bin; what is above is counted there."""
NUM_DAYS = 400
"""The oldest go: the file has 300 kB at most."""
MAX_STATES = 12
OTHERS = "others"
MAX_BYTES = 4 << 20


@dataclass
class Day:
    """Counts of one day. Attributes: bins: figure -> count of each bin; states: rung -> seconds that it ran."""

    bins: dict[str, list[int]] = field(default_factory=lambda: {name: [0] * NUM_BINS for name in HIGHEST})
    states: dict[str, float] = field(default_factory=dict)

    def add(self, measures: Measures, seconds: float) -> None:
        """One sample, which stands for so many seconds."""
        for name, highest in HIGHEST.items():
            value = getattr(measures, name)
            if value is not None:
                self.bins[name][min(NUM_BINS - 1, max(0, int(value / highest * NUM_BINS)))] += 1
        is_new = measures.state not in self.states and len(self.states) >= MAX_STATES
        state = OTHERS if is_new else measures.state
        self.states[state] = self.states.get(state, 0.0) + seconds

    def mean(self, name: str) -> float | None:
        """About: from the middles of the bins; None where nothing was counted."""
        counts = self.bins[name]
        total = sum(counts)
        if not total:
            return None
        return sum((index + 0.5) * count for index, count in enumerate(counts)) / NUM_BINS * HIGHEST[name] / total

    def record(self) -> dict[str, Any]:
        return {"bins": self.bins, "states": {name: round(seconds) for name, seconds in self.states.items()}}


class Days:
    """All days of a unit, and their file."""

    def __init__(self, days: dict[str, Day] | None = None) -> None:
        self.days = days or {}

    def add(self, today: date, measures: Measures, seconds: float) -> None:
        """One sample of today."""
        self.days.setdefault(today.isoformat(), Day()).add(measures, seconds)
        while len(self.days) > NUM_DAYS:
            del self.days[min(self.days)]

    def write(self, path: Path) -> None:
        """Whole or not at all; raises OSError."""
        content = {"format": FORMAT, "days": {name: day.record() for name, day in sorted(self.days.items())}}
        make_folder(path.parent, PRIVATE_FOLDER)
        write_whole(path, json.dumps(content, separators=(",", ":")).encode(), PRIVATE_FILE)


def read_days(path: Path) -> Days:
    """What was kept so far; nothing where there is no file.

    Raises:
        InputOutputError: it cannot be read, or is none of ours.
    """
    try:
        content = read_plain(path, MAX_BYTES)
    except FileNotFoundError:
        return Days()
    except OSError as error:
        raise InputOutputError(f"{path}: {error.strerror or error}; correct usage.file, or use sudo") from error
    try:
        told = json_from_text(content)
        if told["format"] != FORMAT:
            raise ValueError(f"format {told['format']!r}")
        return Days({date.fromisoformat(name).isoformat(): _day(one) for name, one in told["days"].items()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputOutputError(f"{path}: no statistics of use ({error}); move the file away") from error


def _day(told: Mapping[str, Any]) -> Day:
    day = Day()
    for name in HIGHEST:
        counts = told["bins"][name]
        if len(counts) != NUM_BINS or not all(isinstance(count, int) and count >= 0 for count in counts):
            raise ValueError(f"bins of {name}")
        day.bins[name] = list(counts)
    day.states = {str(name): float(seconds) for name, seconds in list(told["states"].items())[: MAX_STATES + 1]}
    return day
