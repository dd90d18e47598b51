"""`edge-enhance patient`: what is stored of a person who asks, given out and erased. No name is a word of it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge.access.audit import record, who_runs
from edge.basics.command import say
from edge.basics.errors import InputOutputError, UsageError
from edge.basics.folders import Folder, open_folder, owner_of, read_plain
from edge.basics.owner import become_owner_of
from edge.basics.running import run_command
from edge.basics.texts import json_from_text
from edge.config import Config
from edge.config_file import load_config
from edge.pacs.waiting.queue import Entry
from edge.privacy.answer import about_person, lookers, queued, whose, write_answer
from edge.privacy.persons import Found, Stored, Wanted, find
from edge.saving.at_rest import AtRest, at_rest_with
from edge.saving.patient_session import state_path
from edge.saving.removal import remove_item
from edge.service.files import STATE_FOLDER
from firmware_bridge.command_line import Parser

PROGRAM = "edge-enhance patient"
EXAMPLES = """examples:
  sudo edge-enhance patient list                             asks for the patient id
  sudo edge-enhance patient export --output /root/answer < id.txt
  sudo edge-enhance patient erase --session 0a1b2c3d4e5f     asks again before anything is gone

Who is meant is asked for, or is the first line of standard input or of --from FILE: the patient id, or the label of a
session without a patient. On the command line others would see it."""
_MAX_BYTES, _MAX_SESSION_BYTES = 4096, 1 << 16
_WAITS = {"waiting": "waits for the PACS", "sent": "the PACS has not said yet that it keeps it"}


def parser() -> Parser:
    top = Parser(prog=PROGRAM, description=__doc__, epilog=EXAMPLES)
    commands = top.add_subparsers(dest="command")
    listing = commands.add_parser("list", help="what is stored, with dates and whether it was sent")
    export = commands.add_parser("export", help="copy it into a new folder, readable, with a list of what it is")
    export.add_argument("--output", type=Path, required=True, metavar="DIR", help="a folder that is not there yet")
    erase = commands.add_parser("erase", help="remove it from the unit for good; what waits for the PACS is refused")
    for command in (listing, export, erase):
        command.add_argument("--from", dest="file", type=Path, metavar="FILE", help="its first line says who is meant")
        command.add_argument(
            "--session", action="append", default=[], metavar="ID", help="a patient session, by its id, and no person"
        )
        command.add_argument(
            "--key",
            action="append",
            default=[],
            metavar="FILE",
            help="read with this key; else those of [privacy]",
        )
        command.add_argument("--config", type=Path, metavar="FILE", help="the unit's TOML, as for --live")
    return top


def run(args: argparse.Namespace) -> int:
    config = load_config(args.config, {}).config
    who, at_rest, wanted = who_runs(), at_rest_with(args.key, config.privacy), _wanted(args)
    output = _new_folder(args.output, config) if args.command == "export" else None
    become_owner_of(config.save.path)
    found = find(config.save.path, at_rest, wanted)
    for line in _doubts(found):
        sys.stderr.write(f"{PROGRAM}: {line}\n")
    if not found.stored:
        say("nothing is stored of this person on this unit" if not found.unreadable else "nothing was found")
    elif output is not None:
        run_export(config, found.stored, at_rest, output)
        record(config, "patient-exported", who, items=str(len(found.stored)))
    elif args.command == "erase":
        run_erase(config, found.stored, at_rest, who)
    else:
        run_list(config, found.stored)
        record(config, "patient-listed", who, items=str(len(found.stored)))
    return 1 if found.unreadable else 0


def run_list(config: Config, stored: Sequence[Stored]) -> None:
    sent = queued(config, stored)
    for name, number, issuer, born in whose(stored):
        say(", ".join(filter(None, (name, f"id {number}" if number else "", issuer, f"born {born}" if born else ""))))
    for one in stored:
        num_bytes = sum(one.files.values())
        states = sorted({entry.state for entry in sent.get(one.name, ())})
        told = f"{one.taken_at:%Y-%m-%d %H:%M:%S}  {one.kind:9}  {num_bytes / 1e6:7.1f} MB  session {one.session_id}"
        say(f"{told}  {one.name}  {'PACS: ' + ', '.join(states) if states else 'not sent'}")


def run_export(config: Config, stored: Sequence[Stored], at_rest: AtRest, output: Folder) -> None:
    _refuse_running(stored)
    about = about_person(config, stored, queued(config, stored), lookers(config, stored))
    try:
        with output, open_folder(config.save.path) as folder:
            write_answer(output, folder, at_rest, stored, about)
    except OSError as error:
        raise InputOutputError(f"{error.filename or output.path}: {error.strerror or error}") from error
    say(f"{output.path}: {len(stored)} pictures and recordings; begin with index.html")


def run_erase(config: Config, stored: Sequence[Stored], at_rest: AtRest, who: str) -> None:
    persons = whose(stored)
    if len(persons) > 1:
        run_list(config, stored)
        raise UsageError("these are several persons, or one under several names: erase by --session ID")
    _refuse_running(stored)
    _refuse_open(stored, at_rest)
    _refuse_waiting(config, stored, queued(config, stored))
    run_list(config, stored)
    say(f"to erase all {len(stored)} for good, type: erase {len(stored)}")
    if sys.stdin.readline(_MAX_BYTES).strip() != f"erase {len(stored)}":
        raise UsageError("not confirmed: nothing was erased")
    try:
        with open_folder(config.save.path) as folder:
            for one in stored:
                remove_item(folder, one.name)
                record(config, "removed", who, name=one.name, why="the person asked for it")
    except OSError as error:
        raise InputOutputError(f"{error.filename or config.save.path}: {error.strerror or error}") from error
    record(config, "patient-erased", who, items=str(len(stored)))
    say(f"erased: {len(stored)}")


def _refuse_running(stored: Sequence[Stored]) -> None:
    if names := [one.name for one in stored if one.is_running]:
        raise UsageError(
            f"{names[0]}: is recorded at this moment, or a power cut ended it: start the unit, and stop it"
        )


def _refuse_open(stored: Sequence[Stored], at_rest: AtRest) -> None:
    """The name stands in the file of the session that is open, too."""
    path = state_path() or STATE_FOLDER / "session" / "session.json"
    try:
        session = json_from_text(at_rest.read_path(path, _MAX_SESSION_BYTES))
    except (OSError, ValueError):
        return
    if isinstance(session, dict) and str(session.get("id")) in {one.session_id for one in stored}:
        raise UsageError("a patient session of this person is open: close it on the page first; nothing was erased")


def _refuse_waiting(config: Config, stored: Sequence[Stored], sent: Mapping[str, Sequence[Entry]]) -> None:
    """What the archive does not have yet would be lost: there, too, the person is on record."""
    if not config.pacs.is_on:
        return
    is_asked = config.pacs.commitment and bool(config.pacs.host)
    for one in stored:
        entries = sent.get(one.name, ())
        states = {entry.state for entry in entries} - (set() if is_asked else {"sent"})
        reasons = [why for state, why in _WAITS.items() if state in states]
        if one.patient and not entries:
            reasons = ["is not queued for the PACS yet"]
        if reasons:
            raise UsageError(f"{one.name}: {reasons[0]}; see edge-enhance pacs status; nothing was erased")


def _doubts(found: Found) -> list[str]:
    lines = []
    if found.unreadable:
        lines.append(f"{len(found.unreadable)} records cannot be read, such as {found.unreadable[0]}: whose is unknown")
    if found.alone:
        lines.append(f"{len(found.alone)} pictures have no record, such as {found.alone[0]}: whose is unknown")
    return lines


def _wanted(args: argparse.Namespace) -> Wanted:
    """Raises UsageError."""
    if args.session:
        return Wanted(sessions=frozenset(args.session))
    if args.file is not None:
        try:
            text = read_plain(args.file, _MAX_BYTES).decode("utf-8", "replace").partition("\n")[0]
        except OSError as error:
            raise InputOutputError(f"{args.file}: {error.strerror or error}") from error
    else:
        if sys.stdin.isatty():
            sys.stderr.write("Patient id: ")
            sys.stderr.flush()
        text = sys.stdin.readline(_MAX_BYTES)
    if not text.strip():
        raise UsageError("expected a patient id, or the label of a session")
    return Wanted(text.strip())


def _new_folder(path: Path, config: Config) -> Folder:
    """A new folder that the unit's user may write and nobody else may see. Raises InputOutputError."""
    try:
        if os.path.lexists(path):
            raise UsageError(f"{path}: is there already; expected a new folder")
        with open_folder(path.absolute().parent) as above:
            above.make_folder(path.name, 0o700)
            made = above.folder(path.name)
        if os.geteuid() == 0:
            owner = owner_of(config.save.path)
            os.fchown(made.descriptor, owner.st_uid, owner.st_gid)
    except OSError as error:
        raise InputOutputError(f"{error.filename or path}: {error.strerror or error}") from error
    return made


def main(argv: Sequence[str] | None = None) -> int:
    return run_command(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
