"""What logging in and out is, for those who want to; `edge/access/login.py` has the handlers."""

from __future__ import annotations

from edge.access.door import Door
from edge.web.api.common import RETRY_AFTER
from edge.web.api.operation import Answer, Operation
from edge.web.api.schemas import TEXT, TRUTH, record

_ROLE = {"enum": ["viewer", "operator", "admin"]}
_CREDENTIALS = record({"name": TEXT, "password": {"type": "string", "format": "password"}})


def accounts(door: Door) -> tuple[Operation, ...]:
    """The operations."""
    welcome = Answer(
        "logged in; the session's cookie comes with it", "application/json", record({"name": TEXT, "role": _ROLE})
    )
    myself = Answer(
        "who asks; `session`: there is one to log out of",
        "application/json",
        record({"name": TEXT, "role": _ROLE, "session": TRUTH}),
    )
    gets, posts = door.gets, door.posts
    login = {
        200: welcome,
        401: Answer("name or password is wrong"),
        409: Answer("there are no users here: everybody may come in"),
        429: Answer("too many wrong passwords", headers=RETRY_AFTER),
    }
    log_in, log_out, who = posts["/api/login"], posts["/api/logout"], gets["/api/who"]
    return (
        Operation("POST", "/api/login", log_in, "Log in.", login, body=_CREDENTIALS),
        Operation("POST", "/api/logout", log_out, "Log out; streams end too.", {204: Answer("logged out", "")}),
        Operation("GET", "/api/who", who, "Who asks, and what they may.", {200: myself}),
    )
