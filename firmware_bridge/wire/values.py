"""Every value that a camera head has, by the names that `edge-bridge get` gives them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, IntFlag

from firmware_bridge.wire.messages import PARAM_MAX, Capability, Fault, Hello, LightState, Param, ResetCause, Status

Value = str | int | float | list[str] | list[int] | None
_UNITS = {
    **{"led_permille": "permille", "led_ma": "mA", "heater_permille": "permille", "window_celsius": "C"},
    **{"board_celsius": "C", "humidity_percent": "%", "dew_margin_celsius": "C", "supply_v": "V", "uptime_s": "s"},
}


def param_name(param: Param) -> str:
    """`LED_LIMIT_PERMILLE` -> `led_limit_permille`"""
    return param.name.lower()


def enum_name(kind: type[IntEnum], number: int) -> str:
    """`POWER_ON` -> `power on`; a number of a newer version as `unknown (9)`."""
    return kind(number).name.lower().replace("_", " ") if number in tuple(kind) else f"unknown ({number})"


def flag_names(kind: type[IntFlag], bits: int) -> list[str]:
    """`OVER_TEMPERATURE` -> `over temperature`, for each bit; bits of newer versions as `bit 9`."""
    known = [(flag.value, str(flag.name).lower().replace("_", " ")) for flag in kind]
    names = [name for bit, name in known if bits & bit]
    rest = bits & ~sum(bit for bit, _ in known)
    return [*names, *(f"bit {at}" for at in range(32) if rest >> at & 1)]


def identity_values(hello: Hello, protocol: str, pairing: str) -> dict[str, Value]:
    """What HELLO says.

    Args:
        protocol: version that the head speaks.
        pairing: whether it has a key.
    """
    return {
        "serial": hello.serial,
        "firmware": f"{hello.version_major}.{hello.version_minor}.{hello.version_patch}",
        "protocol": protocol,
        "num_leds": hello.num_leds,
        "capabilities": flag_names(Capability, hello.capabilities),
        "pairing": pairing,
    }


def status_values(status: Status, num_leds: int) -> dict[str, Value]:
    """What STATUS says; None for a sensor that is not fitted."""
    humidity = status.humidity_permille
    return {
        "led_permille": list(status.led_permille[:num_leds]),
        "led_ma": status.led_ma,
        "light_state": enum_name(LightState, status.light_state),
        "heater_permille": status.heater_permille,
        "window_celsius": _hundredth(status.window_centi_celsius),
        "board_celsius": _hundredth(status.board_centi_celsius),
        "humidity_percent": None if humidity is None else humidity / 10,
        "dew_margin_celsius": _hundredth(status.dew_margin_centi_celsius),
        "supply_v": status.supply_mv / 1000,
        "faults": flag_names(Fault, status.faults),
        "reset_cause": enum_name(ResetCause, status.reset_cause),
        "uptime_s": round(status.uptime_us / 1e6, 1),
    }


def value_text(name: str, value: Value) -> str:
    """With unit, and for a parameter its range."""
    if value is None:
        return "not fitted"
    if isinstance(value, list):
        separator = " " if name == "led_permille" else ", "
        text = separator.join(map(str, value)) or "none"
    else:
        text = str(value)
    maxima: Mapping[str, int] = {param_name(param): PARAM_MAX[param] for param in Param}
    if name in maxima:
        return f"{text}  (0 to {maxima[name]})"
    return f"{text} {_UNITS[name]}" if name in _UNITS and text != "none" else text


def _hundredth(centi: int | None) -> float | None:
    return None if centi is None else centi / 100
