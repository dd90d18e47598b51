"""`edge-bridge monitor`: the head's state live, with what its button and its faults tell."""

from __future__ import annotations

import argparse
import json
import math
import sys
import threading
from collections import deque
from dataclasses import asdict
from typing import Any

from firmware_bridge.errors import UsageError
from firmware_bridge.host.bridge import Bridge
from firmware_bridge.host.texts import event_text, status_rows, table_text
from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.messages import Button, ButtonAction, Fault, FaultEvent, FrameSync
from firmware_bridge.wire.values import enum_name, flag_names

_REDRAW_S, _LINE_S = 0.25, 1.0
_SHOWN = 5


def add_monitor(commands: Any) -> argparse.ArgumentParser:
    """Add the subcommand to the parser of `edge-bridge`."""
    command: argparse.ArgumentParser = commands.add_parser("monitor", help="the same, live, until Ctrl-C")
    command.add_argument("--seconds", type=float, metavar="S", help="end after so long (default: Ctrl-C ends it)")
    command.add_argument("--json", action="store_true", help="an object a line, for programs: states and events")
    return command


def event_record(event: Message) -> dict[str, Any]:
    """For programs; times are the head's clock in microseconds."""
    record = asdict(event)
    if isinstance(event, Button):
        return {"event": "button"} | record | {"action": enum_name(ButtonAction, event.action)}
    if isinstance(event, FaultEvent):
        return {"event": "fault"} | record | {key: flag_names(Fault, record[key]) for key in ("faults", "changed")}
    return {"event": "exposure" if isinstance(event, FrameSync) else type(event).__name__.lower()} | record


class _Screen:
    """Draws a table again and again in a terminal; writes a line each time elsewhere."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty()
        self._drawn = 0

    def show(self, rows: list[tuple[str, str]]) -> None:
        if self.is_terminal:
            sys.stdout.write((f"\x1b[{self._drawn}A\x1b[J" if self._drawn else "") + table_text(rows))
            self._drawn = len(rows)
        else:
            sys.stdout.write("  ".join(f"{name}: {value}" for name, value in rows) + "\n")
        sys.stdout.flush()


def run_monitor(args: argparse.Namespace) -> int:
    """Redraw a table in a terminal; a line a second where the output is a file or a pipe."""
    if args.seconds is not None and not 0 < args.seconds < math.inf:
        raise UsageError(f"--seconds {args.seconds:g}: expected more than 0")
    heard: deque[Message] = deque(maxlen=1000)

    def on_event(event: Message, now_ns: int) -> None:
        if args.json or not isinstance(event, FrameSync):
            heard.append(event)

    bridge = Bridge(args.port, args.baud, args.keys)
    bridge.subscribe(on_event)
    bridge.start()
    screen, stop = _Screen(), threading.Event()
    shown: deque[str] = deque(maxlen=_SHOWN)
    left_s = math.inf if args.seconds is None else args.seconds
    try:
        while left_s > 0:
            fresh = [heard.popleft() for _ in range(len(heard))]
            if args.json:
                _write_json(bridge, fresh)
            else:
                texts = [event_text(event) for event in fresh]
                shown.extend(texts)
                events = list(shown) if screen.is_terminal else texts
                screen.show([*status_rows(bridge.snapshot()), *(("event", text) for text in events)])
            pause_s = _REDRAW_S if screen.is_terminal and not args.json else _LINE_S
            left_s -= pause_s
            stop.wait(pause_s)
    finally:
        bridge.close()
    return 0


def _write_json(bridge: Bridge, events: list[Message]) -> None:
    records = [*map(event_record, events), {"state": asdict(bridge.snapshot())}]
    sys.stdout.write("".join(json.dumps(record) + "\n" for record in records))
    sys.stdout.flush()
