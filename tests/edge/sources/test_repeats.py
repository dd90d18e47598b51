"""A camera that repeats one picture must not look live."""

from __future__ import annotations

import numpy as np
import pytest

from edge.basics.errors import CameraLost
from edge.frames.frame import Frame
from edge.sources.repeats import REPEATED_NS, RepeatGuard

NOISE = np.random.default_rng(0).integers(0, 256, (54, 96, 3), np.uint8)


def test_a_repeated_picture_keeps_its_first_time() -> None:
    guard = RepeatGuard("/dev/video0")
    assert guard.checked(Frame(NOISE, 0, 1_000)).t_capture_ns == 1_000
    assert guard.checked(Frame(NOISE.copy(), 1, 2_000)).t_capture_ns == 1_000
    assert guard.checked(Frame(NOISE[::-1].copy(), 2, 3_000)).t_capture_ns == 3_000


def test_the_camera_is_lost_after_two_seconds() -> None:
    guard = RepeatGuard("/dev/video0")
    guard.checked(Frame(NOISE, 0, 0))
    with pytest.raises(CameraLost, match="repeats one picture"):
        guard.checked(Frame(NOISE.copy(), 1, REPEATED_NS + 1))
    assert guard.checked(Frame(NOISE, 2, REPEATED_NS + 2)).t_capture_ns == REPEATED_NS + 2


def test_a_covered_lens_is_no_repeat() -> None:
    guard = RepeatGuard("/dev/video0")
    black = np.zeros((54, 96, 3), np.uint8)
    for index in range(5):
        assert guard.checked(Frame(black, index, index * REPEATED_NS)).t_capture_ns == index * REPEATED_NS
