"""The door of the page: every request comes by here, and goes on only where the table of rights lets it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from edge.access.attempts import Attempts
from edge.access.audit import AuditLog
from edge.access.listening import addresses_of
from edge.access.login import Login, refusal
from edge.access.lookers import Lookers
from edge.access.opening import Opening
from edge.access.rights import ANYWHERE_ELSE, ENDLESS, LOOKS, SAVED, least_role, may
from edge.access.sessions import Session, Sessions, kept_sessions_path
from edge.access.tokens import is_in_address, left_of_token_s
from edge.access.visitors import ASKED, VISITOR, Register, Stranger, Visitor, Visitors, address_of
from edge.config import WebConfig

log = logging.getLogger(__name__)

TICK_S = 1.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Door:
    """Who may come in, where, and what they do is recorded.

    Args:
        config: `[web]`.
        audit: where it is recorded.

    Raises:
        ConfigError: the users file or the certificate cannot be taken, or the page would be open to everybody.
    """

    def __init__(self, config: WebConfig, audit: AuditLog | None = None) -> None:
        self._audit = audit or AuditLog(None)
        self._register = Register(Path(config.users) if config.users else None)
        self.opening = Opening(config, addresses_of(config.listen), has_users=self._register.people is not None)
        limits_s = config.idle_minutes * 60.0, config.session_hours * 3600.0
        self._sessions = Sessions(*limits_s, self._on_ended, kept=kept_sessions_path())
        self._visitors = Visitors(self._register, self._sessions, lambda: self.opening.control_path)
        self._login = Login(self._register, self._sessions, self._visitors, Attempts(), self._audit)
        self._lookers = Lookers(self._audit)
        self._endless: dict[asyncio.Future[Any], Visitor] = {}
        self._ending: set[asyncio.Future[Any]] = set()

    def record(self) -> dict[str, Any]:
        """What `/health` tells: whether there are users and TLS, and what people must be told."""
        trouble = [self._register.trouble] if self._register.trouble else []
        return {**self.opening.record(), "notices": [*self.opening.notices(), *trouble]}

    def reload(self) -> None:
        """Serve the certificate that is there now; one that cannot be taken is told, and the one before stays."""
        self.opening.take_certificate()
        self._audit.record("configuration-reloaded", "the unit")

    @property
    def is_insecure(self) -> bool:
        """Whether others on the network can reach the page without a user, or without TLS."""
        return self.opening.is_insecure

    def audit_counts(self) -> dict[str, int]:
        """See `AuditLog.counts`."""
        return self._audit.counts()

    def left_s(self, visitor: Visitor) -> float | None:
        """How long what they came in with still counts while they use it; None for no end."""
        if visitor.session is not None:
            return self._sessions.left_s(visitor.session)
        return None if visitor.token is None else left_of_token_s(visitor.token)

    @property
    def gets(self) -> dict[str, Handler]:
        """Path -> handler, for GET."""
        return {"/api/who": self._login.who}

    @property
    def posts(self) -> dict[str, Handler]:
        """Path -> handler, for POST."""
        return {"/api/login": self._login.log_in, "/api/logout": self._login.log_out}

    @property
    def middleware(self) -> Any:
        """Goes in front of all others."""

        @web.middleware
        async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._admit(request, handler)

        return admit

    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if is_in_address(request.raw_path):
            self._audit.record("secret-in-address", "unknown", address=address_of(request), seldom="all")
            return refusal(
                400,
                "a token or password in an address is refused, since addresses are kept in histories and logs: "
                "make another one, and send it as Authorization: Bearer",
            )
        visitor, route = self._visitors.of(request), _route_of(request)
        least = least_role(request.method, route)
        role = visitor.role if isinstance(visitor, Visitor) else None
        if not may(role, least):
            return self._turned_away(request, visitor, route, least or "nobody")
        if isinstance(visitor, Stranger):
            return await handler(request)
        request[VISITOR] = visitor
        if route in ENDLESS and request.method == "GET":
            return await self._until_ended(request, handler, visitor, route)
        answer = await handler(request)
        if least in ("operator", "admin") and request.method != "GET" and answer.status < 400:
            asked = request.get(ASKED, request.query.get("value", ""))
            details = {"role": visitor.role, "address": visitor.address, "value": asked}
            self._audit.record(f"asked-{_words(request.method, route)}", visitor.name, **details)
        return answer

    def attend(self, watching: asyncio.Future[None], visitor: Visitor) -> None:
        """What somebody watches beside this server's answers: recorded, and cancelled when the right to it ends."""
        self._endless[watching] = visitor
        self._lookers.begin(visitor)
        watching.add_done_callback(lambda _: self._gone(watching, visitor))

    def _gone(self, watching: asyncio.Future[None], visitor: Visitor) -> None:
        self._endless.pop(watching, None)
        self._ending.discard(watching)
        self._lookers.end(visitor)

    def visitor_of_token(self, text: str, address: str) -> Visitor | Stranger:
        """Who comes with a token otherwise than by HTTP."""
        return self._visitors.of_token(text, address)

    def _turned_away(self, request: web.Request, visitor: Visitor | Stranger, route: str, least: str) -> web.Response:
        if isinstance(visitor, Visitor):
            details = {"role": visitor.role, "address": visitor.address, "route": f"{request.method} {route}"}
            self._audit.record("refused", visitor.name, seldom=f"{visitor.name} {route}", **details)
            return refusal(403, f"{visitor.name} is {visitor.role}: this takes {least}")
        if visitor.why:
            self._audit.record("token-refused", "unknown", why=visitor.why, address=visitor.address, seldom=visitor.why)
        elif route == "/" and request.method in ("GET", "HEAD") and "Authorization" not in request.headers:
            return web.Response(status=303, headers={"Location": "login", "Cache-Control": "no-store"})
        headers = {"WWW-Authenticate": 'Bearer realm="edge-enhance"'}
        return refusal(401, visitor.why or "log in first: the page does at /login, a program with a token", headers)

    async def _until_ended(
        self, request: web.Request, handler: Handler, visitor: Visitor, route: str
    ) -> web.StreamResponse:
        """An answer without an end, until the right to it ends."""
        answer: asyncio.Future[web.StreamResponse] = asyncio.ensure_future(handler(request))
        self._endless[answer] = visitor
        is_look = route in LOOKS
        if is_look:
            self._lookers.begin(visitor)
        if route == SAVED:
            name = request.match_info["name"][:200]
            details = {"role": visitor.role, "address": visitor.address, "name": name}
            self._audit.record("looked-at-saved", visitor.name, seldom=f"{visitor.name} {name}", **details)
        try:
            return await answer
        except asyncio.CancelledError:
            if answer in self._endless:
                raise  # the server closes, or the viewer left
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("logged out") from None
        finally:
            self._endless.pop(answer, None)
            self._ending.discard(answer)
            if is_look:
                self._lookers.end(visitor)

    def _cut_ended(self) -> None:
        for answer in tuple(self._ending):
            answer.cancel()  # again: Python before 3.12 can lose a cancellation in asyncio.wait_for
        for answer, visitor in list(self._endless.items()):
            if not self._visitors.still_may(visitor):
                del self._endless[answer]
                self._ending.add(answer)
                answer.cancel()
            elif visitor.session is not None:
                self._sessions.use(visitor.session)

    def _on_ended(self, session: Session, why: str) -> None:
        self._audit.record("session-ended", session.name, address=session.address, why=why)
        with contextlib.suppress(RuntimeError):  # no loop runs any more
            asyncio.get_running_loop().call_soon(self._cut_ended)

    async def run(self, app: web.Application) -> AsyncIterator[None]:
        """For `cleanup_ctx`: looks each second who has no right any more."""
        ticking = asyncio.ensure_future(self._tick_until_cancelled())
        yield
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking
        self._lookers.close()
        self._login.close()

    async def _tick_until_cancelled(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                self._register.refresh()
                self._cut_ended()  # counts what is open as use, before the idle are looked for
                self._sessions.sweep(self._register.password_of)
                await asyncio.get_running_loop().run_in_executor(None, self.opening.tick)
            except Exception as error:  # noqa: BLE001 - the top of a task that must not end: nobody would be logged out
                log.error("access: %s: %s", type(error).__name__, error)


def _route_of(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return ANYWHERE_ELSE if resource is None else resource.canonical


def _words(method: str, route: str) -> str:
    """What the audit log calls it: `save` for `POST /api/save`, `delete-saved` for `DELETE /api/saved/{name}`."""
    fixed = [part for part in route.removeprefix("/api").split("/") if part and not part.startswith("{")]
    return "-".join([*(["delete"] if method == "DELETE" else []), *fixed])
