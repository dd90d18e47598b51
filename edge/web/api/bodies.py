"""JSON bodies, as operations take them: small, whole, and of the type that a form of another site cannot send."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from edge.basics.errors import UsageError
from edge.basics.texts import json_from_text
from edge.web.limits import MAX_BODY_BYTES

_WITHIN_S = 10.0


async def object_of(request: web.Request, known: tuple[str, ...], *, needed: bool = True) -> dict[str, Any]:
    """The object that a body is.

    Args:
        known: its keys; another is refused.
        needed: else no body at all counts as an empty object.

    Raises:
        UsageError: it is none, or has other keys.
        web.HTTPException: its type is another, or it does not come.
    """
    if not request.content_length and not needed:
        return {}
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="expected application/json\n")
    try:
        body = await asyncio.wait_for(request.content.read(MAX_BODY_BYTES + 1), _WITHIN_S)
        while len(body) <= MAX_BODY_BYTES and not request.content.at_eof():
            body += await asyncio.wait_for(request.content.read(MAX_BODY_BYTES + 1), _WITHIN_S)
    except asyncio.TimeoutError:
        raise web.HTTPRequestTimeout(text="the body did not come\n", headers={"Connection": "close"}) from None
    try:
        found = json_from_text(body)
    except ValueError:
        raise UsageError("body: expected JSON") from None
    if not isinstance(found, dict) or not {*found} <= {*known}:
        raise UsageError(f"body: expected an object of {', '.join(known)}")
    return found
