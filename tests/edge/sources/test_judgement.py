"""The one judgement of frames: complete, new, of known age, and each fault counted by its kind."""

from __future__ import annotations

import numpy as np
import pytest

from edge.basics.errors import CameraLost
from edge.frames.frame import Frame
from edge.sources.judgement import MAX_REFUSED, REPEATED_NS, FrameJudge

MS = 1_000_000
CAMERA = "/dev/video0"
NOISE = np.random.default_rng(0).integers(0, 256, (54, 96, 3), np.uint8)


def accepted(judge: FrameJudge, image: np.ndarray, t_ns: int, arrived_ns: int | None = None) -> Frame:
    return judge.accept(CAMERA, Frame(image, 0, t_ns), t_ns if arrived_ns is None else arrived_ns)


def found(judge: FrameJudge) -> dict[str, int]:
    return {fault: count for fault, count in judge.record().items() if count}


def test_a_repeated_picture_ages_and_after_two_seconds_the_camera_is_lost() -> None:
    judge = FrameJudge()
    assert accepted(judge, NOISE, 0).t_capture_ns == 0
    assert accepted(judge, NOISE.copy(), 900 * MS).t_capture_ns == 0
    with pytest.raises(CameraLost, match="/dev/video0: the camera repeats one picture"):
        accepted(judge, NOISE.copy(), REPEATED_NS + 1)
    assert found(judge) == {"repeated": 2}


def test_a_camera_that_was_opened_again_cannot_give_its_old_picture_as_new() -> None:
    judge = FrameJudge()
    accepted(judge, NOISE, 0)
    for taken_ns in (REPEATED_NS + 1, 5 * REPEATED_NS):
        with pytest.raises(CameraLost):
            accepted(judge, NOISE.copy(), taken_ns)
    other = NOISE[::-1].copy()
    assert accepted(judge, other, 6 * REPEATED_NS).t_capture_ns == 6 * REPEATED_NS


def test_broken_pictures_are_counted_by_kind_and_ten_in_a_row_lose_the_camera() -> None:
    judge = FrameJudge()
    for _ in range(MAX_REFUSED - 1):
        judge.refuse(CAMERA, "damaged")
    accepted(judge, NOISE, 0)
    for _ in range(MAX_REFUSED - 1):
        judge.refuse(CAMERA, "incomplete")
    with pytest.raises(CameraLost, match="10 broken pictures in a row; check the camera's cable"):
        judge.refuse(CAMERA, "incomplete")
    assert found(judge) == {"damaged": 9, "incomplete": 10}


@pytest.mark.parametrize(
    ("stamp_ms", "taken_ms", "num_untimed"),
    [
        pytest.param(99_980, 99_980, 0, id="the driver's"),
        pytest.param(100_030, 100_000, 0, id="a frame ahead"),
        pytest.param(None, 100_000, 1, id="none"),
        pytest.param(80_000, 100_000, 1, id="too old to be true"),
        pytest.param(1.7e12, 100_000, 1, id="another clock"),
    ],
)
def test_the_age_is_known_or_counts_from_the_arrival(stamp_ms: float | None, taken_ms: int, num_untimed: int) -> None:
    judge = FrameJudge()
    assert judge.taken_ns(None if stamp_ms is None else int(stamp_ms * MS), 100_000 * MS) == taken_ms * MS
    assert judge.record()["untimed"] == num_untimed


def test_what_was_old_when_it_arrived_and_what_was_let_go_are_counted() -> None:
    judge = FrameJudge()
    late = accepted(judge, NOISE, 0, arrived_ns=501 * MS)
    assert late.t_capture_ns == 0, "it keeps its age, so that it cannot look live"
    judge.skipped(3)
    assert found(judge) == {"late": 1, "skipped": 3}
