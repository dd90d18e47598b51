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

PAGE_NAMES = (
    "about.js",
    "account.js",
    "app.js",
    "camera.css",
    "controls.js",
    "dom.js",
    "freezing.js",
    "gallery.js",
    "hands.js",
    "keys.js",
    "layout.js",
    "panels.js",
    "patient.js",
    "saving.js",
    "socket.js",
    "status.js",
    "stream.js",
    "transit.js",
    "transport.js",
    "unit.js",
    "viewer.js",
    "watchdog.js",
    "webrtc.js",
    "worklist.js",
)
"""Files of the page that shows the picture; `style.css` is the login page's too."""

RIGHTS: Mapping[tuple[str, str], Least] = {
    # what logging in needs
    ("GET", "/login"): "anyone",
    ("GET", "/login.css"): "anyone",
    ("GET", "/login.js"): "anyone",
    ("GET", "/style.css"): "anyone",
    ("POST", "/api/login"): "anyone",
    # looking
    ("GET", "/"): "viewer",
    **{("GET", f"/{name}"): "viewer" for name in PAGE_NAMES},
    ("GET", "/stream.mjpg"): "viewer",
    ("GET", "/stream.ws"): "viewer",
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
    ("GET", "/api/recording"): "viewer",
    ("POST", "/api/webrtc"): "viewer",
    ("GET", "/api/webrtc/{id}"): "viewer",
    ("DELETE", "/api/webrtc/{id}"): "viewer",
    ("POST", "/api/logout"): "viewer",
    ("GET", "/api/reference"): "viewer",
    ("GET", "/api/reference.png"): "viewer",
    ("GET", "/api/profiles/{name}/card"): "viewer",
    ("*", ANYWHERE_ELSE): "viewer",
    # keeping pictures, and changing what everybody sees
    ("POST", "/api/freeze"): "operator",
    ("POST", "/api/live"): "operator",
    ("POST", "/api/save"): "operator",
    ("POST", "/api/strength"): "operator",
    ("POST", "/api/reference"): "operator",
    ("DELETE", "/api/reference"): "operator",
    ("POST", "/api/reference/show"): "operator",
    ("POST", "/api/profile"): "operator",
    ("POST", "/api/recording/start"): "operator",
    ("POST", "/api/recording/stop"): "operator",
    ("POST", "/api/recording/keep"): "operator",
    # what was saved is of other patients too
    ("GET", "/api/saved"): "operator",
    ("GET", "/api/saved/{name}"): "operator",
    ("GET", "/api/saved/{name}/small.jpg"): "operator",
    ("GET", "/api/session"): "operator",
    ("GET", "/api/worklist"): "operator",
    ("DELETE", "/api/saved/{name}"): "operator",
    ("POST", "/api/session"): "operator",
    ("DELETE", "/api/session"): "operator",
    ("POST", "/api/light"): "operator",
    ("POST", "/api/camera-controls"): "operator",
}
"""(method, route) -> least role. HEAD goes with GET. What has no row nobody may."""

LOOKS = frozenset({"/stream.mjpg", "/stream.ws"})
"""Routes of the live picture: who looks, and how long, is recorded."""
SAVED = "/api/saved/{name}"
"""Who takes a saved picture or clip is recorded too, by its name."""
ENDLESS = LOOKS | {"/events", SAVED}
"""Routes whose answers go on until the viewer leaves, or for long: they are cut when the right to them ends."""


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
