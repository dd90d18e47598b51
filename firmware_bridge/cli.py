"""`edge-bridge`: look at the camera head's microcontroller and set it, or play one."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from firmware_bridge.command_alike import unless_unread
from firmware_bridge.command_line import Parser
from firmware_bridge.conform_command import add_conform, run_conform
from firmware_bridge.errors import BridgeError, PortError
from firmware_bridge.get_command import add_get, run_get
from firmware_bridge.host.bridge import opened
from firmware_bridge.host.keys import KEYS
from firmware_bridge.host.ports import BAUD_RATES, known_ports
from firmware_bridge.host.texts import status_rows, table_text
from firmware_bridge.monitor_command import add_monitor, run_monitor
from firmware_bridge.pair_command import run_pair
from firmware_bridge.set_command import add_set, run_set
from firmware_bridge.simulate_command import add_simulate, run_simulate
from firmware_bridge.vectors_command import add_vectors, run_vectors
from firmware_bridge.wire.messages import Reset

EXAMPLES = """examples:
  edge-bridge ports                          which serial ports there are
  edge-bridge status                         the camera head's state, once
  edge-bridge get led-limit-permille         one value, or without a name all of them
  edge-bridge monitor --port /dev/ttyACM0    the same, live, with button and faults
  edge-bridge set led all 600 --hold         light until Ctrl-C
  edge-bridge set sync-delay-us 250
  edge-bridge pair                           from now on the head obeys this unit alone
  edge-bridge conform --port /dev/ttyACM0    does the head keep the protocol and its safety rules?
  edge-bridge simulate /tmp/camera-head      a camera head that is not there"""

COMMANDS = "ports|status|get|monitor|set|reset|pair|conform|vectors|simulate"


def parser() -> Parser:
    top = Parser(
        prog="edge-bridge",
        description="Talks to the microcontroller in the camera head.",
        epilog=EXAMPLES,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar=COMMANDS)
    commands.add_parser("ports", help="list serial ports by names that stay the same")
    status = _on_port(commands.add_parser("status", help="identity, light, heater, sensors, faults"))
    status.add_argument("--json", action="store_true", help="for programs")
    _on_port(add_get(commands))
    _on_port(add_monitor(commands))
    _on_port(add_set(commands))
    _on_port(commands.add_parser("reset", help="restart the microcontroller; clears a latched fault"))
    pair = _on_port(commands.add_parser("pair", help="give the head a key, so that it obeys this unit alone"))
    pair.add_argument("--forget", action="store_true", help="take the key away again")
    _on_port(add_conform(commands))
    add_vectors(commands)
    add_simulate(commands)
    return top


def _on_port(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument("--port", default="auto", help="auto, a path, or a name in /dev/serial/by-id")
    command.add_argument("--baud", type=int, default=BAUD_RATES[0], choices=BAUD_RATES)
    command.add_argument("--keys", type=Path, default=KEYS, metavar="DIR", help=f"keys of heads (default {KEYS})")
    return command


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
        sys.stdout.write(table_text(status_rows(snapshot)))
    return 0


def run_reset(args: argparse.Namespace) -> int:
    with opened(args.port, args.baud, args.keys) as bridge:
        bridge.command(Reset())
    sys.stdout.write("the camera head restarts\n")
    return 0


def run(args: argparse.Namespace) -> int:
    jobs: dict[str, Callable[[], int]] = {
        "ports": print_ports,
        "status": lambda: print_status(args),
        "get": lambda: run_get(args),
        "monitor": lambda: run_monitor(args),
        "set": lambda: run_set(args),
        "reset": lambda: run_reset(args),
        "pair": lambda: run_pair(args.port, args.baud, args.keys, forget=args.forget),
        "conform": lambda: run_conform(args),
        "vectors": lambda: run_vectors(args),
        "simulate": lambda: run_simulate(args),
    }
    return jobs[args.command]()


def main(argv: Sequence[str] | None = None) -> int:
    args = parser().parse_args(argv)
    logging.basicConfig(level=logging.DEBUG if args.debug else logging.ERROR, format="%(message)s")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: ports freed, names removed
    try:
        return unless_unread(lambda: run(args))
    except KeyboardInterrupt:
        return 130
    except BridgeError as error:
        if args.debug:
            raise
        sys.stderr.write(f"edge-bridge: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
