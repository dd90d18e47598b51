"""What a part that has operations of its own finds in the web application (`request.app`)."""

from __future__ import annotations

from aiohttp import web

from edge.access.door import Door
from edge.web.audience import Audience
from edge.web.gate import Gate

AUDIENCE = web.AppKey("audience", Audience)
"""Its seats are for viewers of every kind of stream."""
DOOR = web.AppKey("door", Door)
GATE = web.AppKey("gate", Gate)
"""Knows where a request comes from, and which proxies stand before the unit."""
