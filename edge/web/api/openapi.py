"""`GET /openapi.json`: OpenAPI 3.1 of every operation and of the table of rights (spec.openapis.org/oas/v3.1.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from aiohttp import web

from edge.access.rights import Least, least_role
from edge.access.visitors import SESSION_COOKIE, cookie_name
from edge.web.api.common import answers_of_all
from edge.web.api.operation import Answer, Operation, Parameter
from edge.web.api.schemas import ANYTHING

ABOUT = (
    "A camera unit: its picture, its state, and what may be changed. Errors are one line of plain text. A browser "
    "shows the cookie that `POST /api/login` gave it, a program its token. `x-least-role` is the least role that may "
    "call an operation: viewer, operator or admin; on a unit without users everybody is admin. GET takes HEAD too; "
    "any other method of an address is answered 405, any other address 404, a name in query or body that is not "
    "described 400."
)


class OpenApi:
    """The handler.

    Args:
        operations: all others.
        program: version of this program.
    """

    def __init__(self, operations: Sequence[Operation], program: str) -> None:
        self._described = (*operations, *self.operations())
        self._program = program
        refuse_doubles(self._described)

    def operations(self) -> tuple[Operation, ...]:
        found = Answer("this description", "application/json", ANYTHING)
        return (Operation("GET", "/openapi.json", self.answer, "All operations, as OpenAPI 3.1.", {200: found}),)

    async def answer(self, request: web.Request) -> web.Response:
        cookie = cookie_name(request, SESSION_COOKIE)
        return web.json_response(document(self._described, self._program, cookie))


def document(operations: Sequence[Operation], program: str, cookie: str = SESSION_COOKIE) -> dict[str, Any]:
    """The description; its addresses are relative to its own, so that a proxy may move all of them.

    Args:
        cookie: name of the session's cookie, which depends on port and TLS.

    Raises:
        ValueError: an operation has no row in the table of rights.
    """
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _described(one)
    return {
        "openapi": "3.1.1",
        "info": {"title": "edge-enhance", "version": program, "description": ABOUT},
        "servers": [{"url": "./"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": cookie},
                "token": {"type": "http", "scheme": "bearer"},
            }
        },
    }


def refuse_doubles(operations: Sequence[Operation]) -> None:
    """Raises ValueError where two operations have one method and path."""
    named = [(one.method, one.path) for one in operations]
    for one in named:
        if named.count(one) > 1:
            raise ValueError(f"{one[0]} {one[1]}: there twice")


def _described(one: Operation) -> dict[str, Any]:
    least = least_role(one.method, one.path)
    if least is None:
        raise ValueError(f"{one.method} {one.path}: has no row in edge/access/rights.py")
    told: dict[str, Any] = {
        "operationId": _identity(one),
        "summary": one.summary,
        "x-least-role": least,
        "security": [] if least == "anyone" else [{"session": []}, {"token": []}],
        "parameters": [_parameter(parameter) for parameter in one.parameters],
        "responses": _answers(one, least),
    }
    if one.body is not None:
        told["requestBody"] = {"required": True, "content": {one.body_kind: {"schema": one.body}}}
    return told


def _answers(one: Operation, least: Least) -> dict[str, Any]:
    """By status; what an operation says of one that all give comes first."""
    common, own = answers_of_all(least, has_body=one.body is not None), dict(one.answers)
    merged: dict[int, Answer] = {**common, **own}
    for status in common.keys() & own.keys():
        headers = {**common[status].headers, **own[status].headers}
        explanation = f"{own[status].explanation}; or: {common[status].explanation}"
        merged[status] = replace(own[status], explanation=explanation, headers=headers)
    return {str(status): _answer(answer) for status, answer in sorted(merged.items())}


def _answer(answer: Answer) -> dict[str, Any]:
    told: dict[str, Any] = {"description": answer.explanation}
    if answer.kind:
        kinds = (answer.kind, *answer.also_kinds)
        told["content"] = {kind: _content(kind, answer) for kind in kinds}
    if answer.headers:
        told["headers"] = {name: _header(explanation) for name, explanation in answer.headers.items()}
    return told


def _content(kind: str, answer: Answer) -> dict[str, Any]:
    is_text = kind in ("application/json", "text/plain")
    return {"schema": answer.schema or {"type": "string"}} if is_text else {}


def _header(explanation: str) -> Mapping[str, Any]:
    return {"description": explanation, "required": True, "schema": {"type": "string"}}


def _parameter(one: Parameter) -> dict[str, Any]:
    return {
        "name": one.name,
        "in": one.where,
        "required": one.is_required or one.where == "path",
        "description": one.explanation,
        "schema": one.schema,
    }


def _identity(one: Operation) -> str:
    """Such as `post_api_recording_start`."""
    return "_".join([one.method.lower(), *re.findall(r"\w+", one.path)])
