"""The safety rules, in C (with sanitizers) and in Python: what light and heater give whatever the host does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmware_bridge.device.interface import Sensors
from firmware_bridge.errors import Refused
from firmware_bridge.wire.messages import (
    Fault,
    FaultEvent,
    LightState,
    NakReason,
    Param,
    Reset,
    ResetCause,
    SetHeater,
    SetLed,
    SetParam,
)

FULL = (900, 900, 900, 900)


@pytest.fixture
def lit(bench):
    """Light at 90% and heater at 70%, on a device that hears its heartbeat."""
    for channel in range(4):
        bench.ask(SetLed(channel, 900))
    bench.ask(SetHeater(700))
    bench.run(600)
    assert (bench.outputs.led_permille, bench.outputs.heater_permille) == (FULL, 700)
    return bench


def test_light_and_heater_are_off_until_a_host_asks(make_bench):
    bench = make_bench()
    bench.host_alive = False
    bench.run(50)
    assert (bench.outputs.led_permille, bench.outputs.heater_permille) == ((0, 0, 0, 0), 0)
    assert bench.outputs.light_state == LightState.DARK


def test_light_stays_while_the_heartbeat_does(lit):
    lit.run(15_000)
    assert lit.outputs.led_permille == FULL
    assert lit.outputs.light_state == LightState.NORMAL


def test_light_dims_2_s_and_goes_out_10_s_after_the_last_heartbeat(lit):
    last_heard_ms = lit.session.status[0].uptime_us / 1000
    lit.host_alive = False
    seen = {}
    for _ in range(12_000 // 20):
        lit.run(20)
        seen.setdefault((lit.outputs.led_permille[0], lit.outputs.heater_permille), lit.device_us / 1000)
    assert list(seen) == [(900, 700), (100, 0), (0, 0)]
    assert seen[100, 0] - last_heard_ms == pytest.approx(2000, abs=30)
    assert seen[0, 0] - last_heard_ms == pytest.approx(10_000, abs=30)
    lit.host_alive = True
    lit.reopen()
    lit.open()
    lit.run(100)
    assert lit.outputs.led_permille == FULL, "the light that was asked for comes back with the heartbeat"


def test_commands_without_a_heartbeat_do_not_keep_the_light_on(lit, monkeypatch):
    monkeypatch.setattr("firmware_bridge.host.session.HEARTBEAT_NS", 10**15)
    lit.run(600)
    for _ in range(20):
        lit.ask(SetLed(0, 900))
        lit.run(150)
    assert lit.outputs.light_state == LightState.DIMMED
    assert lit.outputs.led_permille == (100, 100, 100, 100)


@pytest.mark.parametrize(
    "hot", [Sensors(window_centi_celsius=4100), Sensors(board_centi_celsius=8500)], ids=["window", "board"]
)
def test_over_temperature_is_latched_until_a_reset(lit, hot):
    cool, lit.sensors = lit.sensors, hot
    lit.run(50)
    lit.sensors = cool
    lit.run(3000)
    assert lit.outputs.faults == Fault.OVER_TEMPERATURE
    assert (lit.outputs.led_permille, lit.outputs.heater_permille) == ((100, 100, 100, 100), 0)
    error = lit.ask(SetHeater(10)).exception()
    assert isinstance(error, Refused)
    assert error.reason == NakReason.FAULT_LATCHED
    assert lit.ask(SetHeater(0)).exception() is None
    assert [event.faults for event in lit.events if isinstance(event, FaultEvent)] == [Fault.OVER_TEMPERATURE]
    lit.ask(Reset())
    lit.until(lambda: lit.session.failure is not None)
    lit.reopen()
    lit.open()
    lit.run(50)
    assert lit.outputs.faults == 0


def test_just_below_the_limit_is_no_fault(lit):
    lit.sensors = Sensors(window_centi_celsius=4099, board_centi_celsius=8499)
    lit.run(1000)
    assert lit.outputs.faults == 0
    assert lit.outputs.heater_permille == 700


def test_a_window_whose_temperature_is_not_known_is_not_heated(lit):
    lit.sensors = replace(lit.sensors, window_centi_celsius=None)
    lit.run(50)
    assert lit.outputs.heater_permille == 0
    assert lit.outputs.faults == Fault.SENSOR
    lit.sensors = Sensors()
    lit.run(50)
    assert lit.outputs.heater_permille == 700
    assert lit.outputs.faults == 0


def test_a_lowered_limit_holds_for_what_is_on_already(lit):
    lit.ask(SetParam(Param.LED_LIMIT_PERMILLE, 300))
    lit.ask(SetParam(Param.HEATER_LIMIT_PERMILLE, 200))
    assert (lit.outputs.led_permille, lit.outputs.heater_permille) == ((300,) * 4, 200)


def test_a_restart_by_the_watchdog_is_reported(bench):
    bench.reboot(ResetCause.WATCHDOG)
    bench.reopen()
    bench.open()
    bench.run(600)
    status, _ = bench.session.status
    assert status.reset_cause == ResetCause.WATCHDOG
    assert status.faults == Fault.WATCHDOG
    assert [event.changed for event in bench.events] == [Fault.WATCHDOG]


@pytest.mark.parametrize(
    "sensors, fault",
    [
        pytest.param(Sensors(supply_mv=4400), Fault.SUPPLY_LOW, id="supply"),
        pytest.param(Sensors(driver_faults=Fault.LED_DRIVER), Fault.LED_DRIVER, id="light driver"),
        pytest.param(Sensors(board_centi_celsius=None), Fault.SENSOR, id="sensor"),
    ],
)
def test_faults_that_come_and_go_are_reported_twice(bench, sensors, fault):
    bench.sensors = sensors
    bench.run(300)
    bench.sensors = Sensors()
    bench.run(300)
    assert [(event.faults, event.changed) for event in bench.events] == [(fault, fault), (0, fault)]


def test_status_tells_what_is_measured(bench):
    bench.sensors = Sensors(3512, -40, None, -120, 4987, 310)
    bench.run(1100)
    status, _ = bench.session.status
    assert (status.window_centi_celsius, status.board_centi_celsius) == (3512, -40)
    assert (status.humidity_permille, status.dew_margin_centi_celsius) == (None, -120)
    assert (status.supply_mv, status.led_ma) == (4987, 310)
