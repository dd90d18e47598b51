"""When the ladder goes down and when up: rows of what happens and the rung that follows, in simulated time."""

import pytest

from edge.guard.ladder import (
    FIRST_WAIT_NS,
    HELD_NS,
    LONGEST_WAIT_NS,
    MAX_IN_A_ROW,
    MAX_OF_LAST,
    NS_PER_S,
    RESTARTS,
    SAME_RUNG_RESTARTS,
    Ladder,
)


def after(ladder, marks, now_ns=0):
    """`x` is a bad frame, `.` a good one; gives the rung."""
    for mark in marks:
        if mark == "x":
            ladder.bad(now_ns)
        else:
            ladder.good(now_ns)
    return ladder.rung


@pytest.mark.parametrize(
    ("marks", "rung"),
    [
        pytest.param("xx", 0, id="two in a row"),
        pytest.param("xxx", 1, id="three in a row"),
        pytest.param("xx.xx.xx.", 0, id="on and off, six of nine"),
        pytest.param("xx." * 4 + "xx", 1, id="on and off, ten of fourteen"),
        pytest.param("x.." * 9 + "...x", 0, id="old ones are forgotten"),
        pytest.param("xxxxxx", 2, id="six in a row are two steps"),
        pytest.param("x" * 30, 3, id="never below raw"),
    ],
)
def test_bad_frames_step_down(marks, rung):
    assert after(Ladder(3), marks) == rung


def test_the_numbers_are_those_of_the_rules():
    assert (MAX_IN_A_ROW, MAX_OF_LAST, RESTARTS) == (3, 10, 5)


def test_it_climbs_after_a_wait_that_doubles_each_time_it_does_not_hold():
    ladder, now = Ladder(1), 0
    waits = []
    for _ in range(9):
        after(ladder, "xxx", now)
        fell = now
        while ladder.better(now) is None:
            now += NS_PER_S
        waits.append((now - fell) // NS_PER_S)
        ladder.climbed(0, now)
    assert waits[:4] == [60, 120, 240, 480]
    assert waits[-1] == LONGEST_WAIT_NS // NS_PER_S == 3600


def test_a_rung_that_held_is_trusted_again():
    ladder = Ladder(1)
    after(ladder, "xxx")
    ladder.climbed(0, FIRST_WAIT_NS)
    after(ladder, ".", FIRST_WAIT_NS)
    late = FIRST_WAIT_NS + HELD_NS + NS_PER_S
    after(ladder, ".", late)
    after(ladder, "xxx", late)
    assert ladder.better(late + FIRST_WAIT_NS) == 0


def test_better_rungs_are_tried_best_first_and_then_waited_for():
    ladder = Ladder(3)
    after(ladder, "x" * 9)
    now = LONGEST_WAIT_NS
    assert ladder.rung == ladder.raw
    for rung in (0, 1, 2):
        assert ladder.better(now) == rung
        ladder.could_not_climb(rung, now)
    assert ladder.better(now) is None
    assert ladder.better(now + LONGEST_WAIT_NS) == 0


def test_a_crash_restarts_then_steps_then_gives_up():
    ladder = Ladder(3)
    steps = [ladder.crashed(number * NS_PER_S) for number in range(RESTARTS + 1)]
    assert steps == ["restart"] * SAME_RUNG_RESTARTS + ["step", "restart", "spent"]
    assert (ladder.rung, ladder.spent) == (ladder.raw, True)
    assert ladder.better(50 * NS_PER_S) is None
    assert ladder.better(10 * FIRST_WAIT_NS) == 0
    ladder.climbed(0, 10 * FIRST_WAIT_NS)
    assert not ladder.spent


def test_crashes_far_apart_only_restart():
    ladder = Ladder(2)
    assert {ladder.crashed(number * 61 * NS_PER_S) for number in range(20)} == {"restart"}
    assert ladder.rung == 0


def test_heat_is_a_ceiling_that_goes_again():
    ladder = Ladder(2)
    ladder.set_ceiling(1, 0)
    assert ladder.rung == 1
    assert ladder.better(LONGEST_WAIT_NS) is None
    ladder.set_ceiling(0, NS_PER_S)
    assert ladder.better(NS_PER_S) == 0


def test_heat_does_not_lift_a_ladder_that_is_lower_for_a_reason():
    ladder = Ladder(3)
    after(ladder, "xxxxxx")
    ladder.set_ceiling(1, 0)
    assert ladder.rung == 2
    assert ladder.better(0) is None
