"""How old what is kept is, whatever the clock on the wall does: it is set, leaps by years, is put right."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from edge.saving.ages import DAY_S, LEDGER, RUNS_S, Ages

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=timezone.utc)
HOUR_S, YEAR_S = 3600.0, 365 * DAY_S


class Unit:
    """A unit with a clock on its wall, and one that counts while it is on. Attributes: kept: name -> when taken."""

    def __init__(self, folder: Path, **days_ago: float) -> None:
        self.folder, self.wall_s, self.boot_s = folder, NOW.timestamp(), 100.0
        self.kept = {name: NOW - timedelta(days=days) for name, days in days_ago.items()}
        self.start()

    def start(self) -> None:
        self.ages = Ages(self.folder, lambda: self.wall_s, lambda: self.boot_s)
        self.ages.look(self.kept)

    def run(self, seconds: float) -> None:
        """On, and all is well."""
        longest_s = HOUR_S if seconds < 2 * DAY_S else DAY_S / 2
        while seconds > 0:
            step = min(seconds, longest_s)
            self.wall_s, self.boot_s = self.wall_s + step, self.boot_s + step
            self.ages.look(self.kept)
            seconds -= step

    def off(self, seconds: float) -> None:
        """Off, and on again."""
        self.wall_s, self.boot_s = self.wall_s + seconds, 5.0
        self.start()

    def set_clock(self, by_s: float) -> None:
        self.wall_s += by_s
        self.ages.look(self.kept)

    def save(self, name: str) -> None:
        """As the clock on the wall says."""
        self.kept[name] = datetime.fromtimestamp(self.wall_s, timezone.utc)
        self.ages.look(self.kept)

    def old(self, days: int = 30) -> list[str]:
        return self.ages.older_than(days)


def test_what_is_older_is_told_and_what_is_not_is_not(tmp_path: Path) -> None:
    unit = Unit(tmp_path, oldest=45, older=31, newer=28, newest=0.5)
    assert unit.old() == [] and unit.ages.soon(30) == (2, RUNS_S)
    unit.run(RUNS_S)
    assert unit.old() == ["oldest", "older"] and unit.ages.soon(30) == (0, 0.0)
    unit.run(2 * DAY_S)
    assert unit.old() == ["oldest", "older", "newer"]


def test_nights_and_weekends_count_for_a_unit_that_is_switched_off_each_day(tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    unit.save("first")
    for day in range(30):
        assert unit.old() == [], day
        unit.run(8 * HOUR_S)
        unit.off(16 * HOUR_S)
    unit.run(HOUR_S)
    assert unit.old() == ["first"]


@pytest.mark.parametrize("years", [1.1, 5, 30])
@pytest.mark.parametrize("how", ["while it runs", "while it is off"])
def test_a_clock_that_leaps_by_years_ages_nothing(tmp_path: Path, years: float, how: str) -> None:
    unit = Unit(tmp_path, older=20)
    unit.run(RUNS_S)
    unit.save("new")
    if how == "while it runs":
        unit.set_clock(years * YEAR_S)
    else:
        unit.off(years * YEAR_S)
    assert "leapt" in unit.ages.doubt
    unit.run(3 * DAY_S)
    assert unit.old() == []
    unit.set_clock(-years * YEAR_S)
    unit.run(8 * DAY_S)
    assert unit.old() == ["older"], "its own time goes on"


def test_a_unit_that_is_new_to_this_and_has_a_clock_of_another_year_removes_nothing(tmp_path: Path) -> None:
    unit = Unit(tmp_path, yesterday=5 * 365, the_day_before=5 * 365 + 1)
    unit.run(3 * DAY_S)
    assert unit.old() == []


def test_weeks_are_counted_when_the_unit_has_run_with_them_for_a_day_of_work(tmp_path: Path) -> None:
    unit = Unit(tmp_path, older=10)
    unit.run(RUNS_S)
    unit.off(40 * DAY_S)
    assert unit.old() == [] and "40 days ahead" in unit.ages.doubt
    unit.run(4 * HOUR_S)
    unit.off(16 * HOUR_S)
    unit.run(3 * HOUR_S)
    assert unit.old() == []
    unit.run(2 * HOUR_S)
    assert unit.old() == ["older"] and unit.ages.doubt == ""


def test_a_clock_that_is_put_right_in_time_undoes_it(tmp_path: Path) -> None:
    unit = Unit(tmp_path, older=10)
    unit.run(RUNS_S)
    unit.set_clock(40 * DAY_S)
    unit.run(6 * HOUR_S)
    unit.set_clock(-40 * DAY_S)
    unit.run(DAY_S)
    assert unit.old() == [] and unit.ages.doubt == ""


@pytest.mark.parametrize("days", [3, 40, 20_000])
def test_a_unit_without_a_battery_that_hears_the_time_late_loses_nothing_new(tmp_path: Path, days: float) -> None:
    """It starts in the past, saves a picture, then its clock is set: the picture's name is old, the picture is not."""
    unit = Unit(tmp_path)
    unit.run(RUNS_S)
    unit.wall_s -= days * DAY_S
    unit.off(0)
    unit.save("new")
    unit.set_clock(days * DAY_S)
    unit.run(DAY_S)
    assert unit.old(2) == []
    unit.run(1.1 * DAY_S)
    assert unit.old(2) == ["new"]


def test_the_same_where_the_unit_was_off_meanwhile(tmp_path: Path) -> None:
    unit = Unit(tmp_path, older=10)
    unit.run(RUNS_S)
    unit.off(0)  # forty days have passed, which its clock does not know
    unit.save("new")
    unit.set_clock(40 * DAY_S)
    unit.run(RUNS_S)
    assert unit.old() == ["older"]


def test_what_was_saved_just_before_the_power_went_is_as_old_as_it_is(tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    unit.run(RUNS_S)
    unit.kept["new"] = NOW
    unit.off(DAY_S)
    assert unit.old(1) == ["new"] and unit.old(2) == []


def test_a_picture_of_a_time_to_come_makes_the_others_no_older(tmp_path: Path) -> None:
    unit = Unit(tmp_path, to_come=-4000, yesterday=1)
    unit.run(RUNS_S)
    assert unit.old() == []
    unit.run(30 * DAY_S)
    assert unit.old() == ["yesterday", "to_come"]


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"born_s": 3}', b"\xff", b'{"born_s": {"a": "b"}}'])
def test_a_ledger_that_is_none_is_begun_anew_and_removes_nothing_at_once(tmp_path: Path, content: bytes) -> None:
    (tmp_path / LEDGER).write_bytes(content)
    unit = Unit(tmp_path, older=45, newer=1)
    assert unit.old() == []
    unit.run(RUNS_S)
    assert unit.old() == ["older"]


def test_what_is_gone_is_forgotten_and_the_ledger_goes_when_nobody_asks(tmp_path: Path) -> None:
    unit = Unit(tmp_path, older=45, newer=1)
    del unit.kept["older"]
    unit.run(60)
    assert [*json.loads((tmp_path / LEDGER).read_text())["born_s"]] == ["newer"]
    unit.ages.forget()
    assert not (tmp_path / LEDGER).exists()
