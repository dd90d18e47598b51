"""`edge-bridge`: look at the camera head's microcontroller and set it, or play one."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from firmware_bridge.command_line import Parser, hint
from firmware_bridge.errors import BridgeError, PortError, UsageError
from firmware_bridge.host.bridge import Bridge, opened
from firmware_bridge.host.keys import KEYS
from firmware_bridge.host.ports import BAUD_RATES, known_ports
from firmware_bridge.host.texts import status_rows
from firmware_bridge.pair_command import run_pair
from firmware_bridge.simulate_command import add_simulate, run_simulate
from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.messages import Param, Reset, SetHeater, SetLed, SetParam

EXAMPLES = """examples:
  edge-bridge ports                          which serial ports there are
  edge-bridge status                         the camera head's state, once
  edge-bridge monitor --port /dev/ttyACM0    the same, live, with button and faults
  edge-bridge set led all 600 --hold         light until Ctrl-C
  edge-bridge set sync-delay-us 250
  edge-bridge pair                           from now on the head obeys this unit alone
  edge-bridge simulate /tmp/camera-head      a camera head that is not there"""

_REDRAW_S = 0.25


def parser() -> argparse.ArgumentParser:
    top = Parser(
        prog="edge-bridge",
        description="Talks to the microcontroller in the camera head.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--debug", action="store_true", help="show tracebacks and debug messages")
    top.add_argument("--version", action="version", version=version("edge-enhance"))
    commands = top.add_subparsers(dest="command", required=True, metavar="ports|status|monitor|set|reset|pair|simulate")
    commands.add_parser("ports", help="list serial ports by names that stay the same")
    status = _on_port(commands.add_parser("status", help="identity, light, heater, sensors, faults"))
    status.add_argument("--json", action="store_true", help="for programs")
    monitor = _on_port(commands.add_parser("monitor", help="the same, live, until Ctrl-C"))
    monitor.add_argument("--seconds", type=float, metavar="S", help="end after so long")
    setting = _on_port(commands.add_parser("set", help="light, heater or a parameter"))
    names = ", ".join(_option_name(param) for param in Param)
    setting.add_argument("what", metavar="WHAT", help=f"led, heater, {names}")
    setting.add_argument("values", nargs="+", metavar="VALUE", help="led: CHANNEL|all PERMILLE; others: one number")
    setting.add_argument("--hold", action="store_true", help="keep the heartbeat until Ctrl-C, so that light stays on")
    _on_port(commands.add_parser("reset", help="restart the microcontroller; clears a latched fault"))
    pair = _on_port(commands.add_parser("pair", help="give the head a key, so that it obeys this unit alone"))
    pair.add_argument("--forget", action="store_true", help="take the key away again")
    add_simulate(commands)
    return top


def _on_port(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument("--port", default="auto", help="auto, a path, or a name in /dev/serial/by-id")
    command.add_argument("--baud", type=int, default=BAUD_RATES[0], choices=BAUD_RATES)
    command.add_argument("--keys", type=Path, default=KEYS, metavar="DIR", help=f"keys of heads (default {KEYS})")
    return command


def _option_name(param: Param) -> str:
    return param.name.lower().replace("_", "-")


def print_ports() -> int:
    ports = known_ports()
    for port in ports:
        sys.stdout.write(f"{port.path}  is {port.device}\n")
    if not ports:
        raise PortError("no serial port: neither a udev name nor anything in /dev/serial/by-id; is it plugged in?")
    return 0


def print_status(args: argparse.Namespace) -> int:
    with opened(args.port, args.baud, args.keys) as bridge:
        snapshot = bridge.snapshot()
    if args.json:
        sys.stdout.write(json.dumps(asdict(snapshot)) + "\n")
    else:
        _write_table(status_rows(snapshot))
    return 0


def _write_table(rows: Sequence[tuple[str, str]]) -> None:
    sys.stdout.write("".join(f"{name:17} {value}\n" for name, value in rows))
    sys.stdout.flush()


def command_from_words(what: str, values: Sequence[str], num_leds: int) -> list[Message]:
    """What `edge-bridge set` sends.

    Raises:
        UsageError: a word that is not known, or not a number.
    """
    params = {_option_name(param): param for param in Param}
    wanted = 2 if what == "led" else 1
    if what not in ("led", "heater", *params):
        near = hint(what, ("led", "heater", *params))
        raise UsageError(f"set {what!r}: expected led, heater, {', '.join(params)}{near}")
    if len(values) != wanted:
        form = "CHANNEL|all PERMILLE" if what == "led" else "one number"
        raise UsageError(f"set {what} {' '.join(values)}: expected {form}")
    if what == "led":
        level = _number(what, values[1])
        channels = range(num_leds) if values[0] == "all" else [_number("channel", values[0])]
        return [SetLed(channel, level) for channel in channels]
    number = _number(what, values[0])
    return [SetHeater(number)] if what == "heater" else [SetParam(params[what], number)]


def _number(what: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{what} = {text!r}: expected a whole number") from None


def run_set(args: argparse.Namespace) -> int:
    command_from_words(args.what, args.values, 0)  # a wrong word is refused before the port is opened
    with opened(args.port, args.baud, args.keys) as bridge:
        identity = bridge.snapshot().identity
        assert identity is not None, "opened waits for it"
        for message in command_from_words(args.what, args.values, identity.num_leds):
            bridge.command(message)
        sys.stdout.write(f"{args.what} {' '.join(args.values)}: done\n")
        if args.what in ("led", "heater") and not args.hold:
            ending = "dims in 2 s and goes out in 10 s" if args.what == "led" else "goes off in 2 s"
            sys.stdout.write(
                f"The {args.what} {ending}, because the heartbeat ends with this command; --hold keeps it.\n"
            )
        sys.stdout.flush()
        if args.hold:
            threading.Event().wait()
    return 0


def run_reset(args: argparse.Namespace) -> int:
    with opened(args.port, args.baud, args.keys) as bridge:
        bridge.command(Reset())
    sys.stdout.write("the camera head restarts\n")
    return 0


def run_monitor(args: argparse.Namespace) -> int:
    """Redraw a table in a terminal; a line a second where the output is a file or a pipe."""
    heard: list[str] = []

    def on_event(event: Message, now_ns: int) -> None:
        if type(event).__name__ != "FrameSync":
            heard.append(str(event))
            del heard[:-5]

    bridge = Bridge(args.port, args.baud, args.keys)
    bridge.subscribe(on_event)
    bridge.start()
    stop, is_terminal = threading.Event(), sys.stdout.isatty()
    drawn, left_s = 0, float("inf") if args.seconds is None else args.seconds
    try:
        while left_s > 0:
            rows = [*status_rows(bridge.snapshot()), *(("event", text) for text in heard)]
            if is_terminal:
                sys.stdout.write(f"\x1b[{drawn}A\x1b[J" if drawn else "")
                _write_table(rows)
                drawn = len(rows)
            else:
                sys.stdout.write("  ".join(f"{name}: {value}" for name, value in rows) + "\n")
                sys.stdout.flush()
            pause_s = _REDRAW_S if is_terminal else 1.0
            left_s -= pause_s
            stop.wait(pause_s)
    finally:
        bridge.close()
    return 0


def run(args: argparse.Namespace) -> int:
    jobs: dict[str, Callable[[], int]] = {
        "ports": print_ports,
        "status": lambda: print_status(args),
        "monitor": lambda: run_monitor(args),
        "set": lambda: run_set(args),
        "reset": lambda: run_reset(args),
        "pair": lambda: run_pair(args.port, args.baud, args.keys, forget=args.forget),
        "simulate": lambda: run_simulate(args),
    }
    return jobs[args.command]()


def main(argv: Sequence[str] | None = None) -> int:
    args = parser().parse_args(argv)
    logging.basicConfig(level=logging.DEBUG if args.debug else logging.ERROR, format="%(message)s")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: ports freed, names removed
    try:
        return run(args)
    except KeyboardInterrupt:
        return 130
    except BridgeError as error:
        if args.debug:
            raise
        sys.stderr.write(f"edge-bridge: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
