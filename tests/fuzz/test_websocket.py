"""What a viewer says over its WebSocket: any messages get pictures or a close with its code, and no log line."""

from __future__ import annotations

import contextlib
import json
import logging
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from tests.doubles.studio import Studio
from tests.doubles.ws_viewer import BINARY, CLOSE, PING, PONG, TEXT, Closed, Refused, WsViewer
from tests.fuzz.harness import chance, fuzz
from tests.fuzz.mutations import damaged_bytes, damaged_tree, json_bytes, noise

PATIENCE_S = 2.0
CODES = (0, 1000, 1002, 1003, 1007, 1008, 1009)
GOOD: tuple[dict[str, Any], ...] = (
    {"want": "pair", "width": 1280, "place": "5f0c"},
    {"want": "enhanced", "width": 480},
    {"want": "raw"},
    {"next": 17},
    {"next": None},
)
CLOSES = (b"", b"\x03\xe8", b"\x03\xe8bye", b"\x00\x00", b"\x03", b"\xff\xff" + b"x" * 123, b"\x03\xe8\xff")


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    studio = Studio()
    studio.roll()
    yield studio
    studio.close()


class Loud(logging.Handler):
    """Keeps whatever is said."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not record.getMessage().startswith("source"):
            self.heard.append(f"{record.name}: {record.getMessage()} {record.exc_info}")


@pytest.fixture(scope="module")
def loud() -> Iterator[Loud]:
    handler = Loud()
    logging.getLogger("edge.web").addHandler(handler)
    yield handler
    logging.getLogger("edge.web").removeHandler(handler)


def message(draw: Random) -> tuple[int, bytes]:
    """Opcode and content, as a viewer means them or damaged."""
    good = draw.choice(GOOD)
    content = json.dumps(good).encode() if chance(draw, 0.4) else json_bytes(damaged_tree(good, draw), draw)
    if chance(draw, 0.15):
        content = damaged_bytes(content, draw, 3)
    if chance(draw, 0.05):
        content = noise(draw, 3000)
    kind = TEXT if chance(draw, 0.85) else draw.choice((BINARY, CLOSE, PING, PONG, 0, 3, 11))
    return kind, draw.choice(CLOSES) if kind == CLOSE else content


def said(viewer: WsViewer, draw: Random) -> None:
    """Say a few things, in whole frames, in pieces, or cut."""
    for _ in range(draw.choice((1, 1, 2, 3, 8))):
        kind, content = message(draw)
        if chance(draw, 0.08) and len(content) > 1:
            cut = draw.randrange(1, len(content))
            viewer.send(kind, content[:cut], is_last=False)
            viewer.send(0 if chance(draw, 0.8) else kind, content[cut:])
        elif chance(draw, 0.05):
            viewer.socket.sendall(damaged_bytes(bytes((0x80 | kind, 0x80)) + bytes(4) + content[:100], draw, 3))
        else:
            viewer.send(kind, content)


@fuzz("WebSocket", 20_000)
def test_messages(draw: Random, outcomes: Counter[str], studio: Studio, loud: Loud) -> None:
    viewer = WsViewer(studio.url)
    viewer.socket.settimeout(PATIENCE_S)
    try:
        with contextlib.suppress(ConnectionError):
            said(viewer, draw)
            viewer.send(CLOSE, b"\x03\xe8")
        for _ in range(50):
            viewer.read()
            outcomes["picture"] += 1
        raise AssertionError("it goes on without being asked")
    except Closed as closed:
        assert closed.code in CODES, str(closed)
        outcomes[f"closed {closed.code}"] += 1
    except TimeoutError:
        outcomes["waits for the rest of a message"] += 1
    finally:
        viewer.close()
    assert not loud.heard, loud.heard


@fuzz("WebSocket", 20)
def test_the_server_lives_on(draw: Random, outcomes: Counter[str], studio: Studio) -> None:
    with contextlib.suppress(Refused):
        viewer = WsViewer(studio.url)
        try:
            assert viewer.want("raw").until(lambda one: one.state == "live")
        finally:
            viewer.close()
