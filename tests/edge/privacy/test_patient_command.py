"""A person asks what is stored of him: it is found by his id alone, given out readable, and erased when it may be."""

from __future__ import annotations

import io
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edge.access.audit import AuditLog
from edge.cli import main
from edge.dicom.examination import Examination, Patient
from edge.pacs.waiting.queue import Queue
from edge.saving.at_rest import AtRest
from edge.saving.sealing.keys import key_of, make_key
from tests.edge.saving.test_listing import put_pair, put_recording

ANNA = Examination(Patient("Quillfeather^Anna", "QF-77", "Ward 3", "19700102", "F"), study_uid="2.25.7")
BERT = Examination(Patient("Other^Bert", "QF-777"), study_uid="2.25.8")


class Unit:
    """A unit's folders, with its key; `command` runs as who is asked at a terminal would."""

    def __init__(self, folder: Path, *, pacs: str = "") -> None:
        self.folder, self.kept, self.key = folder, folder / "kept", folder / "k"
        self.kept.mkdir()
        make_key(self.key)
        self.at_rest = AtRest(key_of("key", str(self.key)))
        self.config = folder / "edge.toml"
        tables = {"save": self.kept, "pacs": folder / "pacs"}
        lines = [f'[{name}]\nfolder = "{path}"\n{pacs if name == "pacs" else ""}\n' for name, path in tables.items()]
        lines += [f'[privacy]\nkey = "{self.key}"\n', f'[audit]\nfile = "{folder / "audit.jsonl"}"\n']
        self.config.write_text("".join(lines))

    def keep(self, name: str, examination: Examination | None, session: str, label: str = "", **more: object) -> str:
        """Say whose an item is, and encrypt it."""
        (path,) = self.kept.glob(f"{name}*.json")
        about = {} if examination is None else {"examination": examination.record()}
        shown = label or (examination.patient.shown if examination else "")
        record = {**json.loads(path.read_text()), "session": {"id": session, "label": shown, **about}, **more}
        path.write_text(json.dumps(record))
        for file in self.kept.glob(f"{name}*"):
            file.write_bytes(self.at_rest.content(file.name, file.read_bytes()))
        return name

    def audit(self) -> list[dict[str, str]]:
        path = self.folder / "audit.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    unit = Unit(tmp_path)
    unit.keep(put_pair(unit.kept, 1, second=1), ANNA, "0a0000000001")
    unit.keep(put_recording(unit.kept, 2), ANNA, "0a0000000001")
    unit.keep(put_pair(unit.kept, 3, second=3), BERT, "0b0000000002")
    unit.keep(put_pair(unit.kept, 4, second=4), None, "0c0000000003", "Carla Thistledown")
    put_pair(unit.kept, 5, second=5)
    return unit


def ask(unit: Unit, monkeypatch: pytest.MonkeyPatch, said: str, *words: object) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    return main(["patient", *map(str, words), "--config", str(unit.config)])


@pytest.mark.parametrize(
    ("said", "words", "num"),
    [
        ("QF-77\n", (), 2),
        (" qf-77 \n", (), 2),
        ("QF-7\n", (), 0),
        ("QF-777\n", (), 1),
        ("Quillfeather^Anna\n", (), 0),
        ("carla thistledown\n", (), 1),
        ("", ("--session", "0a0000000001"), 2),
        ("", ("--session", "0b0000000002", "--session", "0c0000000003"), 2),
    ],
)
def test_a_person_is_found_by_the_id_and_nobody_else(
    unit: Unit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], said: str, words: tuple[str, ...],
    num: int,
) -> None:  # fmt: skip
    assert ask(unit, monkeypatch, said, "list", *words) == 0
    shown = capsys.readouterr().out
    assert shown.count("throat-") == num
    assert ("nothing is stored" in shown) == (num == 0)
    assert ("born 19700102" in shown) == (("77" in said.lower() and num == 2) or "0a" in str(words))


def test_who_is_meant_may_stand_in_a_file(
    unit: Unit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (unit.folder / "id.txt").write_text("QF-77\nand a note\n")
    assert ask(unit, monkeypatch, "", "list", "--from", unit.folder / "id.txt") == 0
    assert capsys.readouterr().out.count("throat-") == 2
    assert ask(unit, monkeypatch, "\n", "list") == 2


def test_what_is_given_out_is_readable_and_says_who_saw_it(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    log = AuditLog(unit.folder / "audit.jsonl")
    pair = min(path.name for path in unit.kept.glob("*-raw.png")).removesuffix("-raw.png")
    recording = next(path.name[:-5] for path in unit.kept.glob("*recording.json"))
    log.record("look-begin", "early", address="10.0.0.1")
    log.record("patient-session", "the unit", id="0a0000000001")
    log.record("look-begin", "during", address="10.0.0.2")
    log.record("looked-at-saved", "dora", name=f"{recording}-raw.mp4")
    log.record("look-end", "early")
    log.record("patient-session", "the unit", id="closed")
    log.record("look-begin", "later", address="10.0.0.3")
    log.record("looked-at-saved", "emil", name="throat-20260504T030203.678Z-000003-raw.png")
    out = unit.folder / "answer"
    assert ask(unit, monkeypatch, "QF-77\n", "export", "--output", out) == 0
    index = json.loads((out / "index.json").read_text())
    assert index["persons"] == [
        {"name": "Quillfeather, Anna", "id": "QF-77", "issuer": "Ward 3", "birth_date": "19700102"}
    ]
    assert [one["name"] for one in index["stored"]] == [pair, recording]
    given = {name for one in index["stored"] for name in one["files"]}
    assert {path.name for path in out.iterdir()} == given | {"index.json", "index.html"}
    for name in given:
        with (out / name).open("rb") as file:
            assert not file.read(20).startswith(b"edge-enhance enc")
    assert json.loads((out / f"{recording}.json").read_text())["session"]["label"] == "Quillfeather, Anna"
    assert {one["who"] for one in index["seen"]} == {"early", "the unit", "during", "dora"}
    page = (out / "index.html").read_text()
    assert all(f'href="{name}"' in page for name in given) and "Quillfeather" in page
    assert out.stat().st_mode & 0o077 == 0
    assert ask(unit, monkeypatch, "QF-77\n", "export", "--output", out) == 2, "never over another"


def test_the_list_that_is_given_out_takes_no_name_for_html(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = replace(ANNA, patient=Patient("<script>alert(1)</script>^A", "E-1"))
    unit.keep(put_pair(unit.kept, 9, second=9), evil, "0e0000000009")
    assert ask(unit, monkeypatch, "E-1\n", "export", "--output", unit.folder / "out") == 0
    assert "<script>" not in (unit.folder / "out" / "index.html").read_text()


def test_erased_is_what_was_asked_for_and_confirmed(
    unit: Unit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name for path in unit.kept.iterdir()}
    for said in ("QF-77\n", "QF-77\nyes\n", "QF-77\nerase 3\n"):
        assert ask(unit, monkeypatch, said, "erase") == 2
        assert {path.name for path in unit.kept.iterdir()} == before
    assert "nothing was erased" in capsys.readouterr().err
    assert ask(unit, monkeypatch, "QF-77\nerase 2\n", "erase") == 0
    gone = before - {path.name for path in unit.kept.iterdir()}
    assert len(gone) == 3 + 4 and all("000001" in name or "recording" in name for name in gone)
    assert len(before - gone) == len(list(unit.kept.iterdir()))
    events = [(one["event"], one.get("items"), one.get("why")) for one in unit.audit()]
    assert events == [("removed", None, "the person asked for it")] * 2 + [("patient-erased", "2", None)]


def test_nothing_of_the_person_is_in_the_audit_log_or_an_error(
    unit: Unit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for said, words in (
        ("QF-77\n", ("list",)),
        ("QF-77\n", ("export", "--output", unit.folder / "out")),
        ("QF-77\nno\n", ("erase",)),
        ("QF-77\nerase 2\n", ("erase",)),
        ("QF-77\n", ("list",)),
    ):
        ask(unit, monkeypatch, said, *words)
    said = (unit.folder / "audit.jsonl").read_text() + capsys.readouterr().err
    assert not any(word in said for word in ("QF-77", "Quillfeather", "19700102"))


def test_one_id_of_two_persons_erases_nobody(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    twin = replace(ANNA, patient=replace(ANNA.patient, issuer="Ward 4", name="Someone^Else"))
    unit.keep(put_pair(unit.kept, 9, second=9), twin, "0e0000000009")
    assert ask(unit, monkeypatch, "QF-77\nerase 3\n", "erase") == 2
    assert ask(unit, monkeypatch, "erase 1\n", "erase", "--session", "0e0000000009") == 0


def test_a_recording_that_runs_is_not_erased(
    unit: Unit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unit.keep(put_recording(unit.kept, 8), ANNA, "0a0000000001", state="recording")
    assert ask(unit, monkeypatch, "QF-77\nerase 3\n", "erase") == 2
    assert "is recorded at this moment" in capsys.readouterr().err


def test_a_session_that_is_open_is_closed_first(
    unit: Unit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(unit.folder))
    path = unit.folder / "session" / "session.json"
    path.parent.mkdir()
    path.write_bytes(unit.at_rest.content(path.name, b'{"id": "0a0000000001", "label": "Quillfeather, Anna"}'))
    assert ask(unit, monkeypatch, "QF-77\nerase 2\n", "erase") == 2
    assert "close it on the page" in capsys.readouterr().err


def test_what_waits_for_the_pacs_is_listed_and_not_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unit = Unit(tmp_path, pacs='host = "127.0.0.1"\ncommitment = true')
    name = unit.keep(put_pair(unit.kept, 1, second=1), ANNA, "0a0000000001")
    assert ask(unit, monkeypatch, "QF-77\nerase 1\n", "erase") == 2
    assert "not queued" in capsys.readouterr().err
    queue = Queue(tmp_path / "pacs")
    queue.add(name, "0a0000000001", {"raw": ("2.25.1", "2.25.2")}, time.time())
    assert ask(unit, monkeypatch, "QF-77\nerase 1\n", "erase") == 2
    assert "waits for the PACS" in capsys.readouterr().err
    (entry,) = queue.of(name)
    queue.took(entry, entry.uid, entry.uid, "1.2.3")
    queue.sent(entry)
    assert ask(unit, monkeypatch, "QF-77\nerase 1\n", "erase") == 2
    assert "has not said yet" in capsys.readouterr().err
    queue.committed([entry.uid])
    assert ask(unit, monkeypatch, "QF-77\n", "list") == 0
    assert "PACS: committed" in capsys.readouterr().out
    assert ask(unit, monkeypatch, "QF-77\nerase 1\n", "erase") == 0
    assert not list(unit.kept.glob("throat-*"))


def test_records_that_cannot_be_read_are_told(
    unit: Unit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = unit.folder / "k2"
    make_key(stranger)
    path = unit.kept / f"{put_pair(unit.kept, 9, second=9)}-enhanced.png.json"
    path.write_bytes(AtRest(key_of("key", str(stranger))).content(path.name, path.read_bytes()))
    alone = put_pair(unit.kept, 10, second=10)
    (unit.kept / f"{alone}-enhanced.png.json").unlink()
    assert ask(unit, monkeypatch, "QF-77\n", "list") == 1
    said = capsys.readouterr()
    assert said.out.count("throat-") == 2 and "1 records cannot be read" in said.err
    assert "1 pictures have no record" in said.err


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_does_it_as_the_user_of_the_folder(tmp_path: Path) -> None:
    """In a process of its own, which is not root any more afterwards."""
    if (child := os.fork()) == 0:
        code = 1
        try:
            unit = Unit(tmp_path)
            unit.keep(put_pair(unit.kept, 1, second=1), ANNA, "0a0000000001")
            for path in (unit.kept, *unit.kept.iterdir()):
                os.chown(path, 1, 1)
            tmp_path.chmod(0o755)
            for above in list(tmp_path.parents)[:3]:
                above.chmod(0o755)
            import sys

            sys.stdin = io.StringIO("QF-77\n")
            words = ["export", "--output", str(tmp_path / "out"), "--config", str(unit.config)]
            done = main(["patient", *words])
            code = 0 if done == 0 and os.geteuid() == 1 and (tmp_path / "out").stat().st_uid == 1 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
