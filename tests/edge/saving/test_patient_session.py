"""The patient session: kept until it is closed, over a restart too, and its label told nowhere but in records."""

from __future__ import annotations

import json
import logging
import os
import threading
import time

import pytest

from edge.basics.errors import UsageError
from edge.dicom.examination import Examination, Patient, emergency
from edge.health.news import Board, Saved, SessionChanged
from edge.saving.patient_session import MAX_SHOWN, PatientSession, SessionRefused, label_of
from tests.doubles.booth import wait_until

LABEL = "Müller, 7. Mai"


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


class Ward:
    def __init__(self, path, idle_hours=12):
        self.board, self.clock, self.changes = Board(), Clock(), []
        self.is_recording = False
        self.board.read(SessionChanged, lambda news: self.changes.append(news.id))
        self.session = PatientSession(self.board, path, idle_hours, lambda: self.is_recording, self.clock)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "session" / "session.json"


def test_it_is_open_until_it_is_closed(path):
    ward = Ward(path)
    assert ward.session.now() is None and ward.session.record() is None
    opened = ward.session.open(f"  {LABEL} ")
    assert ward.session.now() == {"id": opened.id, "label": LABEL}
    assert ward.session.record()["since"].endswith("+00:00")
    assert ward.session.close() and not ward.session.close()
    assert ward.session.now() is None and not path.exists()
    assert ward.changes == [opened.id, ""]


def test_it_outlives_the_program(path):
    opened = Ward(path).session.open(LABEL)
    assert path.stat().st_mode & 0o777 == 0o640
    again = Ward(path).session
    assert again.now() == {"id": opened.id, "label": LABEL}
    assert again.record()["since"] == opened.since.isoformat(timespec="seconds")


def test_of_a_patient_it_carries_the_examination_and_shows_all_of_the_name(path):
    patient = Patient("Müller^Anna=山田^花子=" + "や" * 64, "4711", birth_date="19700501", sex="F")
    examination = Examination(patient, accession_number="A1", referring="Weber^Jo")
    opened = Ward(path).session.open_for(examination)
    assert opened.label == patient.shown and "や" * 64 in opened.label
    for ward in (Ward(path), Ward(path)):  # over a restart, and over two
        since = opened.since.isoformat(timespec="seconds")
        about = {"since": since, "examination": examination.record()}
        assert ward.session.now() == {"id": opened.id, "label": opened.label, **about}
        assert ward.session.record()["patient"] == {
            "id": "4711", "birth_date": "19700501", "sex": "F", "is_emergency": False
        }  # fmt: skip
    assert Ward(path).session.close() and Ward(path).session.now() is None


def test_the_longest_name_that_dicom_takes_is_listed_whole(path):
    longest = "=".join(["^".join(["x" * 12] * 4) + "^x"] * 3)
    assert len(Ward(path).session.open_for(Examination(Patient(longest))).label) <= MAX_SHOWN


def test_nobody_is_no_patient(path):
    with pytest.raises(UsageError, match="name or an id"):
        Ward(path).session.open_for(Examination(Patient(birth_date="19700501")))


@pytest.mark.parametrize("spoiled", [{"patient": {}, "study_uid": "x"}, {"patient": None}, [], "x"])
def test_an_examination_that_is_none_opens_nothing(path, spoiled):
    Ward(path).session.open_for(emergency())
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "examination": spoiled}))
    assert Ward(path).session.now() is None


def test_of_two_who_choose_at_once_the_second_must_look_first(path):
    ward = Ward(path)
    first = ward.session.open("A", instead_of="")
    for call in (lambda: ward.session.open_for(emergency(), instead_of=""), lambda: ward.session.close("elsewhere")):
        with pytest.raises(SessionRefused, match="meanwhile"):
            call()
    assert ward.session.now()["id"] == first.id
    second = ward.session.open_for(emergency(), instead_of=first.id)
    assert ward.session.close(second.id) and not ward.session.close(second.id)


def test_a_clock_that_jumps_closes_nothing(path, monkeypatch):
    ward = Ward(path, idle_hours=2)
    ward.session.open(LABEL)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    ward.clock.now_s += 31
    ward.session.tick(0)
    ward.board.post(Saved("x"))
    assert ward.session.now() is not None
    monkeypatch.undo()  # and back, over a restart
    assert Ward(path, idle_hours=2).session.now() is not None


def test_without_a_place_for_it_it_ends_with_the_program():
    assert Ward(None).session.open(LABEL).label == LABEL


def test_another_one_takes_its_place(path):
    ward = Ward(path)
    first, second = ward.session.open("A"), ward.session.open("B")
    assert first.id != second.id
    assert Ward(path).session.now() == {"id": second.id, "label": "B"}


def test_a_recording_belongs_to_one_alone(path):
    ward = Ward(path)
    opened = ward.session.open("A")
    ward.is_recording = True
    for call in (lambda: ward.session.open("B"), ward.session.close):
        with pytest.raises(SessionRefused, match="a recording runs"):
            call()
    assert ward.session.now()["id"] == opened.id


def test_one_in_which_nothing_is_saved_is_closed(path):
    ward = Ward(path, idle_hours=2)
    ward.session.open(LABEL)
    ward.clock.now_s += 1.9 * 3600
    ward.board.post(Saved("x"))
    ward.clock.now_s += 1.9 * 3600
    ward.session.tick(0)
    assert ward.session.now() is not None, "what was saved counts as use"
    ward.is_recording = True
    ward.clock.now_s += 3600
    ward.session.tick(0)
    assert ward.session.now() is not None, "not while a recording runs"
    ward.is_recording = False
    ward.clock.now_s += 31
    ward.session.tick(0)
    wait_until(lambda: ward.changes[-1] == "")
    assert ward.session.now() is None


def test_nought_hours_is_never(path):
    ward = Ward(path, idle_hours=0)
    ward.session.open(LABEL)
    ward.clock.now_s += 1e7
    ward.session.tick(0)
    assert ward.session.now() is not None


@pytest.mark.parametrize(("hours_ago", "is_open"), [(1, True), (3, False), (-100, True)])
def test_what_the_program_was_off_for_counts(path, hours_ago, is_open):
    Ward(path).session.open(LABEL)
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "used_at": time.time() - hours_ago * 3600}))
    ward = Ward(path, idle_hours=2)
    ward.session.tick(0)
    wait_until(lambda: ward.session.now() is None or is_open)
    assert (ward.session.now() is not None) == is_open


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff", b'{"id": "x", "label": "", "since": "x"}', b"x" * 9999]
)
def test_a_file_that_is_none_opens_nothing(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    assert Ward(path).session.now() is None


def test_a_pipe_in_its_place_is_not_waited_for(path):
    path.parent.mkdir()
    os.mkfifo(path)
    assert Ward(path).session.now() is None


@pytest.mark.parametrize("label", ["", "   ", "x" * 65, "a\nb", "a\x00", "a\u202eb", "\x1b[2J"])
def test_a_label_that_cannot_be_is_refused_and_not_repeated(label):
    with pytest.raises(UsageError) as refused:
        label_of(label)
    assert not label.strip() or label not in str(refused.value)


def test_its_label_is_in_no_log(path, caplog):
    caplog.set_level(logging.DEBUG)
    ward = Ward(path)
    ward.session.open(LABEL)
    ward.session.close()
    assert "opened" in caplog.text and "Müller" not in caplog.text


def test_a_disk_that_keeps_nothing_opens_nothing(path):
    path.parent.write_text("a file where the folder should be")
    ward = Ward(path)
    with pytest.raises(SessionRefused, match=r"session\.json"):
        ward.session.open(LABEL)
    assert ward.session.now() is None


def test_a_disk_that_hangs_holds_up_nobody_who_only_asks(path, monkeypatch):
    ward = Ward(path)
    opened = ward.session.open("A")
    hangs, goes_on = threading.Event(), threading.Event()

    def write(*_):
        hangs.set()
        goes_on.wait(60)

    monkeypatch.setattr("edge.saving.patient_session.write_whole", write)
    opening = threading.Thread(target=ward.session.open, args=("B",))
    opening.start()
    assert hangs.wait(60)
    assert ward.session.now()["id"] == opened.id and ward.session.record()["label"] == "A"
    ward.clock.now_s += 1e6
    ward.session.tick(0)
    goes_on.set()
    opening.join()
