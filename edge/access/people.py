"""The users file: who may come in, in which role. Only hashes of passwords and tokens stand in it."""

from __future__ import annotations

import grp
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast

from edge.access.passwords import is_hash
from edge.access.rights import ROLES, Role
from edge.basics.errors import ConfigError, InputOutputError, UsageError
from edge.basics.settings import from_table, setting
from edge.basics.texts import is_moment, one_line, shown, toml_from_text, toml_value
from edge.basics.whole_files import whole_file

DEFAULT_PATH = Path("/etc/edge-enhance/users.toml")
HEADER = "# Made by `edge-enhance user`, which changes it. Passwords and tokens are not here, only their hashes.\n"
GROUP = "edge-enhance"
"""Of the service's user, who must read the file."""
MAX_BYTES = 1 << 20
_NAME = re.compile(r"\w[\w.@-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class User:
    """Somebody with a password.

    Attributes:
        password: argon2id, as PHC string.
    """

    name: str = setting("", "how they log in")
    role: str = setting("", "what they may", choices=ROLES)
    password: str = setting("", "argon2id")


@dataclass(frozen=True)
class Token:
    """A program with a key of its own.

    Attributes:
        sha256: of the token, which is random enough to need no slow hash.
        made, until: moments with an offset; it counts between the two.
    """

    name: str = setting("", "which program")
    role: str = setting("", "what it may", choices=ROLES)
    sha256: str = setting("", "of the token")
    made: str = setting("", "since when")
    until: str = setting("", "when it ends")


@dataclass(frozen=True)
class People:
    """All that a users file says."""

    users: Mapping[str, User]
    tokens: Mapping[str, Token]

    def token_of(self, sha256: str) -> Token | None:
        return next((token for token in self.tokens.values() if token.sha256 == sha256), None)


NOBODY = People({}, {})


def role_of(one: User | Token) -> Role:
    return cast(Role, one.role)  # the settings' rules have held it to the three


def checked_name(name: str) -> str:
    """A name as it is stored.

    Raises:
        UsageError: it is none.
    """
    normal = unicodedata.normalize("NFKC", name)
    if not _NAME.fullmatch(normal):
        raise UsageError(f"name {shown(name[:80])}: expected 1 to 64 letters, digits and . _ @ -, the first no sign")
    return normal


def read_people(path: Path) -> People:
    """Read a users file.

    Raises:
        ConfigError: it is missing, damaged, or others can read or change it.
    """
    try:
        table = toml_from_text(_content(path).decode())
    except OSError as error:
        how = "add somebody with `edge-enhance user add NAME --role admin`" if not path.exists() else "see web.users"
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); {how}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: no users file ({error})") from error
    if unknown := [*(table.keys() - {"user", "token"})]:
        raise ConfigError(f"{path}: {unknown[0]}: unknown table; expected [[user]] and [[token]]")
    users = [
        _checked_user(from_table(User, one, where, str(path)), path) for where, one in _tables(table, "user", path)
    ]
    tokens = [
        _checked_token(from_table(Token, one, where, str(path)), path) for where, one in _tables(table, "token", path)
    ]
    people = People({user.name: user for user in users}, {token.name: token for token in tokens})
    if len(people.users) < len(users) or len(people.tokens) < len(tokens):
        raise ConfigError(f"{path}: a name stands there twice; expected each once among users and among tokens")
    return people


def write_people(path: Path, people: People) -> None:
    """Write a users file, whole; it keeps its owner, and a new one belongs to the service's group.

    Raises:
        InputOutputError: it cannot be written.
    """
    text = HEADER + "".join(_lines_of(people))
    try:
        owner, group = _owners(path)
        with whole_file(path, mode=0o640) as file:
            if (owner, group) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), owner, group)
            file.write(text.encode())
    except OSError as error:
        raise InputOutputError(f"{path}: cannot be written ({error.strerror}); use sudo") from error


def stamp_of(path: Path) -> tuple[int, int, int] | None:
    """Another one where the file has changed; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _owners(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        groups = [one.gr_gid for one in grp.getgrall() if one.gr_name == GROUP] if os.geteuid() == 0 else []
        return os.geteuid(), groups[0] if groups else os.getegid()
    return found.st_uid, found.st_gid


def _content(path: Path) -> bytes:
    """Raises `OSError`, and `ConfigError` where somebody else can read or change it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO must not hold the start
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_BYTES:
            raise ConfigError(f"{path}: expected a plain file of at most {MAX_BYTES} bytes")
        if found.st_mode & (stat.S_IWGRP | stat.S_IRWXO):
            mode = stat.S_IMODE(found.st_mode)
            raise ConfigError(f"{path}: mode {mode:04o}, so others can read or change it; chmod 0640 {path}")
        if found.st_uid not in (0, os.geteuid()):
            raise ConfigError(f"{path}: belongs to user {found.st_uid}; expected root, or who runs this: chown root")
        return file.read(MAX_BYTES)


def _tables(table: Mapping[str, Any], kind: str, path: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    rows = table.get(kind, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigError(f"{path}: {kind}: expected tables, as in [[{kind}]]")
    for number, row in enumerate(rows):
        yield f"{kind}[{number}]", row


def _checked_user(user: User, path: Path) -> User:
    _check(user.name, user.role, path)
    if not is_hash(user.password):
        raise ConfigError(f"{path}: user {user.name}: the password is no argon2id hash; `edge-enhance user passwd`")
    return user


def _checked_token(token: Token, path: Path) -> Token:
    _check(token.name, token.role, path)
    if not _SHA256.fullmatch(token.sha256) or not is_moment(token.made) or not is_moment(token.until):
        raise ConfigError(f"{path}: token {token.name}: damaged; make it again with `edge-enhance user token`")
    return token


def _check(name: str, role: str, path: Path) -> None:
    try:
        is_name = checked_name(name) == name
    except UsageError:
        is_name = False
    if not is_name or not role:
        raise ConfigError(
            f"{path}: name {one_line(name[:80])!r}, role {role!r}: expected a name and {', '.join(ROLES)}"
        )


def _lines_of(people: People) -> Iterator[str]:
    for kind, rows in (("user", people.users.values()), ("token", people.tokens.values())):
        for row in rows:
            yield f"\n[[{kind}]]\n"
            yield from (f"{key} = {toml_value(value)}\n" for key, value in vars(row).items())


def now_text() -> str:
    """This moment, as the file spells it."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
