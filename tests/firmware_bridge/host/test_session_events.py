"""What the device says unasked: presses and exposures, once and in order. In simulated time."""

from __future__ import annotations

from firmware_bridge.device.faulty_line import LineFaults
from firmware_bridge.wire.messages import Button, ButtonAction, FrameSync


def test_presses_arrive_once_and_in_order_on_a_bad_line(make_bench):
    bench = make_bench(LineFaults(drop=0.01, corrupt=0.01, repeat=0.3), seed=2)
    bench.open()
    for _ in range(40):
        bench.pressed = True
        bench.run(300)
        bench.pressed = False
        bench.run(700)
    seen = [event.action for event in bench.events if isinstance(event, Button)]
    assert seen == [ButtonAction.PRESS, ButtonAction.RELEASE] * 40
    assert bench.session.counts.repeated_events > 0


def test_a_long_press_comes_between_press_and_release(bench):
    bench.pressed = True
    bench.run(1000)
    bench.pressed = False
    bench.run(50)
    actions = [(event.action, event.time_us) for event in bench.events]
    assert [action for action, _ in actions] == [ButtonAction.PRESS, ButtonAction.LONG_PRESS, ButtonAction.RELEASE]
    assert 800_000 <= actions[1][1] - actions[0][1] <= 810_000


def test_a_press_that_nobody_heard_does_not_act_later(bench):
    bench.host_alive = False
    for pressed in (True, False):
        bench.pressed = pressed
        bench.run(150)
    bench.host_alive = True
    bench.reopen()
    bench.open()
    bench.run(500)
    assert bench.events == []
    bench.pressed = True
    bench.run(50)
    assert [event.action for event in bench.events] == [ButtonAction.PRESS]


def test_frame_sync_carries_the_times_of_exposures(bench):
    bench.exposures_us = [bench.device_us - 900, bench.device_us + 4000]
    bench.run(20)
    first, second = bench.events
    assert isinstance(first, FrameSync)
    assert (first.counter, second.counter) == (1, 2)
    assert first.exposure_start_us == first.time_us - 900
