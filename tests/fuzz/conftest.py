"""The report of a fuzzing run: what was tried on each input."""

from __future__ import annotations

import faulthandler
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fuzz.harness import Tally, end_watch, tallies


def pytest_sessionfinish(session: pytest.Session) -> None:
    faulthandler.cancel_dump_traceback_later()
    of_worker = getattr(session.config, "workeroutput", None)
    if of_worker is not None:
        of_worker["fuzzing"] = {
            name: {**vars(tally), "outcomes": dict(tally.outcomes)} for name, tally in tallies.items()
        }


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """One of several processes has ended (pytest-xdist): what it tried counts too."""
    for name, told in getattr(node, "workeroutput", {}).get("fuzzing", {}).items():
        tallies.setdefault(name, Tally()).add(Tally(**{**told, "outcomes": Counter(told["outcomes"])}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tried = {name: tally for name, tally in tallies.items() if tally.cases}
    if not tried:
        return
    terminalreporter.section("fuzzing")
    for name, tally in tried.items():
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(tally.outcomes.items()))
        terminalreporter.write_line(
            f"{name:16} {tally.cases:7} cases {tally.seconds:6.0f} s, slowest {tally.slowest_s:5.2f} s; {outcomes}"
        )
    terminalreporter.write_line(f"{sum(tally.cases for tally in tried.values())} cases in all")


@pytest.fixture(scope="module", autouse=True)
def _watch_ends() -> Iterator[None]:
    yield
    end_watch()
