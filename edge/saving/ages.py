"""How old what is kept is, by the time that this unit has lived through and not by the clock on its wall alone.

A clock that is wrong by years must not erase what was saved yesterday, and pictures that were taken while it was wrong
bear a wrong time in their names. So a file in the folder, the ledger, counts the unit's own time: what it ran, by a
clock that nobody sets, and how long it was off, by the wall clock, as far as that can be believed:

    the wall clock is ahead of what was counted by
        up to a week                counted at once: a night, a weekend, a holiday
        a week to a year            counted after the unit has run for eight hours with it, and told meanwhile
        more than a year            never counted, and told
    or behind it by more than a week    the count goes on as before

What is new is born when it is first seen, and no older for a clock that is set in the same run of the program. What lay
there before there was a ledger is as old as its name says, seen from the newest one on, without gaps of more than a
year; for the first eight hours nothing counts as old.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from edge.basics.folders import read_plain
from edge.basics.texts import json_from_text
from edge.basics.whole_files import PRIVATE_FILE, remove_file, write_whole

LEDGER = ".edge-enhance.ages.json"
DAY_S = 86_400.0
AT_ONCE_S, MOST_S, RUNS_S = 7 * DAY_S, 366 * DAY_S, 8 * 3600.0
_MARK_EVERY_S = 600.0
_MAX_BYTES = 64 << 20
_TIMES = ("lived_s", "base_s", "ran_s", "doubted_s")


def _boot_time_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(slots=True)
class _Ledger:
    """Attributes, in seconds: lived: counted since its begin; base: the wall clock's time of that begin; ran: of what
    it counted, while the program ran; doubted: how long it ran with a clock that is too far ahead; born: name -> when.
    """

    lived_s: float
    base_s: float
    ran_s: float = 0.0
    doubted_s: float = 0.0
    born_s: dict[str, float] = field(default_factory=dict)


class Ages:
    """Of what is in one folder. For one thread."""

    def __init__(
        self, folder: Path, wall_s: Callable[[], float] = time.time, running_s: Callable[[], float] = _boot_time_s
    ) -> None:
        self._path, self._wall_s, self._running_s = folder / LEDGER, wall_s, running_s
        self._ledger: _Ledger | None = None
        self._looked_s = self._marked_s = running_s()
        self._young: set[str] = set()
        self._leap = self._ahead = ""

    def is_of(self, folder: Path) -> bool:
        return self._path.parent == folder

    @property
    def doubt(self) -> str:
        """Why not all is as old as the wall clock says; "" where it is."""
        return self._ahead or self._leap

    def look(self, items: Mapping[str, datetime]) -> None:
        """See what is there and how late it is.

        Args:
            items: name -> when it was taken, by the clock of that time.

        Raises:
            OSError: the ledger cannot be written.
        """
        now_s = self._running_s()
        is_first = self._ledger is None
        ledger = self._ledger = self._ledger or self._read() or _begun(items, self._wall_s())
        born_s = ledger.lived_s  # what came since the ledger was written, or since the last look
        if not is_first:
            passed_s = max(0.0, now_s - self._looked_s)
            ledger.lived_s += passed_s
            ledger.ran_s += passed_s
            ledger.doubted_s += passed_s
        self._looked_s = now_s
        counted_s = self._believed(ledger)
        changed = items.keys() ^ ledger.born_s.keys()
        for name in changed:
            if name in items:
                ledger.born_s[name] = born_s
                if not is_first:
                    self._young.add(name)
            else:
                del ledger.born_s[name]
                self._young.discard(name)
        if is_first or counted_s > _MARK_EVERY_S or changed or now_s - self._marked_s > _MARK_EVERY_S:
            self._write(ledger)
            self._marked_s = now_s

    def older_than(self, days: int) -> list[str]:
        """Names of what is, the oldest first; nothing in the ledger's first hours."""
        ledger = self._ledger
        if ledger is None or ledger.ran_s < RUNS_S:
            return []
        return self._older(ledger, days)

    def soon(self, days: int) -> tuple[int, float]:
        """How many are older but stay for the ledger's first hours, and for how many seconds of running still."""
        ledger = self._ledger
        if ledger is None or ledger.ran_s >= RUNS_S:
            return 0, 0.0
        return len(self._older(ledger, days)), RUNS_S - ledger.ran_s

    def forget(self) -> None:
        """Remove the ledger: nobody asks any more how old anything is. Raises OSError."""
        self._ledger = None
        if self._path.parent.is_dir():
            remove_file(self._path)

    def _older(self, ledger: _Ledger, days: int) -> list[str]:
        before_s = ledger.lived_s - days * DAY_S
        old = [name for name, born_s in ledger.born_s.items() if born_s <= before_s]
        return sorted(old, key=ledger.born_s.__getitem__)

    def _believed(self, ledger: _Ledger) -> float:
        """Count what the wall clock says, as far as it can be believed; how many seconds that was."""
        ahead_s = self._wall_s() - ledger.base_s - ledger.lived_s
        days = f"{ahead_s / DAY_S:.0f} days"
        is_ahead = AT_ONCE_S < ahead_s <= MOST_S
        if is_ahead and ledger.doubted_s < RUNS_S:
            left_h = (RUNS_S - ledger.doubted_s) / 3600
            self._ahead = f"the clock went {days} ahead: counted after {left_h:.1f} h more of running; is it right?"
            return 0.0
        self._ahead, ledger.doubted_s = "", 0.0
        if is_ahead or 0 < ahead_s <= AT_ONCE_S:
            ledger.lived_s += ahead_s
            for name in self._young:  # the clock was wrong before they came
                ledger.born_s[name] += ahead_s
            return ahead_s
        if not -AT_ONCE_S <= ahead_s <= MOST_S:
            ledger.base_s += ahead_s
            self._leap = f"the clock leapt by {days}, which are not counted"
        return 0.0

    def _read(self) -> _Ledger | None:
        """None where there is none of this program's making."""
        try:
            found = json_from_text(read_plain(self._path, _MAX_BYTES))
            born_s = {str(name): float(at) for name, at in found["born_s"].items()}
            lived_s, base_s, ran_s, doubted_s = (float(found[key]) for key in _TIMES)
            return _Ledger(lived_s, base_s, ran_s, doubted_s, born_s)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _write(self, ledger: _Ledger) -> None:
        times = {key: round(getattr(ledger, key), 1) for key in _TIMES}
        born_s = {name: round(at, 1) for name, at in ledger.born_s.items()}
        write_whole(self._path, json.dumps({**times, "born_s": born_s}).encode(), PRIVATE_FILE)


def _begun(items: Mapping[str, datetime], wall_s: float) -> _Ledger:
    """A ledger of what lay there before."""
    taken_s = sorted(((at.timestamp(), name) for name, at in items.items()), reverse=True)
    past = [(at_s, name) for at_s, name in taken_s if at_s <= wall_s]
    ledger = _Ledger(0.0, past[0][0] if past else wall_s)
    before_s, born_s = ledger.base_s, 0.0
    for at_s, name in past:
        gap_s = before_s - at_s
        born_s -= gap_s if gap_s <= MOST_S else 0.0
        before_s, ledger.born_s[name] = at_s, born_s
    for at_s, name in taken_s:  # of a time that has not come yet
        if at_s > wall_s:
            ledger.born_s[name] = 0.0
    return ledger
