"""What the streams of the live picture are, for those who read them; their handlers: `edge/web/streams/routes.py`."""

from __future__ import annotations

from collections.abc import Mapping

from edge.web.api.operation import Answer, Operation, Parameter
from edge.web.api.schemas import SHARE
from edge.web.gate import Handler
from edge.web.views import VIEW_NAMES

_PLACE = Parameter(
    "place",
    {"type": "string", "maxLength": 64, "pattern": "^[0-9A-Za-z-]*$"},
    "a word that a page makes up, to have its place again when it opens another stream",
)
_VIEW = Parameter(
    "view",
    {"type": "string", "enum": list(VIEW_NAMES)},
    "`pair`: both pictures whole; `split`: raw left of `at`; enhanced by default",
)
_AT = Parameter("at", SHARE, "divider of `split`, a share of the width; 0.5 by default")
_WIDTH = Parameter(
    "width", {"type": "integer", "minimum": 1}, "at least so wide, in pixels, as sizes go; 1920 by default"
)
_FPS = Parameter("fps", {"type": "number", "minimum": 0.1, "maximum": 240}, "at most so many a second; else every one")

_OFF = Answer("switched off by `[web] transports`")


def streams(gets: Mapping[str, Handler]) -> tuple[Operation, ...]:
    """The operations of the streams that are on.

    Args:
        gets: path -> handler.
    """
    return tuple(_DESCRIBED[path](handler) for path, handler in gets.items())


def _motion_jpeg(handler: Handler) -> Operation:
    pictures = Answer("pictures without an end, each with its number, age and state", "multipart/x-mixed-replace")
    summary = "The live picture as Motion JPEG."
    return Operation(
        "GET", "/stream.mjpg", handler, summary, {200: pictures, 404: _OFF}, (_VIEW, _AT, _WIDTH, _FPS, _PLACE)
    )


def _web_socket(handler: Handler) -> Operation:
    answers = {
        101: Answer("a WebSocket: the viewer asks for each picture when it has drawn the last", ""),
        426: Answer("no handshake of a WebSocket"),
        404: _OFF,
    }
    return Operation("GET", "/stream.ws", handler, "The live picture over a WebSocket.", answers)


_DESCRIBED = {"/stream.mjpg": _motion_jpeg, "/stream.ws": _web_socket}
