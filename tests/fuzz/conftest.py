"""The report of a fuzzing run: what was tried on each input."""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator

import pytest

from tests.fuzz.harness import end_watch, tallies


def pytest_sessionfinish() -> None:
    faulthandler.cancel_dump_traceback_later()


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
