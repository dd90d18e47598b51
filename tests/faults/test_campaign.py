"""Short campaigns: the real program is broken and must neither lie nor stop, and a lie is found; `make faults` runs
more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.campaign import run_campaign
from tests.faults.injected.injections import FAULTS
from tests.faults.injected.registry import Fault
from tests.faults.unit import Unit
from tests.faults.watched.invariants import Judge, disagrees
from tests.faults.watched.saved import faults_of_folder, leftovers

NUM_FAULTS = 60
BACK_WITHIN_S = 12.0
"""The limit of 2 s is `make faults`'s; here the machine may be busy with other work, and only a stuck picture fails."""


@pytest.mark.alone
@pytest.mark.slow
def test_sixty_faults(tmp_path: Path) -> None:
    seed = int(os.environ.get("FAULTS_SEED", "1"))
    report = run_campaign(tmp_path, NUM_FAULTS, seed, back_within_s=BACK_WITHIN_S)
    text = "\n".join(report.lines())
    print(text)
    assert report.num_faults == NUM_FAULTS
    assert not report.num_violations, text


@contextmanager
def engine_passes_on(unit: Unit) -> Iterator[None]:
    """The engine gives back what it got, and the picture says ENHANCED all the same."""
    unit.engine.set(mode="input")
    yield
    unit.engine.set(mode="ok")


@pytest.mark.slow
def test_a_planted_lie_is_found_and_a_fault_that_is_borne_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    borne, lie = "engine raises", "engine passes on"
    monkeypatch.setitem(FAULTS, lie, Fault(lie, "engine", engine_passes_on, (1.5, 1.5)))  # of one group: never at once
    report = run_campaign(tmp_path, 2, 1, names=[borne, lie], back_within_s=BACK_WITHIN_S)
    found = {outcome.names: outcome.violations for outcome in report.outcomes}
    assert set(found) == {(borne,), (lie,)}
    assert not found[borne,] and not report.overall, found
    assert "enhanced half says enhanced, its pixels are raw" in found[lie,][0]


# ---- the judge itself: each lie is seen


def half(**changed: object) -> dict[str, object]:
    honest = {"state": "live", "mode": "raw", "pixels": "raw", "seq": 7, "kind": 0, "age_ms": 80.0, "difference": 0.4}
    return {**honest, **changed}


def judged(enhanced: object, raw: object) -> list[str]:
    judge = Judge()
    record = {"event": "picture", "last_ns": 10**12, "sent_ms": 10**6 - 1, "skipped": 0}
    judge.take({**record, "enhanced": enhanced, "raw": raw})
    return [what for _, what in judge.violations]


def test_an_honest_pair_passes() -> None:
    assert judged(half(mode="enhanced", pixels="enhanced", difference=20.0), half()) == []
    stale = {"state": "stale", "age_ms": 4000.0}
    assert judged(half(**stale), half(**stale)) == []


def test_an_old_live_picture_is_a_lie() -> None:
    assert judged(half(age_ms=640.0), half()) == ["enhanced half is LIVE at an age of 640 ms"]


def test_a_wrong_word_is_a_lie() -> None:
    assert len(judged(half(mode="enhanced", difference=0.3), half())) == 1
    assert len(judged(half(pixels="enhanced", difference=20.0), half())) == 1
    assert len(judged(half(mode=""), half())) == 1


def test_no_banner_no_code_no_picture() -> None:
    assert len(judged(half(state="unreadable", mode=""), half(state="unreadable", mode=""))) == 2
    assert len(judged(half(age_ms=None, seq=None, pixels=""), half())) == 2
    assert judged(None, half()) == ["enhanced half cannot be decoded"]


def test_halves_of_two_moments() -> None:
    assert judged(half(seq=6), half(seq=7)) == ["the halves are of two moments: 6 and 7"]


def test_health_and_banner_disagree() -> None:
    states = [(at, "live", "raw") for at in (10, 20, 30)]
    assert disagrees({"state": "live", "mode": "raw"}, states, 15, 25) == ""
    assert disagrees({"state": "no-signal", "mode": "raw"}, states, 15, 25)
    assert disagrees({"state": "degraded", "mode": "enhanced"}, states, 15, 25)
    assert disagrees({"state": "no-signal", "mode": "raw"}, [*states, (40, "stale", "raw")], 15, 25) == ""


def test_a_lost_or_half_file_is_seen(tmp_path: Path) -> None:
    (tmp_path / "throat-enhanced.png").write_bytes(b"half")
    (tmp_path / "a.png.json").write_text('{"output": {"files": [{"name": "gone.png", "sha256": "0"}]}}')
    (tmp_path / ".x.part").write_bytes(b"")
    assert len(faults_of_folder(tmp_path, ["told.png"])) == 3
    assert leftovers(tmp_path) == [".x.part"]


def test_how_long_a_live_picture_stood() -> None:
    judge = Judge()
    for at_s, age_ms in ((1.0, 100.0), (1.8, 100.0)):
        record = {"event": "picture", "last_ns": int(at_s * 1e9), "sent_ms": at_s * 1e3, "skipped": 0}
        judge.take({**record, "enhanced": half(age_ms=age_ms), "raw": half(age_ms=age_ms)})
    assert [round(ms) for _, ms in judge.stood] == [900]
