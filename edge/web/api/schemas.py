"""JSON schemas that more than one operation uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edge.web.api.operation import Schema

TEXT: Schema = {"type": "string"}
TRUTH: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
ANYTHING: Schema = {"type": "object"}
STATES = ("live", "degraded", "stale", "no-signal", "starting")
VIEW_OF_UNIT: Schema = {
    "type": "object",
    "properties": {"frozen": TRUTH, "view": {"enum": ["enhanced", "raw"]}, "strength": SHARE},
    "required": ["frozen", "view", "strength"],
    "additionalProperties": False,
}
"""What everybody is shown: `state` on `/events`."""


def record(properties: Mapping[str, Any], *, optional: Iterable[str] = ()) -> Schema:
    """An object of these and no others, all there but the optional ones."""
    left = set(optional)
    required = [name for name in properties if name not in left]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def array(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}
