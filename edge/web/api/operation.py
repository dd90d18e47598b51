"""One operation of the API: how it is called, what it answers, and the function that does so.

Nothing is served without one: an operation that is not described whole cannot be made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from edge.web.api.requests import json_of, refuse_unknown
from edge.web.gate import Handler

Method = Literal["GET", "POST", "PUT", "DELETE"]
Schema = Mapping[str, Any]
"""A JSON schema, as OpenAPI 3.1 has them."""
JSON = "application/json"
_IN_BRACES = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A word of the address's path or query.

    Attributes:
        where: `path`: a part of the address in braces; `query`: behind its question mark.
    """

    name: str
    schema: Schema
    explanation: str
    where: Literal["query", "path"] = "query"
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back under one status.

    Attributes:
        kind: media type of the body; empty where there is none.
        also_kinds: others that a client may ask for.
        schema: of the body, where it is JSON.
        headers: name -> what it says, of those that always come with it.
    """

    explanation: str
    kind: str = "text/plain"
    schema: Schema | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    also_kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a path. The least role that may is in `edge.access.rights`, and nowhere else.

    Attributes:
        path: with `{name}` for each parameter of the path.
        summary: one sentence.
        body: schema of the JSON body, an object of these and no others; None for an operation that takes none.
        answers: status -> answer; those of the gate and the door (400, 401, 403, 503 and so on) only where it gives
            them for a reason of its own.
        body_kind: media type of the body where it is not JSON.

    Raises:
        ValueError: something is not described.
    """

    method: Method
    path: str
    handler: Handler
    summary: str
    answers: Mapping[int, Answer]
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = field(default=None)
    body_kind: str = JSON

    def __post_init__(self) -> None:
        named = [one.name for one in self.parameters if one.where == "path"]
        told = [self.summary, *(one.explanation for one in self.parameters)]
        told += [one.explanation for one in self.answers.values()]
        if not all(told) or not self.summary.endswith("."):
            raise ValueError(f"{self.method} {self.path}: expected a sentence, and a few words for each part of it")
        if sorted(named) != sorted(_IN_BRACES.findall(self.path)):
            raise ValueError(f"{self.method} {self.path}: expected a Parameter for each name in braces, has {named}")
        if not any(status < 400 for status in self.answers):
            raise ValueError(f"{self.method} {self.path}: expected what it answers where all is well")
        if any(one.kind == JSON and one.schema is None for one in self.answers.values()):
            raise ValueError(f"{self.method} {self.path}: expected the schema of a JSON answer")
        if self.is_json and (self.body or {}).get("additionalProperties") is not False:
            raise ValueError(f"{self.method} {self.path}: expected a body of these properties and no others")

    @property
    def is_json(self) -> bool:
        """Whether it takes a JSON body."""
        return self.body is not None and self.body_kind == JSON

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The handler's answer, where all that comes with the request is described.

        Raises:
            UsageError: the query, or the JSON body, has a name that is not; with the nearest that is.
        """
        refuse_unknown(request.query, [one.name for one in self.parameters if one.where == "query"], "query")
        if self.is_json and request.can_read_body and request.content_type == JSON:
            _refuse_undescribed(await json_of(request), self.body or {}, "body")
        return await self.handler(request)


def _refuse_undescribed(value: Any, schema: Schema, where: str) -> None:
    properties = schema.get("properties")
    if not isinstance(value, dict) or not isinstance(properties, Mapping):
        return
    if schema.get("additionalProperties") is False:
        refuse_unknown(value, properties, where)
    for name, one in value.items():
        _refuse_undescribed(one, properties.get(name, {}), f"{where}, in {name}")
