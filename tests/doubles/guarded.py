"""A unit with users, and who comes to its door: real HTTP, real TLS."""

from __future__ import annotations

import functools
import http.client
import json
import socket
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from argon2 import PasswordHasher

from edge.access.people import NOBODY, People, User, write_people
from edge.access.tokens import new_token
from edge.config import WebConfig
from tests.doubles.http_viewer import GUARD_S
from tests.doubles.studio import Studio

PASSWORDS = {"vera": "vera looks at it", "otto": "otto operates it", "ada": "ada administers it"}
ROLE_OF = {"vera": "viewer", "otto": "operator", "ada": "admin"}


@functools.cache
def hashed(password: str) -> str:
    """With little memory in one pass: what `hash_of` gives takes 100 ms at each login."""
    return str(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password))


def three_users() -> People:
    """One of each role."""
    users = {name: User(name, ROLE_OF[name], hashed(password)) for name, password in PASSWORDS.items()}
    return People(users, {})


def write_users(path: Path, people: People | None = None) -> Path:
    write_people(path, three_users() if people is None else people)
    return path


def with_token(path: Path, role: Any, now: Any, days: int = 30, people: People = NOBODY) -> str:
    """A token in a users file; the token itself."""
    text, token = new_token("wall", role, days, now)
    write_people(path, People(people.users, {**people.tokens, "wall": token}))
    return text


def guarded_studio(path: Path, audit: Any = None, furnish: Any = lambda studio: None, **settings: Any) -> Studio:
    return Studio(WebConfig(**{"listen": "127.0.0.1:0", "users": str(path), **settings}), audit, furnish)


class Guest:
    """An HTTP client with a jar for cookies. Certificates are not checked: these are self-made."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies: dict[str, str] = {}

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers in lower case, body."""
        connection = self.open(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        self._keep(answer)
        connection.close()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, content

    def open(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> http.client.HTTPConnection:
        """A connection whose request is sent."""
        connection = self._connection()
        sent = dict(headers or {})
        if self.cookies:
            sent.setdefault("Cookie", "; ".join(f"{key}={value}" for key, value in self.cookies.items()))
        if isinstance(body, dict):
            body, sent = json.dumps(body), {"Content-Type": "application/json", **sent}
        connection.request(method, path, body, sent)
        return connection

    def log_in(self, name: str, password: str | None = None) -> int:
        password = PASSWORDS[name] if password is None else password
        return self.ask("POST", "/api/login", {"name": name, "password": password})[0]

    def status(self, method: str, path: str) -> int:
        """Of an answer whose body is not waited for."""
        connection = self.open(method, path)
        status = connection.getresponse().status
        connection.close()
        return status

    def cookie(self, kind: str) -> str:
        return next(value for key, value in self.cookies.items() if kind in key)

    def _connection(self) -> http.client.HTTPConnection:
        address = urlsplit(self.url)
        if address.scheme == "unix":
            return UnixConnection(address.path)
        if address.scheme == "http":
            return http.client.HTTPConnection(address.netloc, timeout=GUARD_S)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(address.netloc, timeout=GUARD_S, context=context)

    def _keep(self, answer: http.client.HTTPResponse) -> None:
        for line in answer.headers.get_all("Set-Cookie") or []:
            key, _, value = line.split(";")[0].partition("=")
            if value and value != '""':
                self.cookies[key] = value
            else:
                self.cookies.pop(key, None)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=GUARD_S)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(GUARD_S)
        self.sock.connect(self.path)
