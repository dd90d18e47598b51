"""A unit that asks for a login, and guests at its door."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.access.audit import AuditLog
from edge.web import pulse
from tests.doubles.guarded import Guest, guarded_studio, write_users
from tests.doubles.studio import Studio


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No state and no sockets of the machine's own."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    (tmp_path / "state").mkdir()


@pytest.fixture(autouse=True)
def no_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a unit stands still now and then, and no viewer is cut for that: others test the cut."""
    monkeypatch.setattr(pulse, "STOOD_STILL_NS", 10**18)


@pytest.fixture
def users(tmp_path: Path) -> Path:
    return write_users(tmp_path / "users.toml")


@pytest.fixture
def audited(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """What the audit log says."""

    def entries() -> list[dict[str, Any]]:
        path = tmp_path / "audit" / "audit.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    return entries


@pytest.fixture
def open_studio(tmp_path: Path, users: Path) -> Iterator[Callable[..., Studio]]:
    """Starts units with the users file, and ends them."""
    studios: list[Studio] = []

    def start(**settings: Any) -> Studio:
        audit = AuditLog(tmp_path / "audit" / "audit.jsonl", journal=tmp_path / "no journal")
        studios.append(guarded_studio(users, audit, **settings))
        return studios[-1]

    yield start
    for studio in studios:
        studio.close()


@pytest.fixture
def studio(open_studio: Callable[..., Studio]) -> Studio:
    return open_studio()


@pytest.fixture
def guest(studio: Studio) -> Guest:
    return Guest(studio.url)
