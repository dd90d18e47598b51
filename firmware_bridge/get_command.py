"""`edge-bridge get`: every value that the head has, or those that are named."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from firmware_bridge.errors import BridgeError, UsageError
from firmware_bridge.host.bridge import Bridge, opened
from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.messages import GetParam, Param, ParamValue
from firmware_bridge.wire.values import Value, identity_values, param_name, status_values, value_text
from firmware_bridge.words import near_word

NAMES = (
    *("serial", "firmware", "protocol", "num_leds", "capabilities", "pairing", "led_permille", "led_ma", "light_state"),
    *("heater_permille", "window_celsius", "board_celsius", "humidity_percent", "dew_margin_celsius", "supply_v"),
    *("faults", "reset_cause", "uptime_s", *map(param_name, Param)),
)
_UNPAIRED = "this firmware cannot be paired"


def add_get(commands: Any) -> argparse.ArgumentParser:
    """Add the subcommand to the parser of `edge-bridge`."""
    command: argparse.ArgumentParser = commands.add_parser(
        "get",
        help="every value: light, heater, sensors, limits, versions, capabilities",
        epilog=f"values: {', '.join(map(_spelt, NAMES))}",
    )
    command.add_argument("names", nargs="*", metavar="VALUE", help="these alone (default all); one alone is bare")
    command.add_argument("--json", action="store_true", help="for programs; a sensor that is not fitted is null")
    return command


def _spelt(name: str) -> str:
    return name.replace("_", "-")


def chosen_names(words: list[str]) -> tuple[str, ...]:
    """The values of these names, all for none.

    Raises:
        UsageError: a name that is not known.
    """
    chosen = [word.replace("-", "_") for word in words]
    for word, name in zip(words, chosen, strict=True):
        if name not in NAMES:
            raise UsageError(f"get {word!r}: {near_word(word, map(_spelt, NAMES))}")
    return tuple(chosen) or NAMES


def param_of(bridge: Bridge, param: Param) -> int:
    """What the head says that this parameter is.

    Raises:
        CommandFailed: it was not answered.
        BridgeError: it was answered with something else.
    """
    answer: Message = bridge.command(GetParam(param))
    if not isinstance(answer, ParamValue):
        raise BridgeError(f"GET_PARAM {param.name}: {answer}; expected PARAM")
    return answer.value


def all_values(bridge: Bridge) -> dict[str, Value]:
    """Every value by its name, in the order of `NAMES`."""
    snapshot = bridge.snapshot()
    if snapshot.identity is None or snapshot.status is None:
        raise BridgeError(f"the camera head was lost: {snapshot.error}")
    found = identity_values(snapshot.identity, snapshot.protocol, snapshot.pairing or _UNPAIRED)
    found |= status_values(snapshot.status, snapshot.identity.num_leds)
    return found | {param_name(param): param_of(bridge, param) for param in Param}


def run_get(args: argparse.Namespace) -> int:
    names = chosen_names(args.names)
    with opened(args.port, args.baud, args.keys) as bridge:
        found = all_values(bridge)
    if args.json:
        sys.stdout.write(json.dumps({name: found[name] for name in names}) + "\n")
    elif len(args.names) == 1:
        value = found[names[0]]
        bare = " ".join(map(str, value)) if isinstance(value, list) else "not fitted" if value is None else str(value)
        sys.stdout.write(f"{bare}\n")
    else:
        sys.stdout.write("".join(f"{_spelt(name):22} {value_text(name, found[name])}\n" for name in names))
    return 0
