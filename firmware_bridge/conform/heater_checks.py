"""The safety rules of the window heater and of heat. The heater gives 10% at most, for seconds."""

from __future__ import annotations

from firmware_bridge.conform.light_checks import DIM_PERMILLE, DIM_S, SAFE_PERMILLE, SLACK_S, light_text
from firmware_bridge.conform.probe import Probe
from firmware_bridge.conform.verdicts import Check, Failed, NotApplicable
from firmware_bridge.wire.messages import (
    Capability,
    Fault,
    LightState,
    NakReason,
    Param,
    SetHeater,
    SetLed,
    Status,
)

SAFE_HEATER_PERMILLE = 100
HOT_WINDOW_CENTI_CELSIUS, HOT_BOARD_CENTI_CELSIUS = 4100, 8500
TOO_WARM_CENTI_CELSIUS = 3900
"""2 C below where the head must stop by itself: a check does not go there."""
COOLING_S = 60.0


def _with_heater(probe: Probe) -> Status:
    """A new session with a head that has a heater, and its STATUS."""
    if not probe.greet().capabilities & Capability.HEATER:
        raise NotApplicable("the head has no heater")
    return probe.status()


def _warming(probe: Probe) -> int:
    """The heater on, at the level that is returned.

    Raises:
        NotApplicable: there is none, or it cannot be on now.
    """
    status = _with_heater(probe)
    if status.faults & Fault.OVER_TEMPERATURE:
        raise NotApplicable("the head is or was too hot; let it cool down")
    if status.window_centi_celsius is None:
        raise NotApplicable("the window's temperature is not known")
    if status.window_centi_celsius >= TOO_WARM_CENTI_CELSIUS:
        raise NotApplicable(f"the window has {status.window_centi_celsius / 100:.1f} C: too warm to warm it")
    level = min(SAFE_HEATER_PERMILLE, probe.param(Param.HEATER_LIMIT_PERMILLE))
    if level < 2:
        raise NotApplicable(f"HEATER_LIMIT_PERMILLE is {level} after a start")
    probe.command(SetHeater(level))
    _expect(probe.status(), level, "when asked for")
    return level


def _expect(status: Status, level: int, when: str) -> str:
    if status.heater_permille != level:
        raise Failed(f"{when}: {status.heater_permille} permille; expected {level}")
    return f"{when}: {status.heater_permille} permille"


def check_as_asked(probe: Probe) -> str:
    level = _warming(probe)
    return _expect(probe.keep(3.0), level, "after 3 s with heartbeats")


def check_off_at_start(probe: Probe) -> str:
    _warming(probe)
    probe.restart()
    probe.greet()
    return _expect(probe.status(), 0, "after a restart")


def check_off_when_silent(probe: Probe) -> str:
    _warming(probe)
    probe.listen(DIM_S + SLACK_S)
    return _expect(probe.status(), 0, f"after {DIM_S + SLACK_S:g} s of silence")


def check_without_sensor(probe: Probe) -> str:
    status = _with_heater(probe)
    if status.window_centi_celsius is not None:
        celsius = status.window_centi_celsius / 100
        raise NotApplicable(f"the window's sensor says {celsius:.1f} C; unplug it, and run this check again")
    probe.order(SetHeater.TYPE, SetHeater(SAFE_HEATER_PERMILLE).payload())
    return _expect(probe.status(), 0, f"asked for {SAFE_HEATER_PERMILLE} without a window temperature")


def check_range(probe: Probe) -> str:
    level = _warming(probe)
    for value in (1001, 0xFFFF):
        probe.refused(SetHeater.TYPE, value.to_bytes(2, "little"), NakReason.OUT_OF_RANGE)
    return _expect(probe.status(), level, "1001 and 65535 refused")


def check_limit(probe: Probe) -> str:
    level = _warming(probe)
    limit = level // 2
    probe.command(SetHeater(1))
    probe.set_param(Param.HEATER_LIMIT_PERMILLE, limit)
    probe.refused(SetHeater.TYPE, SetHeater(limit + 1).payload(), NakReason.OVER_LIMIT)
    _expect(probe.status(), 1, f"after {limit + 1} was refused")
    probe.command(SetHeater(limit))
    _expect(probe.status(), limit, "at the limit")
    return f"limit {limit}: {limit + 1} refused, {limit} taken"


def check_limit_at_once(probe: Probe) -> str:
    level = _warming(probe)
    limit = level // 2
    probe.set_param(Param.HEATER_LIMIT_PERMILLE, limit)
    return _expect(probe.status(), limit, f"limit lowered from {level} to {limit}")


def check_no_heater(probe: Probe) -> str:
    if probe.greet().capabilities & Capability.HEATER:
        raise NotApplicable("the head has a heater")
    probe.refused(SetHeater.TYPE, SetHeater(1).payload(), NakReason.NO_SUCH_CHANNEL)
    return "SET_HEATER refused"


def check_over_temperature(probe: Probe) -> str:
    hello, status = probe.greet(), probe.status()
    if not status.faults & Fault.OVER_TEMPERATURE:
        celsius = status.window_centi_celsius
        text = "not known" if celsius is None else f"{celsius / 100:.1f} C"
        raise NotApplicable(f"the window is {text}; warm it to 41 C by other means, and run this check again")
    if hello.capabilities & Capability.HEATER:
        probe.refused(SetHeater.TYPE, SetHeater(SAFE_HEATER_PERMILLE).payload(), NakReason.FAULT_LATCHED)
    level = min(SAFE_PERMILLE, probe.param(Param.LED_LIMIT_PERMILLE))
    for channel in probe.channels:
        probe.command(SetLed(channel, level))
    status = probe.status()
    text = f"asked for {level}: {light_text(probe, status)}, heater {status.heater_permille}"
    if max(status.led_permille) > DIM_PERMILLE or status.heater_permille or status.light_state == LightState.NORMAL:
        raise Failed(f"{text}; expected at most {DIM_PERMILLE} permille, dimmed, heater 0")
    return text


def _is_hot(status: Status) -> bool:
    window, board = status.window_centi_celsius, status.board_centi_celsius
    is_hot_window = window is not None and window >= HOT_WINDOW_CENTI_CELSIUS
    return is_hot_window or (board is not None and board >= HOT_BOARD_CENTI_CELSIUS)


def check_hot_is_told(probe: Probe) -> str:
    probe.greet()
    status = probe.status()
    window, board = status.window_centi_celsius, status.board_centi_celsius
    if not _is_hot(status):
        raise NotApplicable("window and board are below 41 C and 85 C")
    if not status.faults & Fault.OVER_TEMPERATURE:
        raise Failed(f"window {window}, board {board} centi C, faults {status.faults}; expected OVER_TEMPERATURE")
    return "OVER_TEMPERATURE is set"


def check_hot_until_reset(probe: Probe) -> str:
    probe.greet()
    status = probe.status()
    if not status.faults & Fault.OVER_TEMPERATURE:
        raise NotApplicable("the head is not too hot")
    end_s = probe.line.now_s() + COOLING_S
    while _is_hot(status):
        if probe.line.now_s() > end_s:
            raise NotApplicable(f"the head did not cool down in {COOLING_S:g} s")
        status = probe.keep(1.0)
    if not status.faults & Fault.OVER_TEMPERATURE:
        raise Failed("OVER_TEMPERATURE went away when the head cooled down; expected it to stay until RESET")
    probe.restart()
    probe.greet()
    status = probe.status()
    if status.faults & Fault.OVER_TEMPERATURE and not _is_hot(status):
        raise Failed("OVER_TEMPERATURE is set after RESET of a head that is cool")
    return "stays after cooling down, and goes with RESET"


CHECKS = (
    Check("heater-off-at-start", "The heater is off from a start until SET_HEATER.", 0.5, check_off_at_start),
    Check("heater-as-asked", "The heater gives what was asked for while heartbeats come.", 3.2, check_as_asked),
    Check("heater-off-when-silent", "2 s without a HEARTBEAT: the heater is off.", 2.4, check_off_when_silent),
    Check(
        *("heater-without-sensor", "The heater is off while the window's temperature is not known."),
        *(0.2, check_without_sensor),
    ),
    Check("heater-range", "SET_HEATER above 1000: NAK OUT_OF_RANGE, nothing changes.", 0.3, check_range),
    Check("heater-limit", "SET_HEATER above HEATER_LIMIT_PERMILLE: NAK OVER_LIMIT, nothing changes.", 0.3, check_limit),
    Check("heater-limit-at-once", "A lowered HEATER_LIMIT_PERMILLE holds at once.", 0.3, check_limit_at_once),
    Check("no-heater", "A head without HEATER answers SET_HEATER with NAK NO_SUCH_CHANNEL.", 0.2, check_no_heater),
    Check(
        *("hot-is-told", "Window at 41 C or more, or board at 85 C or more: fault OVER_TEMPERATURE."),
        *(0.2, check_hot_is_told),
    ),
    Check(
        *("over-temperature", "With OVER_TEMPERATURE: heater off, SET_HEATER refused, light 10% at most."),
        *(0.3, check_over_temperature),
    ),
    Check(
        "hot-until-reset", "OVER_TEMPERATURE stays when the head cools down, until RESET.", 0.2, check_hot_until_reset
    ),
)
