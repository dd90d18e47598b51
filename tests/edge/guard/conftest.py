"""A supervisor that tests play with; its processes are ended."""

from __future__ import annotations

import pytest

from tests.doubles.played_engines import Stage
from tests.doubles.uncritical_judge import Uncritical


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
