"""`edge-enhance pacs`: what waits for the PACS, sent again, and whether the PACS can be reached."""

from __future__ import annotations

import argparse
import time
from datetime import datetime
from pathlib import Path

from edge.access.audit import record, who_runs
from edge.basics.command import say
from edge.basics.errors import InputOutputError, UsageError
from edge.basics.owner import become_owner_of
from edge.basics.running import run_command
from edge.basics.secrets import shown_uri
from edge.basics.texts import age_text
from edge.config import Config, PacsConfig
from edge.config_file import load_config
from edge.pacs.waiting.queue import LAST_ERROR, NAME, RETRY, Entry, Queue
from edge.pacs.waiting.steps import NAME as STEPS
from edge.pacs.waiting.steps import Steps
from firmware_bridge.command_line import Parser

PROGRAM = "edge-enhance pacs"
EXAMPLES = """examples:
  sudo edge-enhance pacs status                       what waits, and why
  sudo edge-enhance pacs retry                        send at once, what was refused too
  sudo edge-enhance pacs test                         echo, what the PACS takes, its certificate"""
_WORDS = {"waiting": "waits", "sent": "sent", "committed": "kept", "failed": "refused"}


def parser() -> Parser:
    top = Parser(prog=PROGRAM, description=__doc__, epilog=EXAMPLES)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    status = commands.add_parser("status", help="what waits for the PACS, what it has, what went wrong last")
    status.add_argument("--all", action="store_true", help="a line for each object, those that the PACS has too")
    status.set_defaults(run=run_status)
    retry = commands.add_parser("retry", help="send again what was refused, and at once what waits")
    retry.set_defaults(run=run_retry)
    test = commands.add_parser("test", help="try the way to the PACS; no picture is sent")
    test.set_defaults(run=run_test)
    for command in (status, retry, test):
        command.add_argument("--config", type=Path, metavar="FILE", help="the unit's TOML, as for --live")
    return top


def run(args: argparse.Namespace) -> int:
    config = load_config(args.config, {}).config
    if not config.pacs.is_on:
        raise UsageError("nothing is sent: name the PACS with [pacs] host in edge.toml, or a service with [pacs] stow")
    code: int = args.run(args, config)
    return code


def run_status(args: argparse.Namespace, config: Config) -> int:
    queue = _queue(config.pacs)
    say(f"{'to':9} {_target(config.pacs)}")
    if queue is None:
        say("nothing was queued yet")
        return 0
    entries, now = queue.entries(), time.time()
    is_kept_asked = bool(config.pacs.commitment and config.pacs.host)
    notes = {
        "waiting": _oldest(queue.oldest_waiting(), now),
        "sent": ", not said yet to be kept" if is_kept_asked else ", which is all that is asked",
        "failed": "; edge-enhance pacs retry sends them again",
    }
    for state, count in queue.counts().items():
        say(f"{_WORDS[state]:9} {count}{notes.get(state, '') if count else ''}")
    if told := queue.told(LAST_ERROR):
        say(f"{'last':9} {age_text(max(0.0, now - told[0]) * 1e3)} ago: {told[1]}")
    say(*_steps_told(config))
    done = ("committed",) if is_kept_asked else ("committed", "sent")
    say(*(_line(one) for one in entries if args.all or one.state not in done))
    return 0


def run_retry(args: argparse.Namespace, config: Config) -> int:
    who = who_runs()
    queue = _queue(config.pacs)
    number = 0 if queue is None else queue.retry()
    steps = _steps(config)
    num_steps = 0 if steps is None else steps.retry()
    if queue is not None:
        queue.tell(RETRY, "", time.time())
    record(config, "pacs-retry", who, objects=str(number), **({"steps": str(num_steps)} if num_steps else {}))
    told = f", {num_steps} sessions told again" if num_steps else ""
    say(f"{number} objects are sent again{told}, within a few seconds where the unit runs")
    return 0


def run_test(args: argparse.Namespace, config: Config) -> int:
    from edge.pacs.check import tried_out

    _become_service(config.pacs)
    say(f"{'to':9} {_target(config.pacs)}")
    for what, found in tried_out(config.pacs, config.worklist):
        say(f"{what:9} {found}")
    return 0


def _become_service(config: PacsConfig) -> None:
    become_owner_of(config.path)


def _queue(config: PacsConfig) -> Queue | None:
    """None where there is none yet. Raises InputOutputError where this user may not see it."""
    _become_service(config)
    try:
        if not (config.path / NAME).exists():
            return None
        with (config.path / NAME).open("r+b"):
            pass
    except PermissionError as error:
        raise InputOutputError(f"{config.path}: {error.strerror}; use sudo, or correct [pacs] folder") from error
    return Queue(config.path)


def _steps(config: Config) -> Steps | None:
    """None where nobody is told of sessions, or nothing was told yet."""
    if not config.worklist.mpps or not (config.pacs.path / STEPS).exists():
        return None
    return Steps(config.pacs.path)


def _steps_told(config: Config) -> list[str]:
    """Lines of what the worklist was told of sessions; none where nobody is to be told."""
    steps = _steps(config)
    if steps is None:
        return []
    counts = ", ".join(f"{count} {state}" for state, count in steps.counts().items() if count) or "no session yet"
    left = [one for one in [*steps.refused(), *steps.begun()] if one.reason]
    return [f"{'mpps':9} {counts}", *(f"  session {one.session}: {one.state}: {one.reason}" for one in left)]


def _target(config: PacsConfig) -> str:
    dicom = f"{config.host}:{config.port} as {config.ae_title!r}, by {config.own_ae_title!r}" if config.host else ""
    secured = ", TLS" if config.tls and config.host else ""
    return "; ".join(one for one in (shown_uri(config.stow), f"{dicom}{secured}") if one)


def _oldest(queued_at: float | None, now: float) -> str:
    if queued_at is None:
        return ""
    return f", the oldest for {age_text(max(0.0, now - queued_at) * 1e3)}"


def _line(entry: Entry) -> str:
    when = datetime.fromtimestamp(entry.next_try).strftime("%H:%M:%S")
    then = f"; again at {when}" if entry.state == "waiting" and entry.next_try > time.time() else ""
    tries = f", tried {entry.tries} times" if entry.tries > 1 else ""
    reason = f": {entry.reason}" if entry.reason else ""
    return f"  {entry.item} {entry.view}: {_WORDS[entry.state]}{tries}{reason}{then}"


def main(argv: list[str] | None = None) -> int:
    return run_command(parser(), run, argv)
