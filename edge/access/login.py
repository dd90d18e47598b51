"""Logging in and out: a few requests, each bounded in size, number and time."""

from __future__ import annotations

import asyncio
import contextlib
import math

from aiohttp import web

from edge.access.attempts import Attempts, network_of
from edge.access.audit import AuditLog
from edge.access.passwords import MOST_CHARACTERS, Busy, PasswordDesk
from edge.access.people import User
from edge.access.sessions import Sessions
from edge.access.visitors import (
    DEVICE_COOKIE,
    SESSION_COOKIE,
    Register,
    Visitor,
    Visitors,
    address_of,
    cookie_of,
    set_cookie,
)
from edge.basics.texts import json_from_text

MAX_BODY_BYTES = 4096
BODY_WITHIN_S = 10.0
DEVICE_KNOWN_S = 180 * 86400
_NOT_STORED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Login:
    """The handlers; belongs to the event loop."""

    def __init__(
        self, register: Register, sessions: Sessions, visitors: Visitors, attempts: Attempts, audit: AuditLog
    ) -> None:
        self._register, self._sessions, self._visitors = register, sessions, visitors
        self._attempts, self._audit = attempts, audit
        self._desk = PasswordDesk()
        self._under_way: set[str] = set()

    def close(self) -> None:
        self._desk.close()

    async def log_in(self, request: web.Request) -> web.Response:
        """JSON `{"name", "password"}`; answers name and role, and sets the session's cookie."""
        people, address = self._register.people, address_of(request)
        if people is None:
            return refusal(409, "there are no users here: everybody may come in")
        name, password = await _credentials(request)
        user, device = people.users.get(name), cookie_of(request, DEVICE_COOKIE)
        stored = None if user is None else user.password
        wait_s = self._attempts.wait_s(name, address, device)
        if wait_s > 0:
            self._audit.record("login-delayed", name, address=address, seldom=network_of(address))
            text = f"too many wrong passwords: try again in {math.ceil(wait_s)} s"
            return refusal(429, text, {"Retry-After": str(math.ceil(wait_s))})
        place = device or network_of(address)
        if place in self._under_way:
            return refusal(503, "another login from there is under way: try again", {"Retry-After": "1"})
        self._under_way.add(place)
        try:
            is_right = len(password) <= MOST_CHARACTERS and await self._desk.check(stored, password)
        except Busy:
            return refusal(503, "many log in at this moment: try again", {"Retry-After": "1"})
        finally:
            self._under_way.discard(place)
        if not is_right or user is None:
            self._attempts.failed(name, address, device)
            self._audit.record("login-failed", name, address=address, seldom=network_of(address))
            return refusal(401, "name or password is wrong")
        return self._welcome(request, user, address, device)

    def _welcome(self, request: web.Request, user: User, address: str, device: str) -> web.Response:
        before = self._visitors.session_of(request)
        if before is not None:
            self._sessions.end(before, "logged in again")
        mark = self._attempts.succeeded(user.name, address, device)
        self._audit.record("login", user.name, role=user.role, address=address)
        answer = web.json_response({"name": user.name, "role": user.role}, headers=_NOT_STORED)
        cookie = self._sessions.begin(user.name, user.password, address)
        set_cookie(answer, request, SESSION_COOKIE, cookie, None)
        set_cookie(answer, request, DEVICE_COOKIE, mark, DEVICE_KNOWN_S)
        return answer

    async def log_out(self, request: web.Request) -> web.Response:
        """End the session of this browser, its streams too."""
        session = self._visitors.session_of(request)
        if session is not None:
            self._sessions.end(session, "logged out")
        answer = web.Response(status=204, headers=_NOT_STORED)
        set_cookie(answer, request, SESSION_COOKIE, "", 0)
        return answer

    async def who(self, request: web.Request) -> web.Response:
        """`name`, `role`, and whether there is a session to log out of."""
        visitor = self._visitors.of(request)
        if not isinstance(visitor, Visitor):
            return refusal(401, "log in first")
        told = {"name": visitor.name, "role": visitor.role, "session": visitor.session is not None}
        return web.json_response(told, headers=_NOT_STORED)


def refusal(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    """One line of plain text."""
    return web.Response(status=status, text=f"{text}\n", headers={**_NOT_STORED, **(headers or {})})


async def _credentials(request: web.Request) -> tuple[str, str]:
    """Name and password of a login.

    Raises:
        web.HTTPException: it is none, too large, or does not come.
    """
    if request.content_type != "application/json" or "Content-Encoding" in request.headers:
        # A form of another site can send neither this type nor, without our leave, anything but a form.
        raise web.HTTPUnsupportedMediaType(text="expected application/json\n", headers=_NOT_STORED)
    body = await _body(request)
    with contextlib.suppress(ValueError, UnicodeError):
        asked = json_from_text(body)
        if isinstance(asked, dict):
            name, password = asked.get("name"), asked.get("password")
            if isinstance(name, str) and isinstance(password, str):
                return name, password
    raise web.HTTPBadRequest(text='expected {"name": "...", "password": "..."}\n', headers=_NOT_STORED)


async def _body(request: web.Request) -> bytes:
    """The body, whose length is known: the gate takes none without."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        text = f"expected at most {MAX_BODY_BYTES} bytes\n"
        headers = {**_NOT_STORED, "Connection": "close"}
        raise web.HTTPRequestEntityTooLarge(MAX_BODY_BYTES, text=text, headers=headers)
    try:
        return await asyncio.wait_for(request.read(), BODY_WITHIN_S)
    except asyncio.TimeoutError:
        raise web.HTTPRequestTimeout(headers={"Connection": "close"}) from None
