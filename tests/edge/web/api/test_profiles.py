"""Another profile by the page: only one that is offered, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from urllib.parse import quote

import pytest

from edge.access.audit import AuditLog
from edge.basics.errors import ModelError
from edge.health.state import EngineFacts
from edge.models.card import card_of
from edge.models.offered import OfferedProfile
from edge.models.profile import load_profile
from edge.web.api.profiles import CARD, Profiles
from tests.doubles.guarded import Guest, guarded_studio, write_users
from tests.doubles.studio import Studio

ADVICE = "comparison only: not good enough to help"
LIVE = load_profile("live").manifest
OFFERED = (
    OfferedProfile("live", "edge-enhance live", True, False, card_of(LIVE)),
    OfferedProfile("miinet", "MIINet", False, True, card_of({**LIVE, "profile": "miinet", "advice": ADVICE})),
)


class Desk:
    """Writes down what it is asked for, and answers as it is told."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.error: ModelError | None = None

    def use(self, name: str) -> Future[None]:
        self.asked.append(name)
        answer: Future[None] = Future()
        if self.error is None:
            answer.set_result(None)
        else:
            answer.set_exception(self.error)
        return answer


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def unit(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))

    def furnish(studio: Studio) -> None:
        profiles = Profiles(lambda: OFFERED, desk.use)
        studio.sink.serve_too(profiles.operations(), profiles.state)

    audit = AuditLog(tmp_path / "audit.jsonl", journal=tmp_path / "none")
    studio = guarded_studio(write_users(tmp_path / "users.toml"), audit, furnish)
    yield studio
    studio.close()


@pytest.fixture
def otto(unit: Studio) -> Guest:
    guest = Guest(unit.url)
    assert guest.log_in("otto") == 200
    return guest


def test_the_state_says_which_there_are_and_of_what_kind(otto: Guest) -> None:
    record = json.loads(otto.ask("GET", "/api/state")[2])
    assert record["can"]["profile"] is True
    assert record["profiles"][1] == {
        "name": "miinet",
        "title": "MIINet",
        "is_live": False,
        "synthesises": True,
        "advice": ADVICE,
    }


def test_one_that_is_offered_is_taken_and_recorded(otto: Guest, desk: Desk, tmp_path: Path) -> None:
    status, _, body = otto.ask("POST", "/api/profile?name=miinet")
    assert (status, json.loads(body), desk.asked) == (200, {"profile": "miinet"}, ["miinet"])
    entries = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [(one["who"], one["value"]) for one in entries if one["event"] == "asked-profile"] == [("otto", "miinet")]


@pytest.mark.parametrize("name", ["", "other", "../live", "/etc", "live\0", "x" * 3000])
def test_no_other_name_reaches_the_engine(otto: Guest, desk: Desk, name: str) -> None:
    status, _, body = otto.ask("POST", f"/api/profile?name={quote(name)}")
    assert (status, desk.asked) == (409, [])
    assert body.endswith(b"expected one of live, miinet\n")


def test_one_that_cannot_run_is_told_why(otto: Guest, desk: Desk) -> None:
    desk.error = ModelError("miinet takes 9000 ms a frame here, at most 300 fit")
    status, _, body = otto.ask("POST", "/api/profile?name=miinet")
    assert (status, body) == (409, b"miinet takes 9000 ms a frame here, at most 300 fit\n")


def test_a_viewer_may_not(unit: Studio, desk: Desk) -> None:
    guest = Guest(unit.url)
    guest.log_in("vera")
    assert (guest.ask("POST", "/api/profile?name=miinet")[0], desk.asked) == (403, [])


@pytest.mark.parametrize("name", ["live", "miinet"])
def test_who_looks_may_read_a_profile_s_card(unit: Studio, name: str) -> None:
    guest = Guest(unit.url)
    guest.log_in("vera")
    status, _, body = guest.ask("GET", f"/api/profiles/{name}/card")
    told = json.loads(body)
    import jsonschema  # takes seconds: it compiles 38 grammars of addresses

    jsonschema.validate(told, CARD)
    assert (status, told["profile"]) == (200, name)
    assert told["advice"] == (ADVICE if name == "miinet" else "")
    assert told["licence"].startswith("larynx pictures")


@pytest.mark.parametrize("name", ["other", "..%2Flive", "%00", "x" * 300])
def test_of_another_there_is_no_card(otto: Guest, name: str) -> None:
    status, _, body = otto.ask("GET", f"/api/profiles/{name}/card")
    assert status == 404 and b"no such profile is offered" in body


def test_every_page_hears_which_one_runs_whoever_wanted_it(unit: Studio, otto: Guest) -> None:
    connection = otto.open("GET", "/events")
    events = connection.getresponse()
    assert events.readline() == b"event: state\n"
    unit.health.set_engine(EngineFacts("miinet", "ab" * 32, "cpu"))
    unit.health.set_engine(EngineFacts("miinet", "ab" * 32, "cpu, started again"))
    unit.health.set_engine(EngineFacts(device="none"))
    heard: list[str] = []
    while len(heard) < 2:
        if events.readline() == b"event: profile\n":
            heard.append(json.loads(events.readline().removeprefix(b"data: "))["profile"])
    connection.close()
    assert heard == ["miinet", ""], "once for each change"
