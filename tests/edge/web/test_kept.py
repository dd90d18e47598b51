"""A pair that was answered stays, whatever others ask."""

from __future__ import annotations

import numpy as np

from edge.frames.frame import Frame, FramePair
from edge.health.state import Verdict
from edge.web.kept import HOLD_S, KeptPairs

VERDICT = Verdict("live", "", 10.0)


def pair(seq: int) -> FramePair:
    raw = Frame(np.full((2, 2, 3), seq % 250, np.uint8), seq, seq)
    return FramePair(raw, raw)


def test_others_take_nothing_away_and_do_not_grow_it() -> None:
    now_s = 0.0
    kept = KeptPairs(4, 0.4, lambda: now_s)
    mine = kept.keep(pair(1), VERDICT, "me")
    for seq in range(2, 1000):
        now_s = seq / 100
        if kept.instead() is None:
            kept.keep(pair(seq), VERDICT, "others")
        kept.forget()
        assert kept.find("1", "me") is mine
    assert len(kept) <= 9
    now_s = HOLD_S + 30
    kept.forget()
    assert kept.find("1") is None and len(kept) == 0


def test_who_asks_too_fast_is_given_the_newest_for_its_full_time() -> None:
    now_s = 0.0
    kept = KeptPairs(2, 0.4, lambda: now_s)
    for seq in (1, 2):
        assert kept.instead() is None
        kept.keep(pair(seq), VERDICT)
    now_s = 2.0
    again = kept.instead()
    assert again is not None and again.pair.raw.seq == 2
    now_s = 2.0 + HOLD_S - 0.1
    kept.forget()
    assert kept.find("2") is again


def test_it_is_a_copy_so_that_the_memory_of_live_frames_is_free() -> None:
    shown = pair(3)
    kept = KeptPairs(2, 0.4).keep(shown, VERDICT)
    assert not np.shares_memory(kept.pair.raw.image, shown.raw.image)
    assert kept.pair.enhanced is kept.pair.raw, "and one picture where raw is shown"


def test_each_asker_has_it_as_it_was_judged_for_it() -> None:
    kept, shown, stale = KeptPairs(4, 0.4), pair(5), Verdict("stale", "old", 900.0)
    first = kept.keep(shown, VERDICT, "me")
    other = kept.keep(shown, stale, "other")
    assert (kept.find("5", "me"), kept.find("5", "other"), kept.find("5", "third")) == (first, other, first)
    assert len(kept) == 1


def test_nobody_is_given_what_was_kept_in_the_patient_session_before() -> None:
    now_s = 0.0
    kept = KeptPairs(2, 0.4, lambda: now_s)
    for seq in (1, 2):
        assert kept.instead(7) is None
        kept.keep(pair(seq), VERDICT, num_sessions=7)
    assert kept.instead(7) is not None, "too fast"
    assert kept.instead(8) is None and len(kept) == 0, "another patient: a new one, and room for it"
    kept.keep(pair(3), VERDICT, num_sessions=8)
    again = kept.instead(8)
    assert again is not None and again.pair.raw.seq == 3
