"""`GET /api/state`: one record of the unit, the picture and who asks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from edge.web.api.state import SCHEMA
from tests.doubles.guarded import Guest, guarded_studio, three_users, with_token, write_users
from tests.doubles.http_viewer import wait_for_frames
from tests.doubles.studio import Studio
from tests.doubles.waiting import wait_until


def told(guest: Guest, headers: dict[str, str] | None = None) -> dict[str, Any]:
    status, _, body = guest.ask("GET", "/api/state", headers=headers)
    assert status == 200, body
    record: dict[str, Any] = json.loads(body)
    import jsonschema  # takes seconds: it compiles 38 grammars of addresses

    jsonschema.validate(record, dict(SCHEMA))
    return record


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    studio = guarded_studio(write_users(tmp_path / "users.toml"))
    yield studio
    studio.close()


def test_before_the_first_picture_it_says_what_there_is_not(studio: Any) -> None:
    record = told(Guest(studio.url))
    assert (record["state"], record["age_ms"], record["frozen"]) == ("starting", None, None)
    assert (record["recording"], record["session"], record["storage"], record["light_percent"]) == (None,) * 4
    assert record["profiles"] == []
    assert not any(record["can"].values())


def test_a_live_picture_and_a_held_one(studio: Any) -> None:
    records: list[dict[str, Any]] = []
    studio.roll()
    wait_for_frames(studio.url, 3)
    guest = Guest(studio.url)
    wait_until(lambda: (record := told(guest))["state"] == "live" and records.append(record) is None)
    record = records[0]
    assert (record["state"], record["mode"], record["profile"], record["view"]) == (
        "live",
        "enhanced",
        "live",
        "enhanced",
    )
    assert record["latency_ms"] >= 0
    pair = studio.freeze()
    held = told(Guest(studio.url))["frozen"]
    assert held["seq"] == pair.raw.seq
    taken_at = datetime.fromisoformat(held["taken_at"])
    before = datetime.now(timezone.utc)
    real_age = timedelta(microseconds=(time.monotonic_ns() - pair.raw.t_capture_ns) / 1e3)
    after = datetime.now(timezone.utc)
    assert before - real_age - timedelta(seconds=1) < taken_at < after - real_age + timedelta(seconds=1)


def test_who_asks_and_how_long_that_holds(guarded: Studio) -> None:
    guest = Guest(guarded.url)
    assert guest.log_in("otto") == 200
    record = told(guest)
    assert (record["name"], record["role"], record["insecure"]) == ("otto", "operator", False)
    assert 12 * 3600 - 60 < record["expires_in_s"] <= 12 * 3600


def test_a_token_ends_on_its_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    users = tmp_path / "users.toml"
    token = with_token(users, "viewer", datetime.now(timezone.utc), days=2, people=three_users())
    studio = guarded_studio(users)
    try:
        record = told(Guest(studio.url), {"Authorization": f"Bearer {token}"})
    finally:
        studio.close()
    assert (record["name"], record["role"]) == ("token wall", "viewer")
    assert 2 * 86400 - 60 < record["expires_in_s"] <= 2 * 86400


def test_a_page_without_users_on_the_network_is_told_to_be_insecure() -> None:
    from edge.config import WebConfig

    studio = Studio(WebConfig(listen="0.0.0.0:0", insecure=True))
    try:
        port = studio.url.rstrip("/").rpartition(":")[2]
        record = told(Guest(f"http://127.0.0.1:{port}/"))
    finally:
        studio.close()
    assert (record["insecure"], record["name"], record["role"], record["expires_in_s"]) == (
        True,
        "anyone",
        "admin",
        None,
    )
    assert any("NOT SECURED" in notice for notice in record["notices"])


def test_parts_add_what_they_know_and_what_can_be_done() -> None:
    def furnish(studio: Studio) -> None:
        studio.sink.serve_too((), lambda: {"recording": {"seconds": 3}, "can": {"recording": True}})
        studio.sink.serve_too((), lambda: {"storage": {"free_bytes": 5}, "can": {"before_roll": True}})

    studio = Studio(furnish=furnish)
    try:
        record = told(Guest(studio.url))
    finally:
        studio.close()
    assert (record["recording"], record["storage"]) == ({"seconds": 3}, {"free_bytes": 5})
    assert [key for key, can in record["can"].items() if can] == ["recording", "before_roll"]
