"""A recording says of each moment what made it, in its pixels and in its record."""

from __future__ import annotations

import numpy as np
import pytest

from edge.frames.frame import Frame
from edge.saving.recording.mark import mark_planes, words_of
from edge.saving.recording.record import Changes

IMAGE = np.zeros((4, 4, 3), np.uint8)


def made_by(profile, detail="", strength=1.0):
    model = {"profile": profile, "sha256": "ab", "detail": detail}
    return Frame(IMAGE, 1, 0).enhanced(IMAGE, profile, {}, strength, model)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (Frame(IMAGE, 1, 0), "RAW"),
        (made_by("live", strength=0.7), "ENHANCED live 70%"),
        (made_by("live-isr", "synthesised"), "ENHANCED SYNTHESISED DETAIL live-isr"),
    ],
)
def test_words(frame, words):
    assert words_of(frame) == words


def test_of_a_long_name_the_end_is_cut_and_not_what_was_synthesised():
    with_it, without = (np.zeros((1620, 1920), np.uint8) for _ in range(2))
    mark_planes(with_it, words_of(made_by("x" * 64, "synthesised")))
    mark_planes(without, words_of(made_by("x" * 64)))
    assert with_it.any()
    assert (with_it != without).any()


def test_the_record_says_from_when_on_detail_was_synthesised():
    changes = Changes()
    for at_s, frame in enumerate([made_by("live"), made_by("live-isr", "synthesised"), Frame(IMAGE, 3, 0)]):
        changes.see(frame, at_s)
    assert [entry.get("detail") for entry in changes.entries()] == [None, "synthesised", None]
