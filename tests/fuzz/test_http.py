"""The HTTP API on a real server: any bytes get an answer below 500 or a closed connection, and the server lives on."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import strategies as st

from tests.doubles.studio import Studio
from tests.fuzz.harness import fuzz
from tests.fuzz.raw_requests import BUSY, Loud, answer_of, request


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    studio = Studio()
    studio.show()
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def loud() -> Iterator[Loud]:
    handler = Loud()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def answer(studio: Studio, content: bytes) -> tuple[int, bytes]:
    return answer_of(("127.0.0.1", int(studio.url.rstrip("/").rpartition(":")[2])), content)


def tried(studio: Studio, content: bytes, outcomes: Counter[str], loud: Loud) -> None:
    status, head = answer(studio, content)
    outcomes[f"{status // 100}xx" if status else "closed"] += 1
    assert status < 500 or status == BUSY, head[:500]
    assert b"Traceback" not in head
    assert not loud.heard, loud.heard
    outcomes["requests"] += 1
    if outcomes["requests"] % 100 == 0:
        is_alive = [answer(studio, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")[0] == 200 for _ in range(3)]
        assert any(is_alive)


@fuzz("HTTP", 95_000)
def test_requests(draw: Random, outcomes: Counter[str], studio: Studio, loud: Loud) -> None:
    tried(studio, request(draw), outcomes, loud)


@fuzz("HTTP", 5_000, st.binary(max_size=300))
def test_anything(draw: bytes, outcomes: Counter[str], studio: Studio, loud: Loud) -> None:
    tried(studio, draw, outcomes, loud)
