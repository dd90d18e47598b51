"""Who asks: found from a request's cookie, token or socket, and whether they still may."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from edge.access.control import is_trusted
from edge.access.people import People, Token, read_people, role_of, stamp_of
from edge.access.rights import Role
from edge.access.sessions import Session, Sessions, proof_of
from edge.access.tokens import sha256_of, why_not
from edge.basics.errors import ConfigError

log = logging.getLogger(__name__)

SESSION_COOKIE, DEVICE_COOKIE = "edge-session", "edge-device"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks.

    Attributes:
        name: as the audit log has it.
        address: where from, as far as can be told.
        session, token: what they came in with; neither where there are no users, or for this machine's own commands.
    """

    name: str
    role: Role
    address: str
    session: Session | None = None
    token: Token | None = None


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody who showed nothing that counts.

    Attributes:
        why: what is wrong with what they showed; empty where they showed nothing.
    """

    address: str
    why: str = ""


class Register:
    """The users file as it is now. What was read stays in use where the file was damaged since.

    Args:
        path: None where there are no users: then everybody may do everything.

    Raises:
        ConfigError: the file cannot be taken.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp = None if path is None else stamp_of(path)
        self.people: People | None = None if path is None else read_people(path)
        self.trouble = ""

    def refresh(self) -> bool:
        """Read the file again where it has changed; whether it was taken."""
        if self._path is None or (stamp := stamp_of(self._path)) == self._stamp:
            return False
        self._stamp = stamp
        try:
            self.people = read_people(self._path)
        except ConfigError as error:
            self.trouble = f"users file not taken, the one before is in use: {error}"
            log.error("%s", self.trouble)
            return False
        self.trouble = ""
        log.info("users read again: %d users, %d tokens", len(self.people.users), len(self.people.tokens))
        return True

    def password_of(self, name: str) -> str | None:
        """The hash that a user is held to now; None for one that is not there."""
        user = self.people.users.get(name) if self.people is not None else None
        return None if user is None else user.password


class Visitors:
    """Tells who asks.

    Args:
        control_path: socket of the machine's own commands; None where there is none.
    """

    def __init__(self, register: Register, sessions: Sessions, control_path: Callable[[], Path | None]) -> None:
        self._register, self._sessions, self._control_path = register, sessions, control_path

    def of(self, request: web.Request) -> Visitor | Stranger:
        """Who it is. A token that is wrong is not made good by a cookie."""
        address, people = address_of(request), self._register.people
        control_path = self._control_path()
        if control_path is not None and unix_path_of(request) == str(control_path):
            connection = None if request.transport is None else request.transport.get_extra_info("socket")
            is_ours = connection is not None and is_trusted(connection)
            return Visitor("this machine", "admin", address) if is_ours else Stranger(address)
        if people is None:
            return Visitor("anyone", "admin", address)
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return _with_token(people.token_of(sha256_of(text.strip())), address)
        session = self.session_of(request)
        user = None if session is None else people.users.get(session.name)
        if session is None or user is None or proof_of(user.password) != session.proof:
            return Stranger(address)
        return Visitor(user.name, role_of(user), address, session)

    def of_token(self, text: str, address: str) -> Visitor | Stranger:
        """Who comes with a token that is not in a request of HTTP."""
        people = self._register.people
        if people is None:
            return Visitor("anyone", "admin", address)
        return _with_token(people.token_of(sha256_of(text)), address) if text else Stranger(address)

    def session_of(self, request: web.Request) -> Session | None:
        """The open session of a request's cookie."""
        return self._sessions.of(cookie_of(request, SESSION_COOKIE))

    def still_may(self, visitor: Visitor) -> bool:
        """Whether what they came in with still counts."""
        people = self._register.people
        if visitor.session is not None:
            return self._sessions.is_open(visitor.session)
        if visitor.token is not None:
            return (
                people is not None
                and people.tokens.get(visitor.token.name) == visitor.token
                and (not why_not(visitor.token))
            )
        return True


def _with_token(token: Token | None, address: str) -> Visitor | Stranger:
    if token is None:
        return Stranger(address, "the token is not known here")
    if why := why_not(token):
        return Stranger(address, f"token {token.name}: {why}")
    return Visitor(f"token {token.name}", role_of(token), address, token=token)


def unix_path_of(request: web.Request) -> str:
    """The Unix socket that a request came in by; empty where it came by a network."""
    name = request.transport.get_extra_info("sockname") if request.transport is not None else None
    return name if isinstance(name, str) else ""


FORWARDED_FOR = web.RequestKey("forwarded_for", str)
"""Here the page's gate leaves in a request what a proxy that is known says of where it comes from."""
VISITOR = web.RequestKey("visitor", Visitor)
"""Here the door leaves who asks."""
ASKED = web.RequestKey("asked", str)
"""Here a handler may leave what was asked for, for the audit log; without it that is the query's `value`."""


def address_of(request: web.Request) -> str:
    """Where a request comes from; proxies at Unix sockets and those of `web.proxies` are believed, nobody else is."""
    if unix_path_of(request):
        return _last(request.headers.getall("X-Forwarded-For", ())) or "unix"
    return str(request.get(FORWARDED_FOR) or request.remote or "")


def is_secure(request: web.Request) -> bool:
    """Whether a browser reached us, or a proxy at a Unix socket, over TLS."""
    return request.secure or bool(unix_path_of(request) and request.headers.get("X-Forwarded-Proto") == "https")


def cookie_name(request: web.Request, kind: str) -> str:
    """Of its own for each port, since browsers send a cookie to every port of a host: two tunnels, two units.

    Over TLS with the prefix by which browsers take it from this very host alone (RFC 6265bis, 4.1.3.2).
    """
    port = request.headers.get("Host", "").rpartition(":")[2]
    prefix = "__Host-" if is_secure(request) else ""
    return f"{prefix}{kind}-{port}" if port.isascii() and port.isdigit() else f"{prefix}{kind}"


def cookie_of(request: web.Request, kind: str) -> str:
    """Its value; empty where there is none, or several of the name: somebody has added one to the browser's."""
    name = cookie_name(request, kind)
    pairs = [pair.strip() for line in request.headers.getall("Cookie", ()) for pair in line.split(";")]
    values = [pair.partition("=")[2] for pair in pairs if pair.partition("=")[0] == name]
    return values[0] if len(values) == 1 else ""


def set_cookie(answer: web.Response, request: web.Request, kind: str, value: str, max_age_s: int | None) -> None:
    """For this site alone, out of reach of its scripts."""
    answer.set_cookie(
        cookie_name(request, kind),
        value,
        max_age=max_age_s,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="Strict",
    )


def _last(values: Sequence[str]) -> str:
    """The last address that a proxy has added: those before it came from outside."""
    return values[-1].rpartition(",")[2].strip()[:64] if values else ""
