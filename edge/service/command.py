"""`edge-enhance install-service` and `uninstall-service`."""

from __future__ import annotations

import argparse
import logging
import pwd
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from edge.basics.command import say
from edge.basics.errors import InputOutputError, UsageError
from edge.basics.running import run_command
from edge.service.accepting import accept_installed
from edge.service.files import (
    FORGET_COMMANDS,
    KEYS_PATH,
    RECORD_PATH,
    STATE_FOLDER,
    STOP_COMMANDS,
    UNIT,
    USER,
    OutOfReach,
    check_reachable,
    install_commands,
    service_files,
    this_program,
)
from edge.service.install import Installation
from firmware_bridge.command_line import Parser

log = logging.getLogger(__name__)

Commands = Sequence[Sequence[str]]

MAY_FAIL = ("udevadm",)
"""The rule is also read at the next boot."""

INSTALL_EXAMPLES = """examples:
  edge-enhance install-service --dry-run                   every file and every command, nothing done
  sudo /opt/edge-enhance/bin/edge-enhance install-service  the unit starts that same program
  edge-enhance install-service --root build/image          into an image; says what is left to run in it"""


def install_parser() -> Parser:
    top = _parser("install-service", "Installs unit, udev rule, user and default configuration.", INSTALL_EXAMPLES)
    top.add_argument("--program", type=Path, metavar="FILE", help="what the unit starts; by default this edge-enhance")
    top.add_argument("--dry-run", action="store_true", help="show every file and command; change nothing")
    top.add_argument("--now", action="store_true", help="start the service too")
    return top


def uninstall_parser() -> Parser:
    return _parser(
        "uninstall-service",
        "Removes what install-service wrote. Files changed since, pictures, models and engines stay.",
        "example:\n  sudo edge-enhance uninstall-service",
    )


def install_main(argv: Sequence[str]) -> int:
    return run_command(install_parser(), _install, argv)


def uninstall_main(argv: Sequence[str]) -> int:
    return run_command(uninstall_parser(), _uninstall, argv)


def _parser(name: str, description: str, epilog: str) -> Parser:
    top = Parser(prog=f"edge-enhance {name}", description=description, epilog=epilog)
    top.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="root of a system that does not run")
    return top


def _install(args: argparse.Namespace) -> int:
    installation = _installation(args.root)
    program = this_program() if args.program is None else (args.program,)
    try:
        check_reachable(program)
    except OutOfReach as error:
        if not args.dry_run:
            raise
        log.warning("an installation would be refused: %s", error)
    files = service_files(str(program[0]))
    commands = install_commands(now=args.now)
    if args.dry_run:
        for file, state in installation.plan(files):
            say(f"# {installation.at(file.path)} ({state})", *file.content.decode().split("\n"))
        say(*(f"$ {shlex.join(command)}" for command in commands))
        return 0
    had_keys = installation.has_folder(KEYS_PATH)
    installation.install(files, makes_user=not _has_user(installation))
    if not had_keys:
        accept_installed(installation, say)
    if not _run_or_say(commands, args.root):
        return 0
    done = "It runs" if args.now else f"Start it, after an update anew: sudo systemctl restart {UNIT}"
    say(f"{done}. Look at it: systemctl status {UNIT}")
    return 0


def _uninstall(args: argparse.Namespace) -> int:
    installation = _installation(args.root)
    if installation.content(RECORD_PATH) is None:
        say(f"nothing to do: {installation.at(RECORD_PATH)} is not there, so install-service wrote nothing here")
        return 0
    _run_or_say(STOP_COMMANDS, args.root, may_fail=True)
    record = installation.uninstall()
    _run_or_say(FORGET_COMMANDS, args.root, may_fail=True)
    if installation.has_folder(STATE_FOLDER, empty=False):
        say(f"kept       {STATE_FOLDER}: pictures, models and engines, and the user {USER} who owns them")
    elif record is not None and record.has_user:
        _run_or_say((("userdel", USER),), args.root, may_fail=True)
    return 0


def _installation(root: Path) -> Installation:
    if not root.is_dir():
        todo = "expected a folder" if root.exists() else "expected one that exists, which mkdir -p makes"
        raise UsageError(f"--root {root}: is not a folder; {todo}")
    return Installation(root.absolute(), say)


def _run_or_say(commands: Commands, root: Path, *, may_fail: bool = False) -> bool:
    """Run commands on a machine with systemd, else say them; whether they were run.

    Raises:
        InputOutputError: one failed that may not; names it and what it said.
    """
    if root.resolve() != Path("/") or not Path("/run/systemd/system").is_dir():
        say("systemd does not run here; on the machine itself run:")
        for command in commands:
            say(f"  {shlex.join(command)}")
        return False
    for command in commands:
        failure = _failure_of(command)
        if failure and not may_fail and command[0] not in MAY_FAIL:
            raise InputOutputError(f"{shlex.join(command)}: {_last_words() or failure}")
        say(f"failed     {shlex.join(command)}: {failure}" if failure else f"ran        {shlex.join(command)}")
    return True


def _failure_of(command: Sequence[str]) -> str:
    """Run a command; what went wrong, in one line, or nothing."""
    if shutil.which(command[0]) is None:
        return f"{command[0]} is not installed"
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        return ""
    return " ".join(done.stderr.split()) or f"exit code {done.returncode}"


def _last_words() -> str:
    """The line by which the program refused to start, which systemctl keeps to itself; empty where there is none."""
    done = subprocess.run(
        ("systemctl", "status", "--no-pager", "--full", "--lines=20", "--output=cat", UNIT),
        capture_output=True,
        text=True,
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("edge-enhance: ")]
    return told[-1] if told else ""


def _has_user(installation: Installation) -> bool:
    if installation.at(Path("/etc")).resolve() == Path("/etc"):
        try:
            pwd.getpwnam(USER)
        except KeyError:
            return False
        return True
    accounts = (installation.content(Path("/etc/passwd")) or b"").decode("utf-8", "replace")
    return any(line.startswith(f"{USER}:") for line in accounts.splitlines())
