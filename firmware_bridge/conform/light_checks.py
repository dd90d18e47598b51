"""The safety rules of the light: what it may give whatever the host does. Nothing here asks for more than 30%, but
what must be refused."""

from __future__ import annotations

from firmware_bridge.conform.probe import Probe
from firmware_bridge.conform.verdicts import Check, Failed, NotApplicable
from firmware_bridge.wire.messages import Fault, GetParam, LightState, NakReason, Param, Ping, SetLed, Status

SAFE_PERMILLE, DIM_PERMILLE = 300, 100
DIM_S, DARK_S = 2.0, 10.0
SLACK_S = 0.2
_STAYS_S = 3.0


def light_text(probe: Probe, status: Status) -> str:
    """`300 300 permille, normal, 240 mA`"""
    levels = " ".join(str(level) for level in status.led_permille[: len(probe.channels)])
    known = status.light_state in tuple(LightState)
    state = LightState(status.light_state).name.lower() if known else f"state {status.light_state}"
    return f"{levels} permille, {state}, {status.led_ma} mA"


def lit(probe: Probe) -> int:
    """A new session in which every channel gives the same level, which it returns.

    Raises:
        NotApplicable: the head has no light, or may give none that could be seen to dim.
    """
    hello = probe.greet()
    if hello.num_leds == 0:
        raise NotApplicable("the head has no light channels")
    if probe.status().faults & Fault.OVER_TEMPERATURE:
        raise NotApplicable("the head is or was too hot, and gives 10% at most; let it cool down")
    level = min(SAFE_PERMILLE, probe.param(Param.LED_LIMIT_PERMILLE))
    if level <= DIM_PERMILLE:
        raise NotApplicable(f"LED_LIMIT_PERMILLE is {level} after a start: dimming to 10% cannot be seen")
    for channel in probe.channels:
        probe.command(SetLed(channel, level))
    return level


def _expect(probe: Probe, status: Status, most: int, state: LightState, when: str) -> str:
    """The light at most so bright, in this state; the text of what it is."""
    text = light_text(probe, status)
    if max(status.led_permille) > most or status.light_state != state:
        raise Failed(f"{when}: {text}; expected at most {most} permille, {state.name.lower()}")
    return f"{when}: {text}"


def _expect_as_asked(probe: Probe, status: Status, level: int, when: str) -> str:
    text = light_text(probe, status)
    given = status.led_permille[: len(probe.channels)]
    if set(given) != {level} or status.light_state != LightState.NORMAL:
        raise Failed(f"{when}: {text}; expected {level} permille, normal")
    return f"{when}: {text}"


def check_as_asked(probe: Probe) -> str:
    level = lit(probe)
    return _expect_as_asked(probe, probe.keep(_STAYS_S), level, f"after {_STAYS_S:g} s with heartbeats")


def check_off_at_start(probe: Probe) -> str:
    level = lit(probe)
    _expect_as_asked(probe, probe.status(), level, "before the restart")
    probe.restart()
    probe.greet()
    status = probe.status()
    text = light_text(probe, status)
    if any(status.led_permille):
        raise Failed(f"after a restart: {text}; expected 0 permille until SET_LED")
    return f"after a restart: {text}"


def check_dims(probe: Probe) -> str:
    lit(probe)
    probe.status()
    probe.listen(DIM_S + SLACK_S)
    return _expect(probe, probe.status(), DIM_PERMILLE, LightState.DIMMED, f"after {DIM_S + SLACK_S:g} s of silence")


def check_goes_out(probe: Probe) -> str:
    lit(probe)
    probe.status()
    probe.listen(DARK_S + SLACK_S)
    return _expect(probe, probe.status(), 0, LightState.DARK, f"after {DARK_S + SLACK_S:g} s of silence")


def check_returns(probe: Probe) -> str:
    level = lit(probe)
    probe.status()
    probe.listen(DIM_S + SLACK_S)
    probe.status()
    probe.listen(0.1)
    return _expect_as_asked(probe, probe.status(), level, "0.1 s after the heartbeat has returned")


def check_only_heartbeats(probe: Probe) -> str:
    level = lit(probe)
    probe.status()
    end_s, num_sent = probe.line.now_s() + DIM_S + SLACK_S, 0
    while probe.line.now_s() < end_s:
        probe.ask(Ping.TYPE, bytes(4))
        probe.ask(GetParam.TYPE, bytes((Param.LED_LIMIT_PERMILLE,)))
        probe.command(SetLed(0, level))
        probe.hello(probe.session)
        num_sent += 4
        probe.listen(0.1)
    when = f"after {DIM_S + SLACK_S:g} s of {num_sent} other requests"
    return _expect(probe, probe.status(), DIM_PERMILLE, LightState.DIMMED, when)


def check_range(probe: Probe) -> str:
    level = lit(probe)
    for value in (1001, 0xFFFF):
        probe.refused(SetLed.TYPE, b"\0" + value.to_bytes(2, "little"), NakReason.OUT_OF_RANGE)
    return _expect_as_asked(probe, probe.status(), level, "1001 and 65535 refused")


def check_channel(probe: Probe) -> str:
    num_leds = probe.greet().num_leds
    for channel in {num_leds, 4, 255}:
        probe.refused(SetLed.TYPE, bytes((channel, 10, 0)), NakReason.NO_SUCH_CHANNEL)
    return f"channels from {num_leds} on refused"


def check_limit(probe: Probe) -> str:
    level = lit(probe)
    limit = level - 50
    for channel in probe.channels:
        probe.command(SetLed(channel, DIM_PERMILLE))
    probe.set_param(Param.LED_LIMIT_PERMILLE, limit)
    probe.refused(SetLed.TYPE, SetLed(0, limit + 1).payload(), NakReason.OVER_LIMIT)
    _expect_as_asked(probe, probe.status(), DIM_PERMILLE, f"after {limit + 1} was refused")
    probe.command(SetLed(0, limit))
    status = probe.status()
    if status.led_permille[0] != limit:
        raise Failed(f"{light_text(probe, status)} after SET_LED 0 to {limit}, which is the limit")
    return f"limit {limit}: {limit + 1} refused, {limit} taken"


def check_limit_at_once(probe: Probe) -> str:
    level = lit(probe)
    limit = level // 2
    _expect_as_asked(probe, probe.status(), level, "before the limit was lowered")
    probe.set_param(Param.LED_LIMIT_PERMILLE, limit)
    status = probe.status()
    text = light_text(probe, status)
    if max(status.led_permille) > limit:
        raise Failed(f"{text} with the limit lowered from {level} to {limit}")
    return f"limit lowered from {level} to {limit}: {text}"


CHECKS = (
    Check("light-off-at-start", "The light is off from a start until SET_LED.", 0.5, check_off_at_start),
    Check("light-as-asked", "The light gives what was asked for while heartbeats come.", 3.2, check_as_asked),
    Check("light-dims", "2 s without a HEARTBEAT: the light gives 10% at most.", 2.4, check_dims),
    Check("light-goes-out", "10 s without a HEARTBEAT: the light is off.", 10.4, check_goes_out),
    Check("light-returns", "With the heartbeat the light that was asked for comes back.", 2.5, check_returns),
    Check("only-heartbeats", "No other request counts as a heartbeat.", 2.5, check_only_heartbeats),
    Check("light-range", "SET_LED above 1000 is answered NAK OUT_OF_RANGE, and changes nothing.", 0.3, check_range),
    Check("light-channel", "SET_LED of a channel that is not there: NAK NO_SUCH_CHANNEL.", 0.2, check_channel),
    Check("light-limit", "SET_LED above LED_LIMIT_PERMILLE: NAK OVER_LIMIT, nothing changes.", 0.3, check_limit),
    Check("light-limit-at-once", "A lowered LED_LIMIT_PERMILLE holds at once.", 0.3, check_limit_at_once),
)
