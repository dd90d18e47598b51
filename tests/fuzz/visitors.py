"""Who asks: one of each role by each way in, over a connection that is kept, from an address of its own."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPException
from typing import get_args
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

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


class Line:
    """A visitor's connection: several may be asked before the first one's answer is taken."""

    def __init__(self, url: str, visitor: str) -> None:
        split, source = urlsplit(url), (address_of(VISITORS.index(visitor)), 0)
        self._connection = HTTPConnection(str(split.hostname), split.port, timeout=WITHIN_S, source_address=source)
        self._adapter = HTTPAdapter()

    def ask(self, request: requests.PreparedRequest) -> None:
        """Over a new connection where the unit has given up the one that was kept."""
        self._request = request
        if not self._connection.is_connected:
            self._connection.close()
        try:
            self._send()
        except OSError:
            self._send_anew()

    def answer(self) -> requests.Response:
        """Its head; the body is to be read before more is asked, or the line closed."""
        try:
            raw = self._connection.getresponse()
        except (OSError, HTTPException):
            self._send_anew()
            raw = self._connection.getresponse()
        return self._adapter.build_response(self._request, raw)

    def close(self) -> None:
        self._connection.close()

    def _send_anew(self) -> None:
        self.close()
        self._send()

    def _send(self) -> None:
        one = self._request
        assert one.method is not None and not isinstance(one.body, Iterator)
        headers = {str(name): str(value) for name, value in one.headers.items()}
        self._connection.request(one.method, one.path_url, one.body, headers, preload_content=False)
