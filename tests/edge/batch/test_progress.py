"""How far a run is: the time that is left follows from what was done, whatever clips promised."""

from __future__ import annotations

import logging

import pytest

from edge.batch import progress
from edge.batch.progress import Progress


def test_what_is_left_follows_from_what_pieces_turn_out_to_have() -> None:
    one = Progress([1, 50, 1])
    one.did_frame(0)
    one.end(0, "a.png")
    assert one.line(2.0) == "1 of 52 frames, about 102 s left"
    one.expect(1, 7)
    assert one.line(2.0) == "1 of 9 frames, about 16 s left"
    for _ in range(5):
        one.did_frame(1)
    one.end(1, "cut short.mp4")
    assert one.line(3.0) == "6 of 7 frames, about 0 s left"
    one.end(2, "failed.png")
    assert one.line(3.0) == "6 of 6 frames, about 0 s left"


def test_a_line_comes_each_half_minute_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    one = Progress([3])
    with one.shown():
        one.did_frame(0)
        assert caplog.messages == []
        monkeypatch.setattr(progress, "EVERY_S", 0.0)
        one.did_frame(0)
    assert caplog.messages[0].startswith("2 of 3 frames, about ")
