"""`edge-bridge set`: light, heater or a parameter; says what the head did with it."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence
from typing import Any

from firmware_bridge.errors import BridgeError, OutOfRange, Refused, UsageError
from firmware_bridge.get_command import param_of
from firmware_bridge.host.bridge import Bridge, opened
from firmware_bridge.host.texts import centi_text, light_text
from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.limits import PERMILLE
from firmware_bridge.wire.messages import (
    PARAM_MAX,
    Capability,
    Fault,
    Heartbeat,
    LightState,
    NakReason,
    Param,
    SetHeater,
    SetLed,
    SetParam,
    Status,
)
from firmware_bridge.words import near_word

_LOOK_S = 0.5


def add_set(commands: Any) -> argparse.ArgumentParser:
    """Add the subcommand to the parser of `edge-bridge`."""
    command: argparse.ArgumentParser = commands.add_parser(
        "set", help="light, heater or a parameter", epilog="example: edge-bridge set led all 600 --hold"
    )
    command.add_argument("what", metavar="WHAT", help=f"led, heater, {', '.join(map(option_name, Param))}")
    command.add_argument("values", nargs="+", metavar="VALUE", help="led: CHANNEL|all PERMILLE; others: one number")
    command.add_argument("--hold", action="store_true", help="keep the heartbeat until Ctrl-C, so that light stays on")
    return command


def option_name(param: Param) -> str:
    """`LED_LIMIT_PERMILLE` -> `led-limit-permille`"""
    return param.name.lower().replace("_", "-")


def command_from_words(what: str, values: Sequence[str], num_leds: int) -> list[Message]:
    """What `edge-bridge set` sends.

    Raises:
        UsageError: a word that is not known, or not a number.
        OutOfRange: no head may be asked for so much.
    """
    params = {option_name(param): param for param in Param}
    known = ("led", "heater", *params)
    wanted = 2 if what == "led" else 1
    if what not in known:
        raise UsageError(f"set {what!r}: {near_word(what, known)}")
    if len(values) != wanted:
        form = "CHANNEL|all PERMILLE" if what == "led" else "one number"
        raise UsageError(f"set {what} {' '.join(values)}: expected {form}")
    if what == "led":
        if not values[0].isdigit() and values[0] != "all":
            raise UsageError(f"set led {values[0]!r}: expected a channel, 0 to 3, or all")
        level = _number("light", values[1], PERMILLE, " permille")
        channels = range(num_leds) if values[0] == "all" else [int(values[0])]
        return [SetLed(channel, level) for channel in channels]
    if what == "heater":
        return [SetHeater(_number(what, values[0], PERMILLE, " permille"))]
    return [SetParam(params[what], _number(what, values[0], PARAM_MAX[params[what]], ""))]


def _number(what: str, text: str, highest: int, unit: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise UsageError(f"{what} = {text!r}: expected a whole number from 0 to {highest}{unit}") from None
    if not 0 <= number <= highest:
        raise OutOfRange(f"{what} {number}: expected 0 to {highest}{unit}")
    return number


def run_set(args: argparse.Namespace) -> int:
    command_from_words(args.what, args.values, 0)  # a wrong word is refused before the port is opened
    with opened(args.port, args.baud, args.keys) as bridge:
        identity = bridge.snapshot().identity
        assert identity is not None, "opened waits for it"
        if args.what == "led" and identity.num_leds == 0:
            raise BridgeError(f"{identity.serial}: this camera head has no light channels")
        if args.what == "heater" and not identity.capabilities & Capability.HEATER:
            raise BridgeError(f"{identity.serial}: this camera head has no heater")
        asked = command_from_words(args.what, args.values, identity.num_leds)
        for message in asked:
            _sent(bridge, message)
        _say(done_text(bridge, args.what, asked, identity.num_leds))
        if args.hold:
            _hold(bridge, args.what)
        elif args.what in ("led", "heater"):
            _say(f"{_ending_text(args.what)}, because the heartbeat ends with this command; --hold keeps it")
    return 0


def _sent(bridge: Bridge, message: Message) -> None:
    """Send it; a refusal names the limit that the head has.

    Raises:
        Refused: with that limit.
    """
    try:
        bridge.command(message)
    except Refused as error:
        raise Refused(refusal_text(bridge, message, error), error.reason) from error


def refusal_text(bridge: Bridge, message: Message, error: Refused) -> str:
    """Why the head refuses: which limit, and what it is now."""
    if error.reason == NakReason.OVER_LIMIT and isinstance(message, (SetLed, SetHeater)):
        is_light = isinstance(message, SetLed)
        param = Param.LED_LIMIT_PERMILLE if is_light else Param.HEATER_LIMIT_PERMILLE
        name = "light" if is_light else "heater"
        limit = param_of(bridge, param)
        return (
            f"{name} {message.level_permille}: 0 to {limit} permille is what the head allows; "
            f"edge-bridge set {option_name(param)} raises that until it restarts"
        )
    if error.reason == NakReason.FAULT_LATCHED and isinstance(message, SetHeater):
        status = bridge.snapshot().status
        window = "" if status is None else f" (window {centi_text(status.window_centi_celsius)})"
        return f"heater {message.level_permille}: the head was too hot{window}; let it cool, then edge-bridge reset"
    return str(error)


def done_text(bridge: Bridge, what: str, asked: Sequence[Message], num_leds: int) -> str:
    """What the head gives now, beside what was asked for."""
    status = bridge.command(Heartbeat())
    if not isinstance(status, Status):
        raise BridgeError(f"HEARTBEAT: {status}; expected STATUS")
    if what == "led":
        return _light_done(asked, status, num_leds)
    if what == "heater":
        level = next(message.level_permille for message in asked if isinstance(message, SetHeater))
        if status.heater_permille == level:
            return f"heater: {level} permille"
        return f"heater: asked for {level} permille, the head gives {status.heater_permille}: {_heater_why(status)}"
    param = next(Param(message.param) for message in asked if isinstance(message, SetParam))
    text = f"{what}: {param_of(bridge, param)}, until the head restarts"
    if param == Param.LED_LIMIT_PERMILLE:
        return f"{text}; light now {light_text(status, num_leds)}"
    return f"{text}; heater now {status.heater_permille} permille" if param == Param.HEATER_LIMIT_PERMILLE else text


def _light_done(asked: Sequence[Message], status: Status, num_leds: int) -> str:
    wanted = {message.channel: message.level_permille for message in asked if isinstance(message, SetLed)}
    less = [channel for channel, level in wanted.items() if status.led_permille[channel] != level]
    if not less:
        return f"light: {light_text(status, num_leds)}"
    level = next(iter(wanted.values()))
    return f"light: asked for {level} permille, the head gives {light_text(status, num_leds)}{_light_why(status)}"


def _light_why(status: Status) -> str:
    if status.faults & Fault.OVER_TEMPERATURE:
        return " (too hot; let it cool, then edge-bridge reset)"
    return "" if status.light_state != LightState.NORMAL else " (clipped by the head)"


def _heater_why(status: Status) -> str:
    if status.window_centi_celsius is None:
        return "it does not know its window's temperature"
    if status.faults & Fault.OVER_TEMPERATURE:
        return "it is or was too hot; let it cool, then edge-bridge reset"
    return "clipped by the head"


def _ending_text(what: str) -> str:
    if what == "led":
        return "the light dims to 10% in 2 s and goes out in 10 s"
    return "the heater goes off in 2 s" if what == "heater" else "the value stays until the head restarts"


def _hold(bridge: Bridge, what: str) -> None:
    """Keep the heartbeat until Ctrl-C; tell at once when the head gives something else, or is lost."""
    _say(f"held until you press Ctrl-C; then {_ending_text(what)}")
    pause, told = threading.Event(), _state(bridge)
    try:
        while True:
            pause.wait(_LOOK_S)
            state = _state(bridge)
            if state != told:
                _say(state)
                told = state
    except KeyboardInterrupt:
        _say(f"\nno longer held: {_ending_text(what)}")


def _state(bridge: Bridge) -> str:
    snapshot = bridge.snapshot()
    if not snapshot.open or snapshot.identity is None:
        return f"the camera head is lost: {snapshot.error}; it is looked for"
    if snapshot.status is None:
        return "the camera head is back"
    light = light_text(snapshot.status, snapshot.identity.num_leds)
    return f"light {light}, heater {snapshot.status.heater_permille} permille"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
