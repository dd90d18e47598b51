"""What each role may: every route with the least role that it takes, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Role = Literal["viewer", "operator", "admin"]
Least = Literal["anyone", "viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")
"""Each may what those before it may."""
ANYWHERE_ELSE = "/{other}"
"""The route that answers every other address."""

RIGHTS: Mapping[tuple[str, str], Least] = {
    # what logging in needs
    ("GET", "/login"): "anyone",
    ("GET", "/login.css"): "anyone",
    ("GET", "/login.js"): "anyone",
    ("GET", "/style.css"): "anyone",
    ("POST", "/api/login"): "anyone",
    # looking
    ("GET", "/"): "viewer",
    ("GET", "/app.js"): "viewer",
    ("GET", "/stream.js"): "viewer",
    ("GET", "/account.js"): "viewer",
    ("GET", "/webrtc.js"): "viewer",
    ("GET", "/stream.mjpg"): "viewer",
    ("GET", "/snapshot.png"): "viewer",
    ("GET", "/health"): "viewer",
    ("GET", "/events"): "viewer",
    ("GET", "/guidance"): "viewer",
    ("GET", "/calib.js"): "viewer",
    ("GET", "/calib.css"): "viewer",
    ("GET", "/api/who"): "viewer",
    ("GET", "/api/state"): "viewer",
    ("GET", "/api/light"): "viewer",
    ("GET", "/api/camera-controls"): "viewer",
    ("GET", "/metrics"): "viewer",
    ("GET", "/openapi.json"): "viewer",
    ("POST", "/api/webrtc"): "viewer",
    ("GET", "/api/webrtc/{id}"): "viewer",
    ("DELETE", "/api/webrtc/{id}"): "viewer",
    ("POST", "/api/logout"): "viewer",
    ("*", ANYWHERE_ELSE): "viewer",
    # keeping pictures, and changing what everybody sees
    ("POST", "/api/freeze"): "operator",
    ("POST", "/api/live"): "operator",
    ("POST", "/api/save"): "operator",
    ("POST", "/api/strength"): "operator",
    ("POST", "/api/profile"): "operator",
    ("POST", "/api/light"): "operator",
    ("POST", "/api/camera-controls"): "operator",
}
"""(method, route) -> least role. HEAD goes with GET. What has no row nobody may."""

ENDLESS = frozenset({"/stream.mjpg", "/events"})
"""Routes whose answers go on until the viewer leaves: they are cut when the right to them ends."""


def least_role(method: str, route: str) -> Least | None:
    """What a request takes; None where nobody may."""
    if route == ANYWHERE_ELSE:
        method = "*"
    return RIGHTS.get(("GET" if method == "HEAD" else method, route))


def may(role: Role | None, least: Least | None) -> bool:
    """Whether somebody of this role, or of none, may do what takes at least that one."""
    if least is None or least == "anyone":
        return least is not None
    return role is not None and ROLES.index(role) >= ROLES.index(least)
