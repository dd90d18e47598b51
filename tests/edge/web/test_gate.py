"""The turn of each address, over a real server."""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from urllib.parse import urlsplit

import pytest

from edge.config import WebConfig
from edge.health.news import Board
from edge.health.record import Health
from edge.saving.freeze import Freeze
from edge.web.limits import Limits
from edge.web.server import WebSink
from tests.doubles.http_viewer import GUARD_S, health_of
from tests.doubles.studio import Shelf


@pytest.mark.slow
@pytest.mark.parametrize("num_connections", [1, 40])
def test_one_connection_after_the_other_waits_and_a_crowd_is_refused(num_connections: int) -> None:
    """With two a second, 400 requests: each connection asks for one after the other, all in one piece."""
    board = Board()
    health = Health(board)
    limits = Limits(requests=2.0, ease=1.0)
    sink = WebSink(WebConfig("127.0.0.1:0"), health, board, Freeze(health, board, Shelf()), limits=limits)
    sink.start()
    address = urlsplit(sink.url)
    found: Counter[int] = Counter()
    with contextlib.closing(sink), contextlib.ExitStack() as stack:
        connections = []
        for _ in range(num_connections):
            connection = stack.enter_context(socket.socket())
            connection.settimeout(GUARD_S)
            connection.bind(("127.0.0.2", 0))
            connection.connect((address.hostname, address.port))
            connections.append(connection)
        for connection in connections:
            connection.sendall(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n" * (6 if num_connections == 1 else 1))
        for connection in connections:
            seen = b""
            while seen.count(b"HTTP/1.1 ") < (6 if num_connections == 1 else 1):
                more = connection.recv(1 << 16)
                if not more:
                    break
                seen += more
            found.update(int(answer[:3]) for answer in seen.split(b"HTTP/1.1 ")[1:])
        assert health_of(sink.url)["state"] == "starting", "another address has its own turn"
    assert found[404] >= 6
    assert found[503] == (0 if num_connections == 1 else num_connections - found[404])
    assert num_connections == 1 or found[503] > 20
