"""A repeated picture is told by its pixels."""

from __future__ import annotations

import numpy as np

from edge.sources.repeats import RepeatGuard

NOISE = np.random.default_rng(0).integers(0, 256, (54, 96, 3), np.uint8)


def test_a_repeated_picture_keeps_its_first_time() -> None:
    guard = RepeatGuard()
    assert guard.first_ns(NOISE, 1_000) == 1_000
    assert guard.first_ns(NOISE.copy(), 2_000) == 1_000
    assert guard.first_ns(NOISE[::-1].copy(), 3_000) == 3_000


def test_a_covered_lens_is_no_repeat() -> None:
    guard = RepeatGuard()
    black = np.zeros((54, 96, 3), np.uint8)
    for taken_ns in range(5):
        assert guard.first_ns(black, taken_ns) == taken_ns
