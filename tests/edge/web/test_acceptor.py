"""A crowd at the door holds no more than it may."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web

from edge.web import acceptor as acceptor_module
from edge.web.acceptor import Acceptor
from edge.web.gate import note
from edge.web.limits import Limits

MAY = Limits().within(32)
NUM_REFUSED = 40


def num_open() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_those_that_are_refused_hold_few_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor_module, "_LEAVE_AFTER_S", 1000.0)
    asyncio.run(come_and_be_counted())


async def come_and_be_counted() -> None:
    inside = asyncio.Semaphore(0)

    async def kept(request: web.BaseRequest) -> web.StreamResponse:
        note(cast("web.Request", request), "busy")
        inside.release()
        await asyncio.Event().wait()
        raise AssertionError

    server = web.Server(kept)
    acceptor = Acceptor(server, MAY, lambda: False)
    listener = socket.create_server(("127.0.0.1", 0), backlog=NUM_REFUSED)
    acceptor.open(listener)
    crowd = [socket.create_connection(listener.getsockname()) for _ in range(MAY.connections_of_one)]
    for one in crowd:
        one.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        await inside.acquire()
    crowd += [socket.create_connection(listener.getsockname()) for _ in range(NUM_REFUSED)]
    before = num_open()
    for one in crowd[MAY.connections_of_one :]:
        one.setblocking(False)
        assert (await asyncio.get_running_loop().sock_recv(one, 64)).startswith(b"HTTP/1.1 503")
    assert num_open() - before <= MAY.leaving
    acceptor.close()
    await server.shutdown(0.1)
    for one in crowd:
        one.close()
