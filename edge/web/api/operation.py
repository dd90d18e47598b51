"""One operation of the API: how it is called, what it answers, and the function that does so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from edge.web.gate import Handler

Method = Literal["GET", "POST", "PUT", "DELETE"]
Schema = Mapping[str, Any]
"""A JSON schema, as OpenAPI 3.1 has them."""


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
        kind: media type of the body.
        schema: of the body, where it is JSON.
    """

    explanation: str
    kind: str = "text/plain"
    schema: Schema | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a path. The least role that may is in `edge.access.rights`, and nowhere else.

    Attributes:
        path: with `{name}` for each parameter of the path.
        summary: one sentence.
        body: schema of the JSON body; None for an operation that takes none.
        answers: status -> answer, those of the gate and the door (400, 401, 403, 503 and so on) left out.
    """

    method: Method
    path: str
    handler: Handler
    summary: str
    answers: Mapping[int, Answer]
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = field(default=None)
