"""A supervisor that tests play with, whose processes are ended; real ones may take their time on a busy machine."""

from __future__ import annotations

import pytest

from edge.guard import process
from tests.doubles.played_engines import Stage
from tests.doubles.uncritical_judge import Uncritical
from tests.doubles.waiting import GUARD_S


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """How long an engine may take to open, to answer its golden frame and to end is for tests of that alone."""
    for name in ("OPENING_S", "CPU_OPENING_S", "PROVING_S", "ENDING_S"):
        monkeypatch.setattr(process, name, GUARD_S)


@pytest.fixture
def stage(monkeypatch):
    monkeypatch.setattr("edge.guard.supervisor.OutputJudge", lambda: Uncritical())
    stages = []

    def make(**options):
        stages.append(Stage(monkeypatch, **options))
        return stages[-1]

    yield make
    for one in stages:
        one.supervisor.close()
        assert one.open_processes == []
        one.frames.close()
