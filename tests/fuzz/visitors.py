"""Who asks: one of each role by each way in, over a connection that is kept, from an address of its own."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import Any, get_args

import requests
from requests.adapters import HTTPAdapter

from edge.access.rights import ROLES, Role
from tests.fuzz.api_unit import Guarded
from tests.fuzz.raw_requests import address_of

VISITORS = ("anonymous", *(f"{role} by {way}" for role in ROLES for way in ("cookie", "token")))
"""The least role first: what may change nothing is asked before what may."""
WITHIN_S = 60.0


def role_of(visitor: str) -> Role | None:
    word = visitor.partition(" ")[0]
    return word if word in get_args(Role) else None  # type: ignore[return-value]


def shown_by(unit: Guarded, visitor: str) -> dict[str, str]:
    """Headers with what this visitor shows."""
    role = role_of(visitor)
    if role is None:
        return {}
    return unit.with_cookie(role) if visitor.endswith("cookie") else unit.with_token(role)


class _From(HTTPAdapter):
    def __init__(self, host: str) -> None:
        self._host = host
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, source_address=(self._host, 0))


class Line:
    """A visitor's connection."""

    def __init__(self, visitor: str) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.mount("http://", _From(address_of(VISITORS.index(visitor))))

    def ask(self, **request: Any) -> requests.Response:
        """Ask once; again over a new connection where the unit has given up the one that was kept."""
        try:
            return self._session.request(**request, timeout=WITHIN_S, allow_redirects=False)
        except requests.ConnectionError:
            self.close()
            return self._session.request(**request, timeout=WITHIN_S, allow_redirects=False)

    def close(self) -> None:
        self._session.close()
