"""Recording and patient sessions over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge.access.audit import AuditLog
from edge.health.news import RecordingChanged, Removed, SessionChanged
from edge.pacs.peers import PeerFailed
from edge.program import record_news
from edge.saving.patient_session import PatientSession
from edge.saving.recording.opening import NotRecorded
from edge.web.api.recordings import Recordings
from edge.web.api.session import Session
from edge.web.api.worklist import Worklist
from edge.web.events import event_of
from tests.doubles.guarded import Guest
from tests.doubles.studio import Studio
from tests.doubles.worklists import ANNA, PlayedWorklist

LABEL = "Müller, 7. Mai"


class Recorder:
    """Writes down what it is asked; `why_not` refuses it."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.why_not = ""

    def begin(self, views: Any, *, before: bool = False) -> dict[str, Any]:
        return self._done("begin", views, before)

    def end(self) -> dict[str, Any]:
        return self._done("end")

    def keep(self) -> dict[str, Any]:
        return self._done("keep")

    def record(self) -> dict[str, Any]:
        return {"running": self.state(), "before": None, "encoder": "H.264", "ended": ""}

    def state(self) -> dict[str, Any] | None:
        return None

    def can(self) -> dict[str, bool]:
        return {"recording": True, "before_roll": False}

    def _done(self, *asked: Any) -> dict[str, Any]:
        if self.why_not:
            raise NotRecorded(self.why_not)
        self.asked.append(asked)
        return {"name": "throat-x"}


class Room:
    def __init__(self, folder: Path) -> None:
        self.recorder = Recorder()
        self.audit = folder / "audit.jsonl"
        log = AuditLog(self.audit)
        self.studio = Studio(audit=log, furnish=self._furnish)
        record_news(self.studio.board, log)
        self.guest = Guest(self.studio.url)

    def _furnish(self, studio: Studio) -> None:
        self.session = PatientSession(studio.board, None, 0)
        self.sending = None
        self.worklist = PlayedWorklist(ANNA)
        for part in (
            Recordings(self.recorder),
            Session(self.session, self.worklist.examination, lambda: self.sending),
            Worklist(self.worklist),
        ):
            studio.sink.serve_too(part.operations(), part.state)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        status, _, content = self.guest.ask(method, path, body, headers)
        return status, content.decode()


@pytest.fixture
def room(tmp_path: Path) -> Any:
    room = Room(tmp_path)
    yield room
    room.studio.close()


def test_a_recording_is_begun_ended_and_kept_as_asked(room: Room) -> None:
    assert room.ask("POST", "/api/recording/start", {"views": ["raw"], "before": True}) == (200, '{"name": "throat-x"}')
    assert room.ask("POST", "/api/recording/start")[0] == 200
    assert room.ask("POST", "/api/recording/stop")[0] == 200
    assert room.ask("POST", "/api/recording/keep")[0] == 200
    assert room.recorder.asked == [("begin", ["raw"], True), ("begin", [], False), ("end",), ("keep",)]
    assert json.loads(room.ask("GET", "/api/recording")[1])["encoder"] == "H.264"
    assert json.loads(room.ask("GET", "/api/state")[1])["can"]["recording"] is True


@pytest.mark.parametrize("path", ["start", "stop", "keep"])
def test_what_cannot_be_is_refused_in_a_line(room: Room, path: str) -> None:
    room.recorder.why_not = "the disk is full"
    assert room.ask("POST", f"/api/recording/{path}") == (409, "the disk is full\n")


@pytest.mark.parametrize(
    "body",
    ["[]", "{", "null", '{"views": []}', '{"views": ["blue"]}', '{"views": ["raw", "raw"]}', '{"views": "raw"}',
     '{"views": [["raw"]]}', '{"before": 1}', '{"to": "/etc"}'],
)  # fmt: skip
def test_an_order_that_is_none_is_refused(room: Room, body: str) -> None:
    assert room.ask("POST", "/api/recording/start", body, **{"Content-Type": "application/json"})[0] == 400
    assert room.recorder.asked == []


def test_a_form_of_another_site_begins_nothing(room: Room) -> None:
    assert room.ask("POST", "/api/recording/start", "views=raw", **{"Content-Type": "text/plain"})[0] == 415
    assert room.recorder.asked == []


def test_a_patient_session_is_opened_shown_and_closed(room: Room) -> None:
    status, told = room.ask("POST", "/api/session", {"label": LABEL})
    session = json.loads(told)["session"]
    assert (status, session["label"]) == (200, LABEL)
    assert json.loads(room.ask("GET", "/api/session")[1])["session"] == session
    assert json.loads(room.ask("GET", "/api/state")[1])["session"] == session
    assert room.ask("DELETE", "/api/session") == (200, '{"session": null, "sending": null}')
    room.sending = {"id": session["id"], "waiting": 1, "sent": 0, "committed": 2, "failed": 0}
    assert json.loads(room.ask("GET", "/api/session")[1]) == {"session": None, "sending": room.sending}
    assert room.session.now() is None


def test_whom_the_worklist_names_is_chosen_by_a_key_and_stored_as_it_was_said(room: Room) -> None:
    items = json.loads(room.ask("GET", "/api/worklist")[1])["items"]
    assert [(one["key"], one["name"], one["reason"]) for one in items] == [
        ("key0", "Müller, Anna", ""), ("", "(no name)", "no name")
    ]  # fmt: skip
    session = json.loads(room.ask("POST", "/api/session", {"worklist": "key0"})[1])["session"]
    assert (session["label"], session["patient"]["birth_date"]) == ("Müller, Anna", "19700501")
    now = room.session.now()
    assert now is not None and now["examination"] == ANNA.record()
    assert room.ask("POST", "/api/session", {"worklist": "gone"})[0] == 409
    assert room.session.now() == now


def test_an_emergency_is_one_request(room: Room) -> None:
    session = json.loads(room.ask("POST", "/api/session", {"emergency": True})[1])["session"]
    assert session["label"].startswith("EMERGENCY, ") and session["patient"]["is_emergency"] is True
    again = json.loads(room.ask("POST", "/api/session", {"emergency": True})[1])["session"]
    assert again["patient"]["id"] != session["patient"]["id"]


def test_of_two_pages_that_choose_at_once_the_second_is_told(room: Room) -> None:
    first = json.loads(room.ask("POST", "/api/session", {"worklist": "key0", "instead_of": ""})[1])["session"]
    assert room.ask("POST", "/api/session", {"emergency": True, "instead_of": ""})[0] == 409
    assert room.ask("DELETE", "/api/session?only=another")[0] == 409
    assert room.ask("DELETE", f"/api/session?only={first['id']}")[0] == 200


def test_a_worklist_that_does_not_answer_says_what_to_do(room: Room) -> None:
    room.worklist.fails = PeerFailed("worklist: nobody listens there")
    assert room.ask("GET", "/api/worklist") == (502, "worklist: nobody listens there\n")
    assert json.loads(room.ask("GET", "/api/state")[1])["can"]["worklist"] is True


@pytest.mark.parametrize(
    "body",
    [{}, {"label": 3}, {"label": ""}, {"label": "x" * 65}, {"label": "x", "id": "y"}, {"worklist": ""},
     {"worklist": 1}, {"emergency": False}, {"emergency": 1}, {"label": "x", "emergency": True}, {"instead_of": ""},
     {"label": "x", "instead_of": 1}, {"label": "x", "examination": {}}],
)  # fmt: skip
def test_a_label_that_cannot_be_opens_nothing(room: Room, body: Any) -> None:
    assert room.ask("POST", "/api/session", body)[0] == 400
    assert room.session.now() is None


def test_no_session_is_changed_while_a_recording_runs(room: Room) -> None:
    room.session.is_recording = lambda: True
    assert room.ask("POST", "/api/session", {"label": LABEL})[0] == 409
    assert room.ask("DELETE", "/api/session")[0] == 409


def test_the_label_is_in_no_audit_line_and_the_id_is(room: Room) -> None:
    session = json.loads(room.ask("POST", "/api/session", {"label": LABEL})[1])["session"]
    room.ask("DELETE", "/api/session")
    text = room.audit.read_text()
    assert "ller" not in text and f'"id": "{session["id"]}"' in text and "asked-session" in text


@pytest.mark.parametrize(
    ("news", "event"),
    [
        (
            RecordingChanged(False, "throat-x", ("raw",), "the disk is full"),
            ("recording", {"running": False, "name": "throat-x", "views": ["raw"], "reason": "the disk is full"}),
        ),
        (SessionChanged("s1"), ("session", {"id": "s1"})),
        (SessionChanged(""), ("session", {"id": None})),
        (Removed("throat-x", "on request"), ("removed", {"name": "throat-x"})),
    ],
)
def test_pages_are_told_of_it(news: Any, event: Any) -> None:
    assert event_of(news) == event


def test_what_the_unit_does_by_itself_is_in_the_audit_log(room: Room) -> None:
    room.studio.board.post(RecordingChanged(False, "throat-x", ("raw", "enhanced"), "the disk is full"))
    room.studio.board.post(Removed("throat-y", "the limit of the store"))
    ended, removed = (json.loads(line) for line in room.audit.read_text().splitlines()[-2:])
    assert (ended["event"], ended["who"], ended["why"]) == ("recording-ended", "the unit", "the disk is full")
    assert (removed["event"], removed["name"], removed["why"]) == ("removed", "throat-y", "the limit of the store")
