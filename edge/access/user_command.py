"""`edge-enhance user`: who may come in, and tokens for programs. A password is never a word of the command line."""

from __future__ import annotations

import argparse
import fcntl
import getpass
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from edge.access.audit import record, who_runs
from edge.access.passwords import MOST_CHARACTERS, hash_of
from edge.access.people import DEFAULT_PATH, NOBODY, People, User, checked_name, read_people, write_people
from edge.access.rights import ROLES
from edge.access.tokens import new_token, why_not
from edge.basics.errors import InputOutputError, UsageError
from edge.basics.running import run_command
from edge.config import Config
from edge.config_file import load_config
from firmware_bridge.command_line import Parser, hint

PROGRAM = "edge-enhance user"
MOST_DAYS = 3650
EXAMPLES = """examples:
  sudo edge-enhance user add anna --role operator     asks for the password, twice
  sudo edge-enhance user passwd anna                  a lost password: give another one; their logins end
  sudo edge-enhance user remove anna
  sudo edge-enhance user token wall --role viewer --days 90
                                                      prints the token once: Authorization: Bearer edgetoken_...
  sudo edge-enhance user remove --token wall
  sudo edge-enhance user list

viewer looks; operator saves, ends a freeze and sets the strength too; admin may everything. A running unit takes a
change within a second or two. From a script the password is the first line of standard input."""


def parser() -> Parser:
    top = Parser(prog=PROGRAM, description=__doc__, epilog=EXAMPLES)
    commands = top.add_subparsers(dest="command")
    add = commands.add_parser("add", help="somebody with a password")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--role", choices=ROLES, required=True)
    add.set_defaults(run=run_add)
    passwd = commands.add_parser("passwd", help="give another password; open logins end")
    passwd.add_argument("name", metavar="NAME")
    passwd.set_defaults(run=run_passwd)
    remove = commands.add_parser("remove", help="take somebody's right away; open logins end")
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--token", action="store_true", help="NAME is a token's")
    remove.set_defaults(run=run_remove)
    token = commands.add_parser("token", help="a key for a program; an old one of the same name ends")
    token.add_argument("name", metavar="NAME")
    token.add_argument("--role", choices=ROLES, required=True)
    token.add_argument("--days", type=int, default=90, metavar="N", help=f"1 to {MOST_DAYS}")
    token.set_defaults(run=run_token)
    listing = commands.add_parser("list", help="everybody, with role")
    listing.set_defaults(run=run_list)
    for command in (add, passwd, remove, token, listing):
        command.add_argument("--users", type=Path, metavar="FILE", help=f"default web.users, else {DEFAULT_PATH}")
        command.add_argument("--config", type=Path, metavar="FILE", help="the unit's TOML, as for --live")
    return top


def run_add(args: argparse.Namespace, config: Config, path: Path) -> str:
    name = checked_name(args.name)
    if name in _people(path).users:
        raise UsageError(f"{name} is there already; `{PROGRAM} passwd {name}` gives another password")
    user = User(name, args.role, hash_of(_password(name)))
    with _changing(path) as people:
        write_people(path, replace(people, users={**people.users, name: user}))
    record(config, "user-added", who_runs(), name=name, role=args.role)
    return f"added: {name}, {args.role}"


def run_passwd(args: argparse.Namespace, config: Config, path: Path) -> str:
    _found(_people(path), args.name)
    hashed = hash_of(_password(args.name))
    with _changing(path) as people:
        user = replace(_found(people, args.name), password=hashed)
        write_people(path, replace(people, users={**people.users, user.name: user}))
    record(config, "user-password", who_runs(), name=user.name)
    return f"{user.name} has another password; logins by the one before end"


def run_remove(args: argparse.Namespace, config: Config, path: Path) -> str:
    with _changing(path) as people:
        rows = people.tokens if args.token else people.users
        if args.name not in rows:
            told = hint(args.name, rows) or f"; there are: {', '.join(rows) or 'none'}"
            raise UsageError(f"{path}: {'token' if args.token else 'user'} {args.name!r} is not there{told}")
        users = {key: one for key, one in people.users.items() if args.token or key != args.name}
        tokens = {key: one for key, one in people.tokens.items() if not args.token or key != args.name}
        write_people(path, People(users, tokens))
    record(config, "token-removed" if args.token else "user-removed", who_runs(), name=args.name)
    return f"removed: {args.name}"


def run_token(args: argparse.Namespace, config: Config, path: Path) -> str:
    if not 1 <= args.days <= MOST_DAYS:
        raise UsageError(f"--days {args.days}: expected 1 to {MOST_DAYS}")
    text, token = new_token(checked_name(args.name), args.role, args.days, datetime.now(timezone.utc))
    with _changing(path) as people:
        write_people(path, replace(people, tokens={**people.tokens, token.name: token}))
    record(config, "token-made", who_runs(), name=token.name, role=args.role, until=token.until)
    sys.stderr.write(f"token {token.name}, {args.role}, until {token.until[:10]}; it is shown this once:\n")
    return text


def run_list(args: argparse.Namespace, config: Config, path: Path) -> str:
    people = _people(path)
    lines = [f"{user.name}: {user.role}" for user in people.users.values()]
    for token in people.tokens.values():
        lines.append(f"token {token.name}: {token.role}, {why_not(token) or f'until {token.until[:10]}'}")
    return "\n".join(lines) or "nobody"


def users_path(args: argparse.Namespace, config: Config) -> Path:
    """The file that is meant."""
    return Path(args.users or config.web.users or DEFAULT_PATH)


def _people(path: Path) -> People:
    return read_people(path) if path.exists() else NOBODY


def _found(people: People, name: str) -> User:
    if name not in people.users:
        told = hint(name, people.users) or f"; there are: {', '.join(people.users) or 'none'}"
        raise UsageError(f"user {name!r} is not there{told}")
    return people.users[name]


@contextmanager
def _changing(path: Path) -> Iterator[People]:
    """What the file says, while no other command changes it."""
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise InputOutputError(f"{path.parent}: cannot be opened ({error.strerror}); use sudo") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield _people(path)
    finally:
        os.close(descriptor)


def _password(name: str) -> str:
    """Asked for twice at the terminal, without echo; else the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline(MOST_CHARACTERS + 2).rstrip("\n")
    first = getpass.getpass(f"Password for {name}: ")
    if first != getpass.getpass("The same again: "):
        raise UsageError("the two passwords differ; nothing was changed")
    return first


def main(argv: Sequence[str] | None = None) -> int:
    def run(args: argparse.Namespace) -> int:
        config = load_config(args.config, {}).config
        path = users_path(args, config)
        sys.stdout.write(f"{args.run(args, config, path)}\n")
        if args.command in ("add", "token") and str(path) != config.web.users:
            sys.stderr.write(f'a unit reads it where its [web] says users = "{path}"\n')
        return 0

    return run_command(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
