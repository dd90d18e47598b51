"""`edge-bridge conform`: tests a real camera head against docs/firmware-protocol.md."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from firmware_bridge.conform import pairing_checks
from firmware_bridge.conform.line import Line, PortLine
from firmware_bridge.conform.probe import Probe
from firmware_bridge.conform.report import counts_text, line_text, record, report_text, row_text
from firmware_bridge.conform.suite import CHECKS, left_dark, met, rows
from firmware_bridge.conform.verdicts import FAIL, LOST, Check, Row
from firmware_bridge.errors import BridgeError, PortError, UsageError
from firmware_bridge.host.texts import identity_text
from firmware_bridge.wire.messages import Capability, Hello
from firmware_bridge.words import near_word

_PEOPLE = ("event-repeats", "event-ends", "button")


class ReportNotWritten(BridgeError):
    """The report cannot be kept; the verdict was printed."""

    exit_code = 74


def add_conform(commands: Any) -> argparse.ArgumentParser:
    """Add the subcommand to the parser of `edge-bridge`."""
    command: argparse.ArgumentParser = commands.add_parser(
        "conform",
        help="test a real head against the protocol and its safety rules",
        description="Tests a real camera head, rule by rule of docs/firmware-protocol.md. Light gives 30% at most and "
        "the heater 10%, for seconds; both are off at the end, also after Ctrl-C.",
        epilog="example: edge-bridge conform --port /dev/ttyACM0 --report head.txt   exit status 0: all kept, 1: not",
    )
    command.add_argument(
        "--only", nargs="+", metavar="CHECK", default=[], help="these checks (default all); --list names them"
    )
    command.add_argument("--list", action="store_true", help="name the checks and their rules, and ask nothing")
    command.add_argument(
        "--ask", action="store_true", help="ask somebody to press the head's button, where that tests more"
    )
    command.add_argument("--json", action="store_true", help="the report for programs on the output, nothing else")
    command.add_argument(
        "--report", type=Path, metavar="FILE", help="keep the report (default no); FILE.json for programs"
    )
    return command


def chosen_checks(names: Sequence[str]) -> list[Check]:
    """The checks of these names, in the suite's order; all for none.

    Raises:
        UsageError: a name that is not known.
    """
    known = {check.name: check for check in CHECKS}
    for name in names:
        if name not in known:
            raise UsageError(
                f"--only {name!r}: {near_word(name, known, 'edge-bridge conform --list names the checks')}"
            )
    return [check for check in CHECKS if not names or check.name in names]


def run_conform(args: argparse.Namespace) -> int:
    checks = chosen_checks(args.only)
    if args.list:
        sys.stdout.write("".join(f"{check.name:25} {check.rule}\n" for check in checks))
        return 0
    if args.report is not None and not args.report.absolute().parent.is_dir():
        raise UsageError(f"--report {args.report}: there is no folder {args.report.absolute().parent}; make it first")
    line = PortLine(args.port, args.baud)
    try:
        return report_of(line, args, checks, line.path)
    finally:
        line.close()


def report_of(line: Line, args: argparse.Namespace, checks: Sequence[Check], where: str) -> int:
    """Test the head on the line and report.

    Args:
        where: the port, for the reader.

    Returns:
        0 where no check failed, else 1.

    Raises:
        PortError: no head answers, or the port went away; what was found is in the report.
    """
    probe = Probe(line, args.keys)
    try:
        hello = met(probe)
    except PortError as error:
        raise PortError(f"{where}: {error}") from error
    say = _quiet if args.json else _say
    say(f"{identity_text(hello)} on {where}\n{plan_text(checks, hello, ask=args.ask)}\n\n")
    probe.person = _ask if args.ask else None
    found: list[Row] = []
    endings: list[str] = []

    def seen(row: Row) -> None:
        found.append(row)
        say(row_text(row))

    def ended(text: str) -> None:
        endings.append(text)
        (sys.stderr if args.json else sys.stdout).write(f"{text}\n")

    gone: PortError | None = None
    try:
        with _ends_kindly(), left_dark(probe, ended):
            rows(probe, checks, seen)
    except PortError as error:  # what was found until then is worth keeping
        gone = error
    say(f"\n{counts_text(found)}\n{line_text(probe)}\n")
    made_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    if args.json:
        sys.stdout.write(json.dumps(record(probe, found, endings[-1], made_at)) + "\n")
    if args.report is not None:
        _keep(args.report, probe, found, endings[-1], made_at)
        say(f"report: {args.report}\n")
    if gone is not None:
        raise gone
    has_failed, lost = any(row.verdict == FAIL for row in found), [row.name for row in found if row.verdict == LOST]
    if lost and not has_failed:
        names = ", ".join(lost)
        raise PortError(f"{where}: went away and came back in {names}, which tells nothing; mend the cable, test again")
    return int(has_failed)


def plan_text(checks: Sequence[Check], hello: Hello, *, ask: bool) -> str:
    """What will happen and how long it takes with this head."""
    of_pairing = () if hello.capabilities & Capability.PAIRING else pairing_checks.CHECKS
    seconds = sum(check.seconds for check in checks if check not in of_pairing)
    people = " and waits for somebody at the button" if ask and any(check.name in _PEOPLE for check in checks) else ""
    return (
        f"{len(checks)} checks, about {max(1, round(seconds))} s{people}. The head restarts, the light gives "
        "30% at most and the heater 10%, for seconds.\nKeep the head away from people: one that breaks a rule may "
        "give more. Ctrl-C ends the test and puts both out."
    )


@contextmanager
def _ends_kindly() -> Iterator[None]:
    """A terminal that is closed ends the test as Ctrl-C does."""
    before = signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _quiet(text: str) -> None:
    """Of a run for programs."""


def _ask(text: str) -> None:
    sys.stderr.write(f"==> {text}\n")
    sys.stderr.flush()


def _keep(path: Path, probe: Probe, found: Sequence[Row], ending: str, made_at: str) -> None:
    if path.suffix == ".json":
        text = json.dumps(record(probe, found, ending, made_at), indent=1) + "\n"
    else:
        text = report_text(probe, found, ending, made_at)
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_text(text)
        fresh.replace(path)
    except OSError as error:
        raise ReportNotWritten(f"{path}: the report cannot be written: {error.strerror}") from error
