"""A short siege, and an engine that dies in the middle of one; `make siege` is longer and looks at rates too."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.doubles.waiting import GUARD_S
from tests.faults.program import Counts
from tests.siege.attacks import ATTACKS
from tests.siege.campaign import Report, Siege, Spell, names_for
from tests.siege.watch import too_often

FEW = 96
"""Descriptors: the half of them that a crowd may hold is soon held."""


@pytest.mark.slow
def test_a_short_siege(tmp_path: Path) -> None:
    seed = int(os.environ.get("SIEGE_SEED", "1"))
    report = Siege(tmp_path, seed).lay(3.0, names_for(len(ATTACKS), seed))
    text = "\n".join(report.lines())
    print(text)
    assert not report.faults(is_timed=False), text


@pytest.mark.slow
def test_a_killed_engine_comes_back_while_a_crowd_holds_what_it_may(tmp_path: Path) -> None:
    siege = Siege(tmp_path, 1, num_descriptors=FEW)
    with siege.running():
        crowd = siege.crowd("streams that nobody reads", GUARD_S)
        until_s = time.monotonic() + GUARD_S
        while siege.num_descriptors_open() < FEW // 2 and time.monotonic() < until_s:
            time.sleep(0.1)
        assert siege.num_descriptors_open() >= FEW // 2, "the crowd is there"
        (engine,) = siege.program.children()
        engine.kill()
        killed_s = time.monotonic()
        engine.wait(GUARD_S)
        siege.forget_newest()
        while siege.newest() != ("live", "enhanced") and time.monotonic() < until_s:
            time.sleep(0.05)
        assert siege.newest() == ("live", "enhanced")
        assert siege.program.children() not in ([], [engine])
        print(f"the engine was back after {time.monotonic() - killed_s:.1f} s")
        os.kill(siege.program.pid, signal.SIGHUP)
        while (told := siege.reload()) is None and time.monotonic() < until_s:
            time.sleep(0.1)
        assert (told or {}).get("ok") is True, (told, siege.lines[-12:])
        crowd.kill()
        crowd.wait()
    assert not [kind for kind in too_often(siege.lines) if kind.startswith("web server")]


# ---- what is looked at is seen


def spell(name: str = "saves", rate: float = 25.0, trouble: str = "", mib: float = 300.0) -> Spell:
    return Spell(name, rate, 100.0, 1.0, Counts(12, 11, 2, mib), 0.5, trouble)


def report(**changed: object) -> Report:
    spells = [(spell(), 1.0)]
    return Report(**{"control": [spell("nothing")], "spells": spells, "after": Counts(12, 11, 2, 300.0), **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ""),
        ({"spells": [(spell(), 0.85)]}, "saves: 85%"),
        ({"spells": [(spell(trouble="save: 503"), 1.0)]}, "saves: save: 503"),
        ({"again": [spell(trouble="save: 503")]}, "saves: save: 503"),
        ({"again": [Spell("saves", 25.0, 600.0, 1.0, Counts(12, 11, 2, 300.0), 0.5)]}, "LIVE, 600 ms old"),
        ({"spells": [(Spell("saves", 25.0, 600.0, 1.0, Counts(12, 11, 2, 300.0), 0.5), 1.0)]}, "LIVE, 600 ms old"),
        ({"spells": [(Spell("saves", 25.0, 90.0, 38.0, Counts(12, 11, 2, 300.0), 0.5), 1.0)]}, "no sign of life"),
        ({"after": Counts(12, 11, 2, 400.0)}, "memory"),
        ({"spells": [(spell(mib=300.0 + 5 * number), 1.0) for number in range(12)]}, "left 5.0 MiB behind"),
        ({"spells": [(spell(mib=300.0 + 50 * (number > 8)), 1.0) for number in range(18)]}, ""),
        ({"spells": [(spell(mib=300.0 + 30 * number), 1.0) for number in range(6)]}, ""),
        ({"after": Counts(60, 11, 2, 300.0)}, "descriptors"),
        ({"after": Counts(12, 40, 2, 300.0)}, "threads"),
        ({"noise": ["engine: ok -> degraded (2 times)"]}, "log line twice"),
        ({"is_cut": True}, "cut off"),
    ],
)
def test_what_must_not_be_is_told(changed: dict[str, object], words: str) -> None:
    faults = report(**changed).faults()
    assert len(faults) == bool(words)
    assert words in "".join(faults)


def test_what_a_rate_is_compared_with_is_told() -> None:
    controls = [spell("nothing", 24.0), spell("nothing", 17.0), spell("nothing", 26.0)]
    lines = [*report(control=controls, spells=[(spell(), 1.22), (spell(rate=19.9), 0.93)]).lines()]
    assert "| saves | 122% (25.0 of 17.0-24.0/s)" in lines[3]
    assert "| saves | 93% (19.9 of 17.0-26.0/s)" in lines[4] and "| 0.50 (0.50) |" in lines[4]


def test_an_attack_is_tried_again_where_the_host_took_the_machine(tmp_path: Path) -> None:
    siege, told = Siege(tmp_path, 1), report(spells=[])
    once = [(20, 0.0), (30, 0.3), (30, 0.0), (27, 0.0), (30, 0.0)]
    always = [(9, 0.2), (9, 0.0), (9, 0.0), (9, 0.4), (9, 0.0), (9, 0.0), (9, 0.0), (6, 0.2)]
    coming = iter([*once, *always])

    def spelled(name: str, seconds: float) -> Spell:
        rate, stolen = next(coming)
        return replace(spell(name), rate=float(rate), stolen=stolen)

    siege.spell = spelled  # type: ignore[method-assign]
    siege.attack(told, "saves", 1.0, 3)
    assert [(one.rate, share) for one, share in told.spells] == [(27.0, 0.9)]
    assert [one.rate for one in told.control] == [30.0, 30.0] and len(told.again) == 1
    siege.attack(told, "snapshots", 1.0, 3)
    assert len(told.again) == 3 and "3 tried again" in "".join(told.lines()), "the last try counts, however it went"


def test_a_kind_of_log_line_comes_once_in_ten_seconds() -> None:
    lines = [
        (0.0, "not accepted: 1 of 2"),
        (3.0, "something else"),
        (9.0, "not accepted: 17 of 80"),
        (20.0, "saved throat-1"),
    ]
    assert too_often(lines) == ["not accepted: N of N (2 times)"]
    assert not too_often(
        [(0.0, "not accepted"), (10.0, "not accepted"), (20.0, "saved throat-1"), (20.1, "saved throat-2")]
    )
