"""What every answer says to the browser that gets it, an error too: nobody else's page may have it."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

SERVER_NAME = "edge-enhance"
HARDENING: Mapping[str, str] = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}
PAGE_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
"""No script and no style but the unit's own files, and nothing that leads away from it."""
PAGE_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": PAGE_POLICY,
}


def harden(response: web.StreamResponse) -> None:
    """Lay the headers that every answer has over it."""
    response.headers.update(HARDENING)
    response.headers["Server"] = SERVER_NAME
    response.headers.setdefault("Cache-Control", "no-store")


async def harden_before_sending(request: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`."""
    harden(response)


def refused(status: int, text: str, retry_s: int = 0) -> web.Response:
    """A line that says why not.

    Args:
        retry_s: when it may be worth another try; 0 for never.
    """
    response = web.Response(status=status, text=f"{text}\n")
    if retry_s:
        response.headers["Retry-After"] = str(retry_s)
    return response


def endless_headers(content_type: str) -> dict[str, str]:
    """Of an answer without an end. nginx else keeps it back until its buffers are full: seconds of old pictures."""
    return {
        "Content-Type": content_type,
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",
    }
