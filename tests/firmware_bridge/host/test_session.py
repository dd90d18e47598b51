"""Session and device over a bad line: exactly once, events in order, restarts, versions. In simulated time."""

from __future__ import annotations

from collections import Counter

import pytest

from firmware_bridge.device.faulty_line import LineFaults
from firmware_bridge.device.interface import Identity
from firmware_bridge.errors import CommandFailed, OutOfRange, Refused
from firmware_bridge.wire.frames import FrameDecoder, sent_bytes
from firmware_bridge.wire.messages import (
    Ack,
    Button,
    ButtonAction,
    GetParam,
    Hello,
    Nak,
    NakReason,
    Param,
    ParamValue,
    Ping,
    Reset,
    SetHeater,
    SetLed,
    SetParam,
    frame_from_message,
)

MS_NS = 1_000_000
BAD_CABLE = LineFaults(drop=0.01, corrupt=0.01)
WORSE_CABLE = LineFaults(drop=0.01, corrupt=0.01, duplicate=0.01, repeat=0.2, delay_ms=3, jitter_ms=90)
LINES = [
    pytest.param(BAD_CABLE, 0.95, id="1% corrupt 1% lost"),
    pytest.param(WORSE_CABLE, 0.5, id="and repeated and late"),
]
"""With the share of commands that must be answered with success."""


def commands_on_a_bad_line(bench, num_commands, first_seq=1):
    """Send numbered commands one after the other; returns the numbers that were answered with success."""
    done = set()
    bench.reopen(first_seq=first_seq)
    bench.open()
    for number in range(num_commands):
        if bench.session.failure is not None:
            bench.reopen(first_seq=first_seq)
            bench.open()
        future = bench.ask(SetParam(Param.SYNC_DELAY_US, number), step_ms=10)
        if future.exception() is None:
            done.add(number)
        else:
            assert isinstance(future.exception(), CommandFailed)
    bench.run(500)  # what a given-up command left on the line arrives now or never
    return done


def judge_exactly_once(bench, done, least_done):
    effects = Counter(bench.effects)
    assert max(effects.values()) == 1, "a command took effect twice"
    assert done <= effects.keys(), "a command was answered with success, but had no effect"
    assert bench.effects == sorted(bench.effects), "a late copy of an earlier command took effect after a newer one"
    assert len(done) >= least_done


@pytest.mark.parametrize("faults, share", LINES)
def test_commands_take_effect_once_or_return_an_error(make_bench, faults, share):
    bench = make_bench(faults, seed=3)
    done = commands_on_a_bad_line(bench, 600)
    judge_exactly_once(bench, done, 600 * share)
    assert bench.session.counts.retries > 100, "the line was not bad enough to test anything"


def test_sequence_numbers_may_wrap_on_a_bad_line(make_bench):
    bench = make_bench(WORSE_CABLE, seed=5)
    done = commands_on_a_bad_line(bench, 300, first_seq=0xFFFF - 100)
    judge_exactly_once(bench, done, 150)


@pytest.mark.slow
@pytest.mark.parametrize("faults, share", LINES)
def test_ten_thousand_commands_take_effect_once_or_return_an_error(make_bench, faults, share):
    bench = make_bench(faults, seed=11)
    done = commands_on_a_bad_line(bench, 10_000)
    judge_exactly_once(bench, done, 10_000 * share)


def test_a_lost_answer_is_repeated_without_a_second_effect(bench):
    future = bench.session.submit(SetParam(Param.SYNC_DELAY_US, 7))
    bench.step()
    bench.up.clear()  # the answer never arrives
    bench.until(future.done)
    assert future.result() == Ack(SetParam.TYPE)
    assert bench.effects == [7]
    assert bench.session.counts.retries == 1


def test_an_old_command_is_refused_where_its_answer_is_no_longer_remembered(bench):
    for number in range(8):
        bench.ask(SetParam(Param.SYNC_DELAY_US, number))
    old = sent_bytes(frame_from_message(SetParam(Param.SYNC_DELAY_US, 0), 2))
    bench.down.put(old, bench.now_ns)
    bench.step()
    nak = FrameDecoder().feed(bench.up.take(bench.now_ns))[0]
    assert (nak.type, nak.seq, nak.payload[1]) == (Nak.TYPE, 2, NakReason.OLD_SEQ)
    assert bench.effects == list(range(8))


def test_a_reboot_between_effect_and_answer_is_an_error_and_no_second_effect(bench):
    future = bench.session.submit(SetParam(Param.SYNC_DELAY_US, 7))
    bench.step()
    assert bench.effects == [7]
    bench.up.clear()
    bench.reboot()
    bench.until(future.done)
    assert isinstance(future.exception(), CommandFailed)
    assert "restarted" in str(bench.session.failure)
    assert bench.effects == [7]


@pytest.mark.parametrize("first_seq", [1, 30_000, 0xFFFF])
def test_no_number_of_an_earlier_session_swallows_a_command(bench, first_seq):
    for number in range(6):
        bench.ask(SetParam(Param.SYNC_DELAY_US, number))
    bench.reopen(first_seq=first_seq)  # the host restarted
    bench.open()
    assert bench.ask(SetParam(Param.SYNC_DELAY_US, 99)).result() == Ack(SetParam.TYPE)
    bench.reboot()  # the device restarted
    bench.reopen(first_seq=first_seq)
    bench.open()
    assert bench.ask(SetParam(Param.SYNC_DELAY_US, 98)).result() == Ack(SetParam.TYPE)
    assert bench.effects == [0, 1, 2, 3, 4, 5, 99, 98]


def test_no_answer_of_an_earlier_session_is_repeated_in_this_one(bench):
    bench.run(20)
    assert bench.ask(Ping(1)).result() == Ping(1)
    bench.reopen(first_seq=1)
    bench.open()
    bench.run(20)
    future = bench.session.submit(SetParam(Param.SYNC_DELAY_US, 7))  # under the number that the ping had
    bench.step()
    bench.up.clear()
    bench.until(future.done)
    assert future.result() == Ack(SetParam.TYPE)
    assert bench.effects == [7]


def test_what_an_earlier_host_left_on_the_line_does_not_answer_this_one(bench):
    bench.ask(Ping(1))
    bench.up.put(sent_bytes(frame_from_message(Hello(1, 9, 9, 9, 4, 0, "STALE"), 1)), bench.now_ns)
    bench.up.put(sent_bytes(frame_from_message(Button(ButtonAction.PRESS, 5), 1)), bench.now_ns)
    bench.reopen(session_id=2)
    bench.open()
    assert bench.session.identity.serial == "SIM-0001"
    assert bench.events == []


def test_a_repeated_hello_does_not_forget_what_was_done(bench):
    hello = Hello(77, 1, 0, 0, 0, 0, "edge-enhance")
    bench.reopen(session_id=77, first_seq=1)
    bench.open()
    future = bench.session.submit(SetParam(Param.SYNC_DELAY_US, 7))
    bench.step()
    bench.up.clear()
    bench.down.put(sent_bytes(frame_from_message(hello, 1)), bench.now_ns)
    bench.until(future.done)
    assert bench.effects == [7]


def test_reset_restarts_once_and_the_session_ends(bench):
    future = bench.session.submit(Reset())
    bench.until(future.done)
    assert future.exception() is None
    bench.until(lambda: bench.session.failure is not None)
    assert "restarted" in str(bench.session.failure)
    bench.reopen()
    bench.open()
    bench.until(lambda: bench.session.status is not None)
    assert bench.session.status[0].reset_cause == 2


@pytest.mark.parametrize(
    "message, reason",
    [
        pytest.param(SetLed(2, 100), NakReason.NO_SUCH_CHANNEL, id="channel"),
        pytest.param(SetLed(0, 1001), NakReason.OUT_OF_RANGE, id="light above 1000"),
        pytest.param(SetLed(0, 701), NakReason.OVER_LIMIT, id="light above its limit"),
        pytest.param(SetHeater(1001), NakReason.OUT_OF_RANGE, id="heater above 1000"),
        pytest.param(SetHeater(801), NakReason.OVER_LIMIT, id="heater above its limit"),
        pytest.param(SetParam(Param.SYNC_DELAY_US, 20_001), NakReason.OUT_OF_RANGE, id="delay"),
        pytest.param(SetParam(9, 0), NakReason.NO_SUCH_PARAM, id="set of an unknown parameter"),
        pytest.param(GetParam(0), NakReason.NO_SUCH_PARAM, id="get of an unknown parameter"),
    ],
)
def test_the_device_itself_refuses_what_is_out_of_range(make_bench, monkeypatch, message, reason):
    bench = make_bench(identity=Identity(num_leds=2))
    bench.open()
    assert bench.ask(SetParam(Param.LED_LIMIT_PERMILLE, 700)).exception() is None
    monkeypatch.setattr("firmware_bridge.wire.layout.Message.check", lambda self: None)  # a host that does not look
    monkeypatch.setattr("firmware_bridge.wire.messages.SetParam.check", lambda self: None)
    monkeypatch.setattr(bench.session, "_check_channel", lambda message: None)
    error = bench.ask(message).exception()
    assert isinstance(error, Refused)
    assert error.reason == reason
    assert bench.outputs.effects == 1


@pytest.mark.parametrize(
    "message, reason",
    [
        pytest.param(SetLed(0, 1001), "level_permille = 1001: expected a whole number from 0 to 1000", id="light"),
        pytest.param(SetLed(4, 0), "channel = 4: expected", id="no head has it"),
        pytest.param(SetLed(3, 0), "channel = 3: this camera head has 2 light channels", id="this head has it not"),
        pytest.param(SetHeater(-1), "level_permille = -1", id="heater"),
        pytest.param(SetParam(Param.SYNC_DELAY_US, 20_001), "SYNC_DELAY_US = 20001: expected", id="delay"),
        pytest.param(SetParam(9, 0), "param = 9: expected one of 1 SYNC_DELAY_US", id="parameter"),
    ],
)
def test_the_host_refuses_it_before_anything_is_sent(make_bench, message, reason):
    bench = make_bench(identity=Identity(num_leds=2))
    bench.open()
    sent = bench.session.counts.requests
    with pytest.raises((OutOfRange, Refused)) as caught:
        bench.session.submit(message)
    assert reason in str(caught.value)
    assert bench.session.counts.requests == sent


def test_parameters_read_back(bench):
    bench.ask(SetParam(Param.LED_LIMIT_PERMILLE, 640))
    answer = bench.ask(GetParam(Param.LED_LIMIT_PERMILLE)).result()
    assert answer == ParamValue(Param.LED_LIMIT_PERMILLE, 640)


def test_a_device_that_is_busy_gets_the_same_frame_again(bench):
    bench.run(10)
    future = bench.session.submit(SetParam(Param.SYNC_DELAY_US, 7))
    bench.session.poll(bench.now_ns)
    request = FrameDecoder().feed(bench.session.take_output())[0]
    bench.session.receive(sent_bytes(frame_from_message(Nak(SetParam.TYPE, NakReason.BUSY), request.seq)), bench.now_ns)
    assert not future.done()
    bench.now_ns += 60 * MS_NS
    bench.until(future.done)
    assert future.exception() is None
    assert bench.effects == [7]


def test_a_storm_of_naks_to_other_numbers_disturbs_nothing(bench):
    future = bench.session.submit(SetParam(Param.SYNC_DELAY_US, 7))
    bench.session.poll(bench.now_ns)
    for seq in range(1000, 3000):
        bench.session.receive(sent_bytes(frame_from_message(Nak(SetParam.TYPE, NakReason.BUSY), seq)), bench.now_ns)
    bench.until(future.done)
    assert future.exception() is None
    assert bench.session.failure is None


def test_device_time_is_given_in_host_time(bench):
    bench.run(3000)
    found_ns = bench.session.clock.host_ns(bench.device_us)
    assert abs(found_ns - bench.now_ns) <= bench.session.clock.uncertainty_ns + 1_000_000
    assert bench.session.clock.uncertainty_ns < 10 * MS_NS
