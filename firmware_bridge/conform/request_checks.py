"""The rules of single requests: what is refused, what STATUS says, what parameters there are."""

from __future__ import annotations

from firmware_bridge.conform.asking import name_of
from firmware_bridge.conform.probe import Probe
from firmware_bridge.conform.verdicts import Check, Failed
from firmware_bridge.wire.messages import (
    MESSAGES,
    PARAM_DEFAULT,
    PARAM_MAX,
    REQUESTS,
    Ack,
    Capability,
    GetParam,
    LightState,
    Nak,
    NakReason,
    Param,
    ResetCause,
    SetParam,
)
from firmware_bridge.wire.pairing_messages import GetNonce, Pair, Signed

_UNKNOWN = (0x0F, 0x1E, 0x1F, 0x40, 0x7F, 0xFF)
_CLOCK_S, _CLOCK_SHARE = 2.0, 0.02


def check_unknown_type(probe: Probe) -> str:
    probe.greet()
    answers = [message.TYPE for message in MESSAGES if message not in (*REQUESTS, Ack, Nak)]
    types = (*_UNKNOWN, *answers)
    for type_ in types:
        for payload in (b"", bytes(64)):
            probe.check_refusal(probe.ask(type_, payload), type_, NakReason.UNKNOWN_TYPE)
    return f"{len(types)} types refused, with and without a payload"


def check_unanswered(probe: Probe) -> str:
    probe.greet()
    for type_ in (Ack.TYPE, Nak.TYPE):
        probe.forget_answers()
        probe.send(type_, bytes((2, 7))[: 1 if type_ == Ack.TYPE else 2])
        if came := probe.listen(0.15):
            raise Failed(f"{name_of(type_)} was answered with {name_of(came[0].type)}; expected nothing")
    return "0.15 s of silence after each"


def check_bad_length(probe: Probe) -> str:
    hello = probe.greet()
    of_pairing = (GetNonce, Pair, Signed)
    kinds = [kind for kind in REQUESTS if kind not in of_pairing or hello.capabilities & Capability.PAIRING]
    reasons = [NakReason.BAD_LENGTH, *([NakReason.NOT_SIGNED] if probe.of_session is not None else [])]
    num_asked = 0
    for kind in kinds:
        size = kind.num_bytes()
        for wrong in {max(0, size - 1), size + 1, 64, 0} - {size}:
            probe.check_refusal(probe.ask(kind.TYPE, bytes(wrong)), kind.TYPE, *reasons)
            num_asked += 1
    return f"{num_asked} payloads of a wrong length refused"


def check_status(probe: Probe) -> str:
    hello, status = probe.greet(), probe.status()
    levels = (*status.led_permille, status.heater_permille)
    if max(levels) > 1000:
        raise Failed(f"levels {levels}; expected at most 1000 permille")
    if any(status.led_permille[hello.num_leds :]):
        raise Failed(
            f"levels {status.led_permille} of {hello.num_leds} channels; expected 0 for those that are not there"
        )
    if status.light_state not in tuple(LightState):
        raise Failed(f"light_state {status.light_state}; expected 0, 1 or 2")
    if status.reset_cause not in tuple(ResetCause):
        raise Failed(f"reset_cause {status.reset_cause}; expected 1 to 4")
    has_humidity = bool(hello.capabilities & Capability.HUMIDITY)
    if has_humidity and status.humidity_permille is None and not status.faults:
        raise Failed("capability HUMIDITY, but humidity_permille says 'not fitted', and no fault is told")
    return f"{status.led_ma} mA, {status.supply_mv} mV, faults {status.faults}"


def check_clock(probe: Probe) -> str:
    probe.greet()
    began_s, first = probe.line.now_s(), probe.status()
    last = probe.keep(_CLOCK_S)
    host_s = probe.line.now_s() - began_s
    device_s = (last.uptime_us - first.uptime_us) / 1e6
    measured = f"uptime_us went on by {device_s:.2f} s in {host_s:.2f} s"
    if abs(device_s - host_s) > _CLOCK_SHARE * host_s + 0.06:
        raise Failed(f"{measured}; expected the same within {_CLOCK_SHARE:.0%}")
    return measured


def check_params(probe: Probe) -> str:
    probe.greet()
    for param in Param:
        found = probe.param(param)
        wanted = max(1, found - 1)
        probe.set_param(param, wanted)
        if probe.param(param) != wanted:
            raise Failed(f"{param.name} is {probe.param(param)} after SET_PARAM {wanted}")
        probe.set_param(param, found)
    return ", ".join(f"{param.name} {value}" for param, value in probe.found_params.items())


def check_param_defaults(probe: Probe) -> str:
    probe.restart()
    probe.greet()
    found = {param: probe.param(param) for param in Param}
    for param, value in found.items():
        wrong = value != PARAM_DEFAULT[param] if param == Param.SYNC_DELAY_US else value > PARAM_DEFAULT[param]
        if wrong:
            raise Failed(f"{param.name} is {value} after a start; expected {PARAM_DEFAULT[param]} (a limit: at most)")
    return ", ".join(f"{param.name} {value}" for param, value in found.items())


def check_param_range(probe: Probe) -> str:
    probe.greet()
    for param in Param:
        found = probe.param(param)
        for value in (PARAM_MAX[param] + 1, 0xFFFFFFFF):
            body = bytes((param,)) + value.to_bytes(4, "little")
            probe.refused(SetParam.TYPE, body, NakReason.OUT_OF_RANGE)
        if probe.param(param) != found:
            raise Failed(f"{param.name} is {probe.param(param)} after a refused SET_PARAM; expected {found}")
    return ", ".join(f"{param.name} above {PARAM_MAX[param]} refused" for param in Param)


def check_no_such_param(probe: Probe) -> str:
    probe.greet()
    for param in (0, 4, 255):
        probe.check_refusal(probe.ask(GetParam.TYPE, bytes((param,))), GetParam.TYPE, NakReason.NO_SUCH_PARAM)
        probe.refused(SetParam.TYPE, bytes((param, 0, 0, 0, 0)), NakReason.NO_SUCH_PARAM)
    return "0, 4 and 255 refused"


CHECKS = (
    Check("unknown-type", "A type that is not known is answered NAK UNKNOWN_TYPE.", 0.5, check_unknown_type),
    Check("bad-length", "A payload of another length is answered NAK BAD_LENGTH.", 0.5, check_bad_length),
    Check("unanswered", "ACK and NAK are never answered.", 0.4, check_unanswered),
    Check("status", "STATUS holds what can be: levels to 1000, channels that are there.", 0.2, check_status),
    Check("clock", "uptime_us counts microseconds.", 2.2, check_clock),
    Check("params", "Each parameter can be read, and holds what it was set to.", 0.2, check_params),
    Check(
        "param-defaults",
        "After a start each parameter is as in the table, a limit perhaps lower.",
        0.5,
        check_param_defaults,
    ),
    Check("param-range", "A value above its parameter's range is answered NAK OUT_OF_RANGE.", 0.2, check_param_range),
    Check("no-such-param", "A parameter that is not known is answered NAK NO_SUCH_PARAM.", 0.2, check_no_such_param),
)
