"""One log line of each kind in a while."""

from __future__ import annotations

import logging

import pytest

from edge.basics.seldom import Seldom


def test_the_first_of_a_kind_is_told_and_later_how_many_followed(caplog: pytest.LogCaptureFixture) -> None:
    now_s = 100.0
    seldom = Seldom(logging.getLogger("test"), 10.0, lambda: now_s)
    for _ in range(1000):
        seldom.say(logging.ERROR, "accept", "no descriptor")
    seldom.say(logging.ERROR, "handshake", "another kind")
    now_s = 110.0
    seldom.say(logging.ERROR, "accept", "no descriptor")
    assert [record.message for record in caplog.records] == [
        "no descriptor",
        "another kind",
        "no descriptor (999 more like it before)",
    ]


def test_the_first_line_comes_however_young_the_clock_is(caplog: pytest.LogCaptureFixture) -> None:
    Seldom(logging.getLogger("test"), 10.0, lambda: 0.5).say(logging.ERROR, "accept", "no descriptor")
    assert len(caplog.records) == 1
