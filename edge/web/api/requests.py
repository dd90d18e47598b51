"""What comes with a request, read and refused in one line."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Iterable
from typing import Any

from aiohttp import web

from edge.basics.errors import UsageError
from edge.basics.texts import json_from_text
from firmware_bridge.command_line import hint

BODY_WITHIN_S = 10.0


async def whole_body(request: web.Request) -> bytes:
    """The body, whose size the gate has bounded, however many pieces it comes in.

    Raises:
        web.HTTPException: it does not come.
    """
    try:
        return await asyncio.wait_for(request.read(), BODY_WITHIN_S)
    except asyncio.TimeoutError:
        raise web.HTTPRequestTimeout(text="the body does not come\n", headers={"Connection": "close"}) from None


async def json_body(request: web.Request) -> dict[str, Any]:
    """The object in the body, whose size the gate has bounded.

    Raises:
        UsageError: it is no JSON object.
        web.HTTPException: it is of another type, or does not come.
    """
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="expected application/json\n")
    found = await json_of(request)
    if not isinstance(found, dict):
        raise UsageError(f"expected a JSON object, not {type(found).__name__}")
    return found


async def json_of(request: web.Request) -> Any:
    """What the body says.

    Raises:
        UsageError: it is no JSON.
        web.HTTPException: it does not come.
    """
    try:
        return json_from_text(await whole_body(request))
    except ValueError as error:
        raise UsageError(f"expected JSON: {error}") from error


def refuse_unknown(given: Iterable[str], known: Collection[str], where: str) -> None:
    """Raises UsageError for a name that is not known: with the nearest that is, or all."""
    for name in given:
        if name not in known:
            told = hint(name, known) or f"; expected {', '.join(known) or 'none'}"
            raise UsageError(f"{where}: no {name[:40]!r}{told}")


def number_of(body: dict[str, Any], name: str) -> float:
    """A finite number of a body.

    Raises:
        UsageError: it is none.
    """
    value = body.get(name)
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, (int, float)) else float(value)
    except OverflowError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"{name}: expected a number")
    return number
