"""The ring light by HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from edge.basics.errors import ConfigError, DeviceMissing
from edge.web.api import light as light_module
from edge.web.api.light import Light
from tests.doubles.guarded import Guest
from tests.doubles.studio import Studio


class Desk:
    limit_percent = 80.0

    def __init__(self) -> None:
        self.now: float | None = 50.0
        self.refusal: ConfigError | DeviceMissing | None = None
        self.answer: Callable[[Future[None]], None] = lambda future: future.set_result(None)

    def percent(self) -> float | None:
        return self.now

    def set_percent(self, percent: float) -> Future[None]:
        if self.refusal is not None:
            raise self.refusal
        future: Future[None] = Future()
        self.answer(future)
        self.now = percent
        return future


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def open_unit() -> Iterator[Callable[[Desk | None], Guest]]:
    studios: list[Studio] = []

    def furnished(desk: Desk | None) -> Guest:
        light = Light(desk)
        studios.append(Studio(furnish=lambda studio: studio.sink.serve_too(light.operations(), light.state)))
        return Guest(studios[-1].url)

    yield furnished
    for studio in studios:
        studio.close()


def set_to(guest: Guest, percent: Any) -> tuple[int, bytes]:
    status, _, body = guest.ask("POST", "/api/light", {"percent": percent})
    return status, body


def test_it_is_told_and_set(open_unit: Any, desk: Desk) -> None:
    guest = open_unit(desk)
    assert json.loads(guest.ask("GET", "/api/light")[2]) == {"percent": 50.0, "limit_percent": 80.0}
    assert set_to(guest, 30)[0] == 200
    assert desk.now == 30
    state = json.loads(guest.ask("GET", "/api/state")[2])
    assert (state["light_percent"], state["can"]["light"]) == (30, True)


def test_a_unit_without_a_head_says_so(open_unit: Any) -> None:
    guest = open_unit(None)
    assert guest.ask("GET", "/api/light")[0] == 409
    assert set_to(guest, 30) == (409, b"no camera head is configured: [bridge] port in edge.toml\n")
    assert json.loads(guest.ask("GET", "/api/state")[2])["can"]["light"] is False


@pytest.mark.parametrize("percent", ["30", None, True, float("nan"), float("inf"), 10**400, [30], {}])
def test_what_is_no_number_is_refused(open_unit: Any, desk: Desk, percent: Any) -> None:
    assert set_to(open_unit(desk), percent) == (400, b"percent: expected a number\n")
    assert desk.now == 50


@pytest.mark.parametrize("percent", [-1, 100.5, 1e300])
def test_what_no_light_can_give_is_refused(open_unit: Any, desk: Desk, percent: float) -> None:
    status, body = set_to(open_unit(desk), percent)
    assert (status, body.endswith(b": expected a number from 0 to 100\n")) == (400, True)
    assert desk.now == 50


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[" * 3000, "application/json", 400),
        (b"[1]", "application/json", 400),
        (b'{"percent": 1}', "application/xml", 415),
        (b'{"percent": 1}', "text/plain", 415),
        (b"{" + b" " * 5000 + b"}", "application/json", 413),
    ],
)
def test_a_body_that_is_none_is_refused(open_unit: Any, desk: Desk, body: bytes, kind: str, status: int) -> None:
    assert open_unit(desk).ask("POST", "/api/light", body, {"Content-Type": kind})[0] == status
    assert desk.now == 50


def test_what_the_head_says_is_told(open_unit: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    guest = open_unit(desk)
    desk.refusal = ConfigError("percent = 90: expected a number from 0 to 80")
    assert set_to(guest, 90) == (409, b"percent = 90: expected a number from 0 to 80\n")
    desk.refusal = None
    desk.answer = lambda future: future.set_exception(DeviceMissing("camera head: refuses"))
    assert set_to(guest, 9) == (409, b"camera head: refuses\n")
    monkeypatch.setattr(light_module, "WITHIN_S", 0.05)
    desk.answer = lambda future: None
    assert set_to(guest, 9) == (409, b"camera head: no answer\n")
