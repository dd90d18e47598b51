"""`/api/reference`, asked by a real HTTP client."""

from __future__ import annotations

import dataclasses
import http.client
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

from edge.config import Config, EngineConfig
from edge.engines.golden import golden_frame
from edge.models.offered import Offered
from edge.pictures.image import Image
from edge.stills.operations import ReferenceOperations
from edge.stills.references import References
from tests.doubles.still_profiles import still_profile
from tests.doubles.studio import Studio
from tests.doubles.waiting import GUARD_S


class Client:
    def __init__(self, tmp_path: Path) -> None:
        still_profile(tmp_path / "models", "miinet")
        engine = EngineConfig(models=str(tmp_path / "models"), keys="", backend="cpu")
        config = dataclasses.replace(Config(), engine=engine)
        installed = Offered(engine.models, engine.keys)
        installed.look()

        def furnish(studio: Studio) -> None:
            self.references = References(config, studio.freezer, studio.board, installed.now)
            reference = ReferenceOperations(self.references, studio.health)
            studio.sink.serve_too(reference.operations(), reference.state)

        self.studio = Studio(furnish=furnish)
        self.references.start()

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.studio.url).netloc, timeout=GUARD_S)
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    def record(self) -> dict[str, Any]:
        status, content = self.ask("GET", "/api/reference")
        assert status == 200
        record: dict[str, Any] = json.loads(content)
        return record

    def until(self, key: str) -> dict[str, Any]:
        end = time.monotonic() + GUARD_S
        while not (record := self.record())[key]:
            assert time.monotonic() < end, record
            time.sleep(0.05)
        return record

    def close(self) -> None:
        self.references.close()
        self.studio.close()


@pytest.fixture
def client(tmp_path):
    client = Client(tmp_path)
    client.until("profiles")
    yield client
    client.close()


def decoded(png: bytes) -> Image:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def test_asked_for_made_shown_and_fetched(client):
    client.studio.roll(raw=golden_frame(), enhanced=golden_frame())
    client.studio.freeze()
    assert client.ask("GET", "/api/reference.png?profile=miinet")[0] == 409
    status, content = client.ask("POST", "/api/reference", b'{"profile": "miinet"}')
    assert status == 202
    assert json.loads(content)["running"]["profile"] == "miinet"
    assert client.until("done")["done"][0]["synthesised"] is True
    status, png = client.ask("GET", "/api/reference.png?profile=miinet")
    assert status == 200
    assert b"detail=synthesised" in png[:400]
    assert decoded(png).shape == (1080, 1920, 3)
    assert client.ask("POST", "/api/reference/show?profile=miinet")[0] == 200
    assert client.record()["shown"] == "miinet"
    assert client.studio.freezer.frozen.enhanced.profile == "miinet"
    assert client.ask("GET", "/snapshot.png?view=enhanced")[1][:400].count(b"profile=miinet") == 1
    assert client.ask("DELETE", "/api/reference")[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/api/reference", b'{"profile": "miinet"}', 409, "no picture is held; freeze one first"),
        ("POST", "/api/reference", b'{"profile": "live"}', 400, "expected one of cyclegan, miinet"),
        ("POST", "/api/reference", b'{"profile": 7}', 400, "expected a body such as"),
        ("POST", "/api/reference", b"\xff{", 400, "expected JSON"),
        ("POST", "/api/reference", b"[" * 4000, 400, "expected JSON"),
        ("POST", "/api/reference", None, 415, "expected application/json"),
        ("POST", "/api/reference/show?profile=miinet", None, 409, "no picture is held"),
        ("POST", "/api/reference/show", None, 409, "no picture is held"),
        ("GET", "/api/reference.png?profile=miinet", None, 409, "no picture is held"),
        ("GET", "/api/reference.png", None, 409, "no picture is held"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(client, method, path, body, status, words):
    found, content = client.ask(method, path, body)
    assert found == status
    assert words in content.decode()
    assert content.count(b"\n") == 1
