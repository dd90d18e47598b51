"""What was saved is of other patients too: who may look at it, and what of that is recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge.access.audit import AuditLog
from edge.config import SaveConfig
from edge.saving.patient_session import PatientSession
from edge.saving.store import Store
from edge.web.api.saved import Saved
from edge.web.api.session import Session
from edge.web.api.worklist import Worklist
from tests.doubles.guarded import PASSWORDS, Guest, guarded_studio, write_users
from tests.doubles.studio import Studio
from tests.doubles.worklists import ANNA, PlayedWorklist
from tests.edge.saving.test_listing import put_pair


class Ward:
    """Attributes: pair: name of what is saved; log: the audit file."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder, self.log = tmp_path / "kept", tmp_path / "audit.jsonl"
        self.pair = put_pair(self.folder, 7)
        self.audit = AuditLog(self.log, 1)
        self.studio = guarded_studio(write_users(tmp_path / "users.toml"), self.audit, self._furnish)

    def _furnish(self, studio: Studio) -> None:
        saved = Saved(Store(SaveConfig(folder=str(self.folder)), studio.board))
        worklist = PlayedWorklist(ANNA)
        session = Session(PatientSession(studio.board, None, 0), worklist.examination)
        studio.sink.serve_too(saved.operations(), saved.state)
        for part in (session, Worklist(worklist)):
            studio.sink.serve_too(part.operations(), part.state)

    def guest(self, name: str) -> Guest:
        guest = Guest(self.studio.url)
        assert guest.log_in(name) == 200
        return guest

    def events(self, event: str) -> list[dict[str, Any]]:
        entries = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [entry for entry in entries if entry["event"] == event]


@pytest.fixture
def ward(tmp_path: Path) -> Any:
    ward = Ward(tmp_path)
    yield ward
    ward.studio.close()
    ward.audit.close()


@pytest.mark.parametrize(("name", "status"), [("vera", 403), ("otto", 200), ("ada", 200)])
def test_saved_pictures_are_for_operators(ward, name, status):
    guest = ward.guest(name)
    assert guest.ask("GET", "/api/saved")[0] == status
    assert guest.ask("GET", f"/api/saved/{ward.pair}-raw.png")[0] == status
    assert guest.ask("GET", "/api/session")[0] == status
    assert guest.ask("DELETE", f"/api/saved/{ward.pair}")[0] == (403 if status == 403 else 409)


def test_who_looked_at_a_saved_picture_is_recorded_and_listing_is_not(ward):
    guest = ward.guest("otto")
    guest.ask("GET", "/api/saved")
    guest.ask("GET", f"/api/saved/{ward.pair}-raw.png")
    (entry,) = ward.events("looked-at-saved")
    assert (entry["who"], entry["name"]) == ("otto", f"{ward.pair}-raw.png")
    assert ward.events("asked-saved") == []


def test_a_viewer_sees_that_a_session_is_open_and_not_of_whom(ward):
    otto = ward.guest("otto")
    assert otto.ask("POST", "/api/session", {"label": "Müller, A."})[0] == 200
    told = {name: json.loads(ward.guest(name).ask("GET", "/api/state")[2])["session"] for name in PASSWORDS}
    assert {name: session["label"] for name, session in told.items()} == {
        "vera": "", "otto": "Müller, A.", "ada": "Müller, A."
    }  # fmt: skip
    assert told["vera"]["id"] == told["otto"]["id"]
    assert "Müller" not in ward.log.read_text()


def test_whom_the_worklist_names_a_viewer_is_not_told_and_the_log_neither(ward):
    otto, vera = ward.guest("otto"), ward.guest("vera")
    assert vera.ask("GET", "/api/worklist")[0] == 403
    assert vera.ask("POST", "/api/session", {"worklist": "key0"})[0] == 403
    assert otto.ask("GET", "/api/worklist")[0] == 200
    assert otto.ask("POST", "/api/session", {"worklist": "key0"})[0] == 200
    for address in ("/api/state", "/api/session"):
        told = json.loads(otto.ask("GET", address)[2])["session"]
        assert told["label"] == "Müller, Anna" and told["patient"]["id"] == "4711"
    seen = vera.ask("GET", "/api/state")[2]
    assert json.loads(seen)["session"]["patient"] is None and b"4711" not in seen and "Müller".encode() not in seen
    assert "4711" not in ward.log.read_text() and "Müller" not in ward.log.read_text()
