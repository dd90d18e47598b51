"""Tokens for programs: made once, shown once, stored as a hash, and refused in an address."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta, timezone
from urllib.parse import unquote

from edge.access.people import Token
from edge.access.rights import Role

MARK = "edgetoken_"
"""How each begins, so that people and scanners know one when they see it."""
_IN_ADDRESS = re.compile(rf"{MARK}[\w-]{{8,}}|[?&;](?:access_?)?token=|[?&;](?:password|api_?key|authorization)=", re.I)
_CLOCK_SLACK = timedelta(minutes=5)


def new_token(name: str, role: Role, days: int, now: datetime) -> tuple[str, Token]:
    """A token, and what is stored of it."""
    text = MARK + secrets.token_urlsafe(32)
    made, until = (moment.isoformat(timespec="seconds") for moment in (now, now + timedelta(days=days)))
    return text, Token(name, role, sha256_of(text), made, until)


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def why_not(token: Token, now: datetime | None = None) -> str:
    """Why it does not count now; empty where it does.

    Its end is a day of the calendar, so it needs a clock that is right: one that stands before the token was made is
    wrong, and then nobody can say whether the token has ended. It is refused until the clock is set.
    """
    now = now or datetime.now(timezone.utc)
    if now < datetime.fromisoformat(token.made) - _CLOCK_SLACK:
        return f"the unit's clock says {now:%Y-%m-%d}, before the token was made; set the clock"
    if now >= datetime.fromisoformat(token.until):
        return f"it ended on {token.until[:10]}"
    return ""


def left_of_token_s(token: Token, now: datetime | None = None) -> float:
    """Until it ends, in seconds."""
    now = now or datetime.now(timezone.utc)
    return max(0.0, (datetime.fromisoformat(token.until) - now).total_seconds())


def is_in_address(path_and_query: str) -> bool:
    """Whether an address holds a token or a password: it would stay in histories and in logs of proxies."""
    return bool(_IN_ADDRESS.search(path_and_query) or _IN_ADDRESS.search(unquote(path_and_query)))
