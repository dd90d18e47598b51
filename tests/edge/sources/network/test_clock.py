"""The age of pictures from what a camera tells, checked on streams whose true times are known."""

import pytest

from edge.sources.network.clock import ArrivalClock, Cadence, CameraClock

MS = 1_000_000
S = 1_000 * MS
FRAME = 33 * MS


def test_a_backlog_shows_by_the_camera_s_own_time():
    clock = CameraClock()
    delays = [20 * MS] * 60 + [400 * MS + 30 * MS * i for i in range(20)]
    lags = [clock.lag_ns(i * FRAME + 7 * S, 100 * S + i * FRAME + delay) for i, delay in enumerate(delays)]
    assert lags == [delay - 20 * MS for delay in delays]
    assert clock.words() == "arrival"


def test_a_backlog_is_never_forgotten_while_it_lasts_a_minute_long():
    clock = CameraClock()
    prompt = [clock.lag_ns(i * FRAME, i * FRAME + 10 * MS) for i in range(30)]
    late = [clock.lag_ns(i * FRAME, i * FRAME + 2 * S) for i in range(30, 900)]
    assert max(prompt) == 0 and min(late) == max(late) == 2 * S - 10 * MS


@pytest.mark.parametrize("jump_ns", [100 * S, -100 * S, -2 * S])
def test_a_camera_whose_time_is_set_is_prompt_again_at_once(jump_ns):
    clock = CameraClock()
    for i in range(60):
        clock.lag_ns(i * FRAME, i * FRAME)
    lags = [clock.lag_ns(i * FRAME + jump_ns, i * FRAME) for i in range(60, 120)]
    assert max(lags) == 0


def test_what_was_late_before_a_jump_is_late_after_it():
    clock = CameraClock()
    for i in range(60):
        clock.lag_ns(i * FRAME, i * FRAME)
    for i in range(60, 90):
        clock.lag_ns(i * FRAME, i * FRAME + 900 * MS)
    now_ns = 1_800_000_000 * S
    lags = [clock.lag_ns(i * FRAME - 50 * S, i * FRAME + 900 * MS, now_ns, now_ns) for i in range(90, 120)]
    assert set(lags) == {900 * MS}
    assert clock.lag_ns(120 * FRAME - 50 * S, 120 * FRAME + 100 * MS) == 100 * MS


def test_the_time_of_day_from_before_a_jump_is_not_used():
    clock = CameraClock()
    now_ns = 1_800_000_000 * S
    for i in range(60):
        clock.lag_ns(i * FRAME, i * FRAME, now_ns, now_ns)
    assert clock.lag_ns(60 * FRAME - 2 * S, 60 * FRAME, now_ns - 2 * S, now_ns) == 0
    assert clock.has_just_jumped


def test_a_silence_of_the_line_is_no_jump():
    clock = CameraClock()
    for i in range(60):
        clock.lag_ns(i * FRAME, i * FRAME)
    assert clock.lag_ns(60 * FRAME, 60 * FRAME + 12 * S) == 10 * S, "the oldest that is told"
    assert clock.lag_ns(61 * FRAME, 61 * FRAME + 9 * S) == 9 * S


@pytest.mark.parametrize(
    ("off_ns", "lag_ns", "words"),
    [
        pytest.param(300 * MS, 300 * MS, "camera's time of day", id="its clock and ours agree"),
        pytest.param(-100 * MS, 0, "camera's time of day", id="a little ahead"),
        pytest.param(2 * S, 2 * S, "camera's time of day", id="two seconds old"),
        pytest.param(-7200 * S, 0, "arrival (the camera's clock is 7200.0 s ahead of this one", id="hours ahead"),
        pytest.param(90 * S, 0, "arrival (the camera's clock is 90.0 s behind this one", id="a minute behind"),
    ],
)
def test_the_time_of_day_counts_where_it_can_be_true(off_ns, lag_ns, words):
    clock = CameraClock()
    now_ns = 1_800_000_000 * S
    assert clock.lag_ns(5, 1000 * S, now_ns - off_ns, now_ns) == lag_ns
    assert clock.words().startswith(words)
    distrusting = CameraClock(trusts_time_of_day=False)
    assert distrusting.lag_ns(5, 1000 * S, now_ns - off_ns, now_ns) == 0


def test_a_time_that_stands_still_tells_nothing():
    clock = CameraClock()
    lags = [clock.lag_ns(5, i * FRAME, i * FRAME, i * FRAME + 5 * S) for i in range(100)]
    assert set(lags[4:]) == {0}
    assert "stands still" in clock.words()


def test_pictures_held_back_and_sent_at_once_are_as_old_as_they_can_be():
    clock = ArrivalClock()
    taken = [i * FRAME for i in range(200)]
    held_until = 150 * FRAME
    arrived = [time + 5 * MS if time < 3 * S else max(time, held_until) + 5 * MS for time in taken]
    arrived = [max(time, arrived[0] + i * 3 * MS) for i, time in enumerate(arrived)]
    for i in range(1, len(arrived)):  # a burst takes its time
        arrived[i] = max(arrived[i], arrived[i - 1] + 3 * MS)
    told = [clock.taken_ns(time - 2 * MS, time) for time in arrived]
    assert max(abs(found - true) for found, true in zip(told, taken, strict=True)) < 70 * MS


def test_a_pause_without_a_backlog_costs_one_picture():
    clock = ArrivalClock()
    arrived = [i * FRAME for i in range(60)] + [60 * FRAME + 2 * S + i * FRAME for i in range(30)]
    told = [clock.taken_ns(time, time) for time in arrived]
    late = [i for i, (found, time) in enumerate(zip(told, arrived, strict=True)) if time - found > 100 * MS]
    assert late == [60]


def test_bytes_without_a_pause_mean_that_pictures_queue_somewhere():
    slow, usual = ArrivalClock(), ArrivalClock()
    for i in range(60):
        arrived = i * 100 * MS
        slow.taken_ns(arrived - 98 * MS, arrived)
        usual.taken_ns(arrived - 60 * MS, arrived)
        assert slow.is_saturated(arrived) == (i > 48) or 30 < i <= 48
        assert not usual.is_saturated(arrived)
    assert slow.is_saturated(60 * 100 * MS)


def test_a_pause_is_one_by_what_is_usual_for_the_camera():
    prompt, slow = Cadence(), Cadence()
    assert not any(prompt.has_paused(FRAME) for _ in range(60))
    assert prompt.has_paused(16 * FRAME) and not prompt.has_paused(3 * FRAME)
    assert [slow.has_paused(500 * MS) for _ in range(40)][-1] is False, "two pictures a second"
    assert slow.has_paused(16 * 500 * MS)
