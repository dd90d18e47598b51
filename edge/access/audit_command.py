"""`edge-enhance audit`: the audit log, oldest first, a line an event."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.access.audit import NUM_FILES
from edge.basics.errors import InputOutputError, UsageError
from edge.basics.running import run_command
from edge.basics.texts import is_moment, json_from_text, one_line
from edge.config_file import load_config
from firmware_bridge.command_line import Parser, hint

PROGRAM = "edge-enhance audit"
EXAMPLES = """examples:
  sudo edge-enhance audit --event login-failed
  sudo edge-enhance audit --who anna --since 2026-11-01T00:00:00+00:00
  sudo edge-enhance audit --json > audit.jsonl
  journalctl EDGE_WHO=anna                            the same, from the journal"""
_ASIDE = ("at", "monotonic_s", "boot", "event", "who")


def parser() -> Parser:
    top = Parser(prog=PROGRAM, description=__doc__, epilog=EXAMPLES)
    top.add_argument("--who", metavar="NAME", help="only this one's")
    top.add_argument("--event", metavar="NAME", help="only these, such as login or login-failed")
    top.add_argument("--since", metavar="MOMENT", help="ISO 8601 with an offset, by the unit's clock")
    top.add_argument("--json", action="store_true", help="the lines as they are kept")
    top.add_argument("--config", type=Path, metavar="FILE", help="the unit's TOML, as for --live")
    return top


def entries(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each line and what it says, oldest first; one that a power cut left half is left out.

    Raises:
        InputOutputError: a file cannot be read.
    """
    for number in range(NUM_FILES - 1, -1, -1):
        file = path.with_name(f"{path.name}.{number}") if number else path
        try:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise InputOutputError(f"{file}: cannot be read ({error.strerror}); use sudo") from error
        for line in lines:
            try:
                entry = json_from_text(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                yield line, entry


def run(args: argparse.Namespace) -> int:
    path = load_config(args.config, {}).config.audit.path
    if path is None:
        raise UsageError(
            "audit.file is empty, so there is no file; the journal may have it: journalctl EDGE_EVENT=login"
        )
    if args.since is not None and not is_moment(args.since):
        raise UsageError(f"--since {args.since!r}: expected a moment such as 2026-11-01T00:00:00+00:00")
    since = datetime.fromisoformat(args.since) if args.since else None
    seen: set[str] = set()
    for line, entry in entries(path):
        seen.add(str(entry.get("who")))
        if args.who not in (None, entry.get("who")) or args.event not in (None, entry.get("event")):
            continue
        at = entry.get("at")
        if since is not None and not (is_moment(at) and datetime.fromisoformat(str(at)) >= since):
            continue
        sys.stdout.write(f"{one_line(line) if args.json else _shown(entry)}\n")
    if args.who is not None and args.who not in seen:
        sys.stderr.write(f"{PROGRAM}: nothing of {args.who!r} in {path}{hint(args.who, seen)}\n")
    return 0


def _shown(entry: dict[str, Any]) -> str:
    details = " ".join(f"{key}={value}" for key, value in entry.items() if key not in _ASIDE)
    return one_line(f"{entry.get('at')}  {entry.get('event')}  {entry.get('who')}  {details}".rstrip())


def main(argv: Sequence[str] | None = None) -> int:
    return run_command(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
