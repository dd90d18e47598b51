"""Real worklists, dcmtk's and Orthanc's: what they answer is chosen as it was said, or cannot be chosen."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pynetdicom.association
import pytest

from edge.basics.errors import NotNow
from edge.config import WorklistConfig
from edge.dicom.scheduled import Scheduled
from edge.pacs import worklist as module
from edge.pacs.peers import PeerFailed
from edge.pacs.worklist import Worklist, scheduled_line
from tests.doubles.orthanc import Orthanc, needs_orthanc
from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S
from tests.doubles.worklist_files import TITLE, answer, needs_wlmscpfs, served, write

YAMADA = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"  # PS3.5 H.3.1
NAMES = [
    ("Müller^Anna".encode("latin-1"), "ISO_IR 100", "Müller^Anna"),
    ("Müller^Anna".encode(), "ISO_IR 192", "Müller^Anna"),
    (YAMADA, ("", "ISO 2022 IR 87"), "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ("Wang^XiaoDong=王^小东".encode("gb18030"), "GB18030", "Wang^XiaoDong=王^小东"),
    (b"Smith^Jo", "", "Smith^Jo"),
]


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def config(port: int, **settings: Any) -> WorklistConfig:
    """It asks for the days around today too: a test may begin before midnight."""
    return WorklistConfig(
        **{"host": "127.0.0.1", "port": port, "ae_title": TITLE, "days": 1, "timeout_s": 60, **settings}
    )


def asked(worklist: Worklist) -> dict[str, tuple[str, Scheduled]]:
    """Patient's id -> key and answer."""
    return {one.patient_id: (key, one) for key, one in worklist.ask().items}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / TITLE, *(answer(name, sets, f"P{number}") for number, (name, sets, _) in enumerate(NAMES)))
    return tmp_path


@pytest.fixture(params=["dcmtk", pytest.param("orthanc", marks=pytest.mark.slow)])
def port(request: pytest.FixtureRequest, folder: Path) -> Iterator[int]:
    if request.param == "dcmtk":
        if module and not needs_wlmscpfs.args[0]:
            with served(folder) as at:
                yield at
        else:
            pytest.skip(needs_wlmscpfs.kwargs["reason"])
        return
    if needs_orthanc.args[0]:
        pytest.skip(needs_orthanc.kwargs["reason"])
    unit = {"AET": "EDGE-ENHANCE", "Host": "127.0.0.1", "Port": 1, "AllowFindWorklist": True}
    with Orthanc(
        folder / "orthanc",
        plugins=("libModalityWorklists.so",),
        DicomAet=TITLE,
        DefaultEncoding="Utf8",  # in any other it leaves out the letters that this has not
        DicomModalities={"unit": unit},
        Worklists={"Enable": True, "Database": str(folder / TITLE)},
    ) as orthanc:
        yield orthanc.dicom_port


def test_names_come_as_they_were_written_and_are_chosen_by_their_keys(port: int) -> None:
    worklist = Worklist(config(port))
    found = asked(worklist)
    assert {patient: one.examination and one.examination.patient.name for patient, (_, one) in found.items()} == {
        f"P{number}": name for number, (_, _, name) in enumerate(NAMES)
    }
    key, one = found["P0"]
    examination = worklist.examination(key)
    assert examination == one.examination
    told = examination.record()
    assert told["patient"] == {"name": "Müller^Anna", "id": "P0", "issuer": "", "birth_date": "19700501", "sex": "F"}
    assert (told["study_uid"], told["accession_number"], told["referring"]) == ("1.2.3.4", "A1", "Weber^Jo")
    assert (told["procedure_id"], told["step_id"], told["step_description"]) == ("RP1", "S1", "Look")
    assert (one.starts[-5:], one.description, one.reason, one.remark) == ("09:30", "Laryngoscopy", "", "")


@needs_wlmscpfs
def test_what_cannot_be_chosen_is_shown_with_the_reason(tmp_path: Path) -> None:
    latin, utf8 = "Müller^Anna".encode("latin-1"), "Müller^Anna".encode()
    write(
        tmp_path / TITLE,
        answer(b"", "", "nameless"),
        answer(b"Smith^Jo", "", ""),
        answer(latin, "", "undeclared"),
        answer(utf8, "ISO_IR 100", "two encodings"),
        answer(latin, "ISO_IR 192", "the other way"),
        answer(b"Smith^Jo", "", "no study", StudyInstanceUID=""),
        answer(b"Smith^Jo", "", "long", AccessionNumber="x" * 17),
        answer(b"Smith^Jo", "", "no order", AccessionNumber="", RequestedProcedureID=""),
        answer(utf8, "ISO_IR 192", "long text", RequestedProcedureDescription="x" * 80),
    )
    with served(tmp_path) as at:
        found, told = asked(Worklist(config(at))), scheduled_line(config(at))
    assert {patient: one.reason for patient, (_, one) in found.items()} == {
        "nameless": "no name",
        "": "no patient id",
        "undeclared": "the name: letters beyond ASCII, and no character set that says which",
        "two encodings": "the name: declared as ISO_IR 100, and written in UTF-8",
        "the other way": "the name: not written in ISO_IR 192, as it says",
        "no study": "no UID of the study",
        "long": "the accession number: expected at most 16 printable characters, no \\",
        "no order": "neither an accession number nor the id of a requested procedure",
        "long text": "",
    }
    assert all((key == "") == bool(one.reason) for key, one in found.values())
    assert told.startswith("127.0.0.1") and "9 scheduled; some cannot be chosen: " in told and "no name; " in told
    assert found["undeclared"][1].name == "M�ller, Anna"
    assert found["long text"][1].remark == "Left out: the description (expected at most 64 printable characters, no \\)"


@needs_wlmscpfs
def test_what_answers_do_not_say_the_settings_may(tmp_path: Path) -> None:
    write(tmp_path / TITLE, answer("Müller^Anna".encode("latin-1")))
    with served(tmp_path) as at:
        ((_, one),) = Worklist(config(at, character_set="ISO_IR 100")).ask().items
    assert one.name == "Müller, Anna" and one.examination is not None


@needs_wlmscpfs
def test_only_these_days_this_modality_and_this_station_are_asked_for(tmp_path: Path) -> None:
    days = [date.today() + timedelta(days=ahead) for ahead in (-2, -1, 0, 1)]
    write(tmp_path / TITLE, *(answer(b"Smith^Jo", "", f"{day}", f"{day:%Y%m%d}") for day in days))
    with served(tmp_path) as at:

        def found(**settings: Any) -> set[str]:
            return {*asked(Worklist(config(at, **{"days": 0, **settings}), today=lambda: days[2]))}

        assert found() == found(station="ENDO", modality="") == {str(days[2])}
        assert found(days=1) == {str(day) for day in days[1:]}
        assert found(modality="US") == found(station="OTHER") == set()


@needs_wlmscpfs
def test_it_is_asked_once_for_all_who_ask_within_seconds_and_a_key_lasts_an_hour(folder: Path) -> None:
    clock = Clock()
    with served(folder) as at:
        worklist = Worklist(config(at), clock)
        lists: list[Any] = []
        threads = [threading.Thread(target=lambda: lists.append(worklist.ask())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(one is lists[0] for one in lists) and len(lists) == 4
        clock.now_s = module.FRESH_S
        assert worklist.ask() is not lists[0]
    key = lists[0].items[0][0]
    assert worklist.ask().items[0][0] == key, "the same answer, the same key"
    clock.now_s += module.HELD_S + 1
    with pytest.raises(NotNow, match="too long ago"):
        worklist.examination(key)
    with pytest.raises(PeerFailed, match="nobody listens there"):
        worklist.ask()


@needs_wlmscpfs
def test_another_worklist_is_asked_at_once_and_what_was_answered_can_still_be_chosen(folder: Path) -> None:
    with served(folder) as at:
        worklist = Worklist(config(1))
        with pytest.raises(PeerFailed, match="nobody listens there"):
            worklist.ask()
        worklist.use(config(at))
        (key, *_), *_ = worklist.ask().items
        worklist.use(config(1))
        with pytest.raises(PeerFailed, match="nobody listens there"):
            worklist.ask()
        assert worklist.examination(key)
        worklist.use(WorklistConfig())
        assert not worklist.is_on


@needs_wlmscpfs
def test_answers_are_bounded_in_number(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ANSWERS", 3)
    with served(folder) as at:
        listed = Worklist(config(at)).ask()
        assert (len(listed.items), listed.has_more) == (3, True)
        assert len(Worklist(config(at)).ask().items) == 3, "and the next is answered too"


@pytest.mark.slow
@needs_wlmscpfs
def test_answers_are_bounded_in_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    with served(folder) as at, pytest.raises(PeerFailed, match="more than 0 MiB; narrow it"):
        Worklist(config(at)).ask()


@needs_wlmscpfs
@pytest.mark.slow
def test_answers_are_bounded_in_time(folder: Path) -> None:
    with served(folder, "--sleep-during", "2") as at:
        listed = Worklist(config(at, timeout_s=8)).ask()
        assert listed.has_more and 0 < len(listed.items) < len(NAMES)
    with served(folder, "--sleep-before", "9") as at, pytest.raises(PeerFailed, match="within 2 s"):
        Worklist(config(at, timeout_s=2)).ask()


@needs_wlmscpfs
def test_one_that_hangs_does_not_hold_up_the_programs_end(folder: Path) -> None:
    limit_s = 2 * GUARD_S
    code = (
        "import threading, time; from edge.config import WorklistConfig; from edge.pacs.worklist import Worklist; "
        "from pynetdicom.dul import DULServiceProvider as Line; "
        f"worklist = Worklist(WorklistConfig(host='127.0.0.1', port=PORT, ae_title='{TITLE}', timeout_s={limit_s})); "
        "threading.Thread(target=worklist.ask, daemon=True).start(); "
        "lines = lambda: [one for one in threading.enumerate() if isinstance(one, Line)]; "
        "[time.sleep(0.01) for _ in iter(lambda: bool(lines()), True)]; print('asks')"
    )
    with served(folder, "--sleep-before", str(limit_s)) as at:
        done = subprocess.run(
            [sys.executable, "-c", code.replace("PORT", str(at))], capture_output=True, text=True, timeout=GUARD_S
        )
    assert done.stdout == "asks\n" and done.returncode == 0, done.stderr


@needs_wlmscpfs
def test_a_wrong_title_and_a_port_where_nobody_is_are_said_with_their_keys(folder: Path) -> None:
    with served(folder) as at, pytest.raises(PeerFailed, match=r"\[worklist\] ae_title"):
        Worklist(replace(config(at), ae_title="OTHER")).ask()
    with pytest.raises(PeerFailed, match=r"\[worklist\] host and port"):
        Worklist(config(free_port())).ask()
    with pytest.raises(NotNow, match=r"\[worklist\] host"):
        Worklist(WorklistConfig()).ask()


@needs_wlmscpfs
def test_an_answer_that_is_no_dataset_takes_the_others_not_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, broken = pynetdicom.association.decode, [True]

    def decode(*of: Any) -> Any:
        if broken:
            broken.pop()
            raise ValueError("no dataset")
        return whole(*of)

    monkeypatch.setattr("pynetdicom.association.decode", decode)
    with served(folder) as at:
        listed = Worklist(config(at)).ask()
    assert [one.name for key, one in listed.items if not key] == ["(cannot be read)"]
    assert len(listed.items) == len(NAMES)


@needs_wlmscpfs
def test_nobody_is_in_the_log(folder: Path, caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    caplog.set_level(logging.DEBUG)
    with served(folder) as at:
        listed = Worklist(config(at)).ask()
    said = caplog.text + "".join(capfd.readouterr()) + repr(listed) + str(listed.items[0][1])
    assert "5 answers" in said
    assert not any(word in said for word in ("Müller", "Smith", "19700501", "P0", "A1"))
