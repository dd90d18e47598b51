"""The worklist is told of each session once that it begins, and once how it ended (PS3.4 annex F), whatever happens.

Debian has no peer that speaks MPPS: it is pynetdicom's, in a process of its own, that holds to the states of F.7.2.
What a step must have is held to a table of this file's own, written by PS3.4 table F.7.2-1 and PS3.3 C.4.13 to C.4.15.
"""

from __future__ import annotations

import fcntl
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage, VLEndoscopicImageStorage

from edge.config import WorklistConfig
from edge.dicom.examination import emergency
from edge.health.news import SessionChanged
from edge.pacs import performing
from edge.pacs.performing import Performing
from edge.pacs.waiting import steps as steps_module
from edge.pacs.waiting.queue import Queue
from edge.pacs.waiting.steps import Steps
from tests.doubles.pacs_store import SECRET, add_pair
from tests.doubles.pacs_store import session as plain_session
from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S, wait_until
from tests.edge.pacs.conftest import Unit
from tests.paths import REPOSITORY

NUM_SESSIONS, NUM_KILLS = 36, 8
SINCE = "2026-05-04T08:00:00+00:00"
CREATED: dict[str, int] = {
    "00400270": 1, "00400270/0020000D": 1, "00400270/00081110": 2, "00400270/00080050": 2, "00400270/00401001": 2,
    "00400270/00321060": 2, "00400270/00400009": 2, "00400270/00400007": 2, "00400270/00400008": 2,
    "00100010": 2, "00100020": 2, "00100030": 2, "00100040": 2, "00081120": 2,
    "00400253": 1, "00400241": 1, "00400242": 2, "00400243": 2, "00400244": 1, "00400245": 1, "00400252": 1,
    "00400254": 2, "00400255": 2, "00081032": 2, "00400250": 2, "00400251": 2,
    "00080060": 1, "00200010": 2, "00400260": 2, "00400340": 2,
}  # fmt: skip
"""Tag of what N-CREATE must have -> its type for an SCU: 1 with a value, 2 perhaps empty."""
SET: dict[str, int] = {
    "00400252": 1, "00400250": 1, "00400251": 1, "00400340": 1,
    "00400340/00081050": 2, "00400340/00181030": 1, "00400340/00081070": 2, "00400340/0020000E": 1,
    "00400340/0008103E": 2, "00400340/00080054": 2, "00400340/00081140": 2, "00400340/00400220": 2,
}  # fmt: skip
"""The same of an N-SET to COMPLETED or DISCONTINUED: the requirement of the final state."""
NOT_TO_BE_SET = {
    "00400270", "00100010", "00100020", "00400253", "00400241", "00400244", "00400245", "00080060", "00200010",
}  # fmt: skip


def session(number: int = 0) -> dict[str, Any]:
    return {**plain_session(number), "since": SINCE}


def missing(step: dict[str, Any], required: dict[str, int]) -> list[str]:
    """What a step in DICOM's JSON lacks of a table."""
    found = []
    for path, kind in required.items():
        outer, _, inner = path.partition("/")
        places = [step] if not inner else step.get(outer, {}).get("Value", [])
        for place in places:
            element = place.get(inner or outer)
            if element is None or (kind == 1 and not element.get("Value")):
                found.append(path)
    return found


class Peer:
    """The process; what it keeps outlives it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        (self.folder / "ready").unlink(missing_ok=True)
        words = [sys.executable, "-m", "tests.doubles.mpps_peer", str(self.port), str(self.folder)]
        self._process = subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until((self.folder / "ready").exists)

    def stop(self) -> None:
        """Between two requests: of one in the middle it would have written a part."""
        if self._process is not None:
            with (self.folder / "busy").open("w") as busy:
                fcntl.flock(busy, fcntl.LOCK_EX)
                self._process.kill()
                self._process.wait()
            self._process = None

    def steps(self) -> dict[str, list[dict[str, Any]]]:
        """UID -> what was created, and what was set."""
        return {path.stem: json.loads(path.read_text() or "[]") for path in self.folder.glob("*.json")}

    def states(self) -> list[list[str]]:
        """Of each step what it went through."""
        return sorted([one["00400252"]["Value"][0] for one in told] for told in self.steps().values())

    def asked(self) -> list[str]:
        """Words of each request: what, UID, status."""
        path = self.folder / "asked"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    made = Peer(tmp_path / "peer")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def ward_of(
    unit_of: Callable[..., Unit], pacs_of: Any, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Ward]]:
    monkeypatch.setattr(performing, "POLL_S", 0.02)
    monkeypatch.setattr(performing, "GRACE_S", 0.0)
    made: list[Ward] = []

    def make(pacs: Any = None, mpps: str | None = None) -> Ward:
        made.append(Ward(unit_of, pacs or pacs_of(), mpps or f"RIS@127.0.0.1:{peer.port}"))
        return made[-1]

    yield make
    for one in made:
        one.performing.close()


class Ward:
    """A unit that sends, and tells of its sessions. Attributes: told: sessions and what was told of them."""

    def __init__(self, unit_of: Callable[..., Unit], pacs: Any, mpps: str) -> None:
        self.session: dict[str, Any] | None = None
        self.told: list[tuple[str, str]] = []
        self.pacs, self.unit = pacs, unit_of(port=pacs.port)
        self.config = WorklistConfig(mpps=mpps, timeout_s=60)
        self.performing = Performing(
            self.config, self.unit.board, lambda: self.session, lambda *one: self.told.append(one)
        )
        self.unit.sender._performing = self.performing

    def start(self) -> Ward:
        self.performing.start()
        self.unit.start()
        return self

    def open(self, of: dict[str, Any]) -> None:
        self.session, self.unit.open_session = of, of["id"]
        self.unit.board.post(SessionChanged(of["id"]))

    def close(self) -> None:
        self.session = None
        self.unit.close_session()

    def record(self) -> dict[str, Any]:
        return {**dict.fromkeys(("completed", "discontinued", "failed"), 0), **(self.performing.record() or {})}

    def power_cut(self) -> None:
        """As far as a test can without a process of its own: nothing is done any more, nothing is said."""
        self.performing.close()
        if self.performing._thread.is_alive():
            self.performing._thread.join(GUARD_S)
        self.unit.end()


def test_a_session_is_told_when_it_begins_and_with_all_that_was_made_when_it_ends(
    ward_of: Callable[..., Ward], peer: Peer
) -> None:
    ward = ward_of().start()
    ward.open(session(3))
    wait_until(lambda: peer.states() == [["IN PROGRESS"]])
    ((uid, (begun,)),) = peer.steps().items()
    assert UID(uid).is_valid and missing(begun, CREATED) == []
    step = Dataset.from_json(begun)
    assert (step.PatientName, step.PatientID, step.SpecificCharacterSet) == (SECRET, "ID-3", "ISO_IR 192")
    assert (step.ScheduledStepAttributesSequence[0].StudyInstanceUID, step.Modality) == ("1.2.826.0.1.4", "ES")
    assert step.ScheduledStepAttributesSequence[0].AccessionNumber == "A3"
    assert len(step.PerformedProcedureStepID) <= 16
    add_pair(ward.unit.folder, 1, session(3))
    add_pair(ward.unit.folder, 2, session(3), enhanced=False)
    ward.close()
    wait_until(lambda: peer.states() == [["IN PROGRESS", "COMPLETED"]])
    ended = peer.steps()[uid][1]
    assert missing(ended, SET) == [] and not NOT_TO_BE_SET & {*ended}
    assert Dataset.from_json(ended).SpecificCharacterSet == step.SpecificCharacterSet
    named = {
        (str(image.ReferencedSOPInstanceUID), str(image.ReferencedSOPClassUID), str(series.SeriesInstanceUID))
        for series in Dataset.from_json(ended).PerformedSeriesSequence
        for image in series.ReferencedImageSequence
    }
    stored = {
        (str(one.SOPInstanceUID), str(one.SOPClassUID), str(one.SeriesInstanceUID)) for one in ward.pacs.stored.values()
    }
    assert len(stored) == 3 and named == stored
    for one in ward.pacs.stored.values():
        (referred,) = one.ReferencedPerformedProcedureStepSequence
        assert (referred.ReferencedSOPInstanceUID, one.PerformedProcedureStepID) == (uid, step.PerformedProcedureStepID)
    wait_until(lambda: ward.record()["completed"] == 1)
    assert ward.told == [(session(3)["id"], "IN PROGRESS"), (session(3)["id"], "COMPLETED")]
    assert [line.split()[0::2] for line in peer.asked()] == [["create", "0x0000"], ["set", "0x0000"]]


def test_a_session_in_which_nothing_was_saved_is_discontinued(ward_of: Callable[..., Ward], peer: Peer) -> None:
    ward = ward_of().start()
    whose = emergency()
    ward.open({"id": "e" * 12, "label": "x", "since": SINCE, "examination": whose.record()})
    wait_until(lambda: len(peer.steps()) == 1)
    ((uid, (begun,)),) = peer.steps().items()
    assert missing(begun, CREATED) == []
    (scheduled,) = Dataset.from_json(begun).ScheduledStepAttributesSequence
    assert scheduled.StudyInstanceUID == whose.study_uid and not scheduled.RequestedProcedureDescription
    ward.close()
    wait_until(lambda: peer.states() == [["IN PROGRESS", "DISCONTINUED"]])
    ended = peer.steps()[uid][1]
    assert missing(ended, SET) == []
    assert {*ended} - {"00400281"} <= {*begun}, "what was not created must not be set"
    (series,) = Dataset.from_json(ended).PerformedSeriesSequence
    assert len(series.ReferencedImageSequence) == 0
    wait_until(lambda: ward.record()["discontinued"] == 1)


def test_a_session_with_a_label_alone_is_not_told(ward_of: Callable[..., Ward], peer: Peer) -> None:
    ward = ward_of().start()
    ward.open({"id": "a" * 12, "label": "x"})
    ward.close()
    ward.open(session())
    wait_until(lambda: len(peer.steps()) == 1)
    assert len(peer.asked()) == 1


@pytest.mark.slow
def test_who_is_away_hears_it_all_once_over_a_power_cut_and_nothing_is_held_up(
    ward_of: Callable[..., Ward], pacs_of: Any, peer: Peer
) -> None:
    peer.stop()
    pacs = pacs_of()
    first = ward_of(pacs).start()
    first.open(session(1))
    wait_until(lambda: "nobody listens there" in first.record().get("reason", ""))
    assert first.record()["begun"] == 1 and "[worklist] mpps" in first.record()["reason"]
    add_pair(first.unit.folder, 1, session(1))
    first.open(session(2))  # in its place
    wait_until(lambda: first.unit.counts() == {"committed": 2})
    wait_until(lambda: first.unit.told[-1][0] == "degraded")
    first.power_cut()
    again = ward_of(pacs)
    again.session, again.unit.open_session = session(2), session(2)["id"]  # as the session's own file says
    add_pair(again.unit.folder, 2, session(2))
    again.start()
    peer.start()
    wait_until(lambda: peer.states() == [["IN PROGRESS"], ["IN PROGRESS", "COMPLETED"]])
    again.close()
    wait_until(lambda: peer.states() == [["IN PROGRESS", "COMPLETED"]] * 2)
    wait_until(lambda: again.record()["completed"] == 2 and again.record()["reason"] == "")
    assert sorted(line.split()[0] for line in peer.asked()) == ["create", "create", "set", "set"]


def test_a_session_that_nobody_noted_before_a_power_cut_is_found_by_what_was_saved(
    ward_of: Callable[..., Ward], pacs_of: Any, peer: Peer
) -> None:
    pacs = pacs_of()
    first = ward_of(pacs)
    with closing(Steps(first.unit.config.path)):
        pass  # it had begun to tell before this session
    first.start()
    first.power_cut()
    add_pair(first.unit.folder, 1, session(1))
    ward_of(pacs).start()
    wait_until(lambda: peer.states() == [["IN PROGRESS", "COMPLETED"]])


@pytest.mark.parametrize("at", ["create", "set"])
def test_an_answer_that_was_lost_changes_nothing(ward_of: Callable[..., Ward], peer: Peer, at: str) -> None:
    ward = ward_of().start()
    if at == "create":
        (peer.folder / "lose").touch()
    ward.open(session())
    wait_until(lambda: ward.told == [(session()["id"], "IN PROGRESS")])
    add_pair(ward.unit.folder, 1, session())
    if at == "set":
        (peer.folder / "lose").touch()
    ward.close()
    wait_until(lambda: ward.record()["completed"] == 1)
    assert peer.states() == [["IN PROGRESS", "COMPLETED"]]
    assert len(peer.asked()) == 3 and peer.asked()[-1 if at == "set" else 1].split()[2] in ("0x0111", "0x0110")


def test_what_is_refused_is_said_and_told_again_when_somebody_asks(ward_of: Callable[..., Ward], peer: Peer) -> None:
    (peer.folder / "refuse").write_text("0x0106")
    ward = ward_of().start()
    ward.open(session())
    wait_until(lambda: ward.record().get("failed") == 1)
    assert "a value that it takes to be wrong" in ward.record()["reason"]
    wait_until(lambda: ward.unit.told[-1] == ("degraded", ward.record()["reason"]))
    (peer.folder / "refuse").unlink()
    with closing(Steps(ward.unit.config.path)) as steps:
        assert steps.retry() == 1
    wait_until(lambda: peer.states() == [["IN PROGRESS"]])
    wait_until(lambda: ward.unit.told[-1] == ("ok", ""))


def test_a_step_names_what_the_pacs_took_in_place_of_another_kind(
    ward_of: Callable[..., Ward], pacs_of: Any, peer: Peer
) -> None:
    ward = ward_of(pacs_of(kinds=[(SecondaryCaptureImageStorage, ExplicitVRLittleEndian)])).start()
    ward.open(session())
    add_pair(ward.unit.folder, 1, session(), enhanced=False)
    ward.close()
    wait_until(lambda: peer.states() == [["IN PROGRESS", "COMPLETED"]])
    ((_, (_, ended)),) = peer.steps().items()
    (image,) = Dataset.from_json(ended).PerformedSeriesSequence[0].ReferencedImageSequence
    assert image.ReferencedSOPClassUID == SecondaryCaptureImageStorage != VLEndoscopicImageStorage
    assert {str(image.ReferencedSOPInstanceUID)} == {*ward.pacs.stored}


def test_a_pacs_that_is_away_holds_the_end_up_no_longer_than_it_may(
    ward_of: Callable[..., Ward], pacs_of: Any, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(performing, "SETTLE_S", 0.0)
    pacs = pacs_of(status=lambda dataset, number: 0xA700)
    ward = ward_of(pacs).start()
    ward.open(session())
    add_pair(ward.unit.folder, 1, session())
    wait_until(lambda: ward.told)
    ward.close()
    wait_until(lambda: peer.states() == [["IN PROGRESS", "COMPLETED"]])
    wait_until(lambda: len(pacs.counts) == 2)
    ((_, (_, ended)),) = peer.steps().items()
    series = Dataset.from_json(ended).PerformedSeriesSequence
    assert {str(one.ReferencedImageSequence[0].ReferencedSOPInstanceUID) for one in series} == {*pacs.counts}


def test_no_patient_stands_on_the_disk_or_in_what_is_said(
    ward_of: Callable[..., Ward], peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    ward = ward_of().start()
    ward.open(session(3))
    wait_until(lambda: ward.told)
    ward.close()
    wait_until(lambda: ward.record()["discontinued"] == 1)
    content = b"".join(path.read_bytes() for path in ward.unit.config.path.iterdir() if path.is_file())
    for secret in (*SECRET.split("^"), "ID-3", "1.2.826.0.1.4"):
        assert secret not in caplog.text + repr(ward.record()) + repr(ward.told)
        assert secret.encode() not in content
    assert steps_module.NAME in {path.name for path in ward.unit.config.path.iterdir()}


def test_who_is_told_can_be_named_while_the_unit_runs(ward_of: Callable[..., Ward], peer: Peer) -> None:
    ward = ward_of()
    ward.performing.use(WorklistConfig())
    ward.start()
    ward.open(session(1))
    add_pair(ward.unit.folder, 1, session(1))
    ward.open(session(2))
    wait_until(lambda: ward.unit.counts() == {"committed": 2})
    assert ward.performing.record() is None and peer.asked() == []
    wait_until(lambda: not ward.performing._changes)  # it has seen them while nobody was to be told
    ward.performing.use(ward.config)
    wait_until(lambda: ward.told == [(session(2)["id"], "IN PROGRESS")])
    assert peer.states() == [["IN PROGRESS"]], "sessions that ended before are none of its"
    add_pair(ward.unit.folder, 2, session(2), enhanced=False)
    ward.close()
    wait_until(lambda: ward.record()["completed"] == 1)
    ((step, _),) = peer.steps().items()
    referred = [
        [str(step.ReferencedSOPInstanceUID) for step in one.get("ReferencedPerformedProcedureStepSequence", ())]
        for one in ward.pacs.stored.values()
    ]
    assert sorted(referred) == [[], [], [step]], "what no step was told of refers to none"


def test_an_object_that_is_made_again_after_a_power_cut_refers_to_the_same_step(
    ward_of: Callable[..., Ward], peer: Peer, pacs_of: Any
) -> None:
    pacs = pacs_of(status=lambda dataset, number: None if number == 0 else 0)
    ward = ward_of(pacs)
    peer.stop()
    ward.open(session(1))
    add_pair(ward.unit.folder, 1, session(1), enhanced=False)
    ward.close()
    queue, _ = ward.unit.sender._queue_and_scan()
    ward.start()
    wait_until(queue.entries)
    (entry,) = queue.entries()
    before = ward.performing.step_of(entry, {"session": session(1)})
    ward.power_cut()
    again = ward_of(pacs).start()
    wait_until(lambda: again.unit.counts() == {"committed": 1})
    (stored,) = pacs.stored.values()
    (referred,) = stored.ReferencedPerformedProcedureStepSequence
    assert referred.ReferencedSOPInstanceUID == before != ""
    assert ward.performing.step_of(entry, {"session": ["damaged since"]}) == ""


@pytest.mark.slow
def test_each_step_begins_and_ends_once_however_often_the_unit_is_killed(
    tmp_path: Path, pacs_of: Any, peer: Peer
) -> None:
    chance, pacs, counter = random.Random(20260504), pacs_of(commits=False), tmp_path / "number"
    mpps = f"RIS@127.0.0.1:{peer.port}"
    words = [sys.executable, "-m", "tests.doubles.mpps_child", str(tmp_path), str(pacs.port), mpps, str(NUM_SESSIONS)]

    def number() -> int:
        return int(counter.read_text()) if counter.exists() else 0

    for kill in range(NUM_KILLS + 1):
        if kill in (3, 6):
            (peer.stop if kill == 3 else peer.start)()
        unit = subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            before, more = number(), chance.randint(1, 4)
            if kill < NUM_KILLS:
                wait_until(lambda before=before, more=more: number() >= min(NUM_SESSIONS, before + more))
                time.sleep(chance.uniform(0.0, 0.2))  # somewhere in the middle of what follows
            else:
                wait_until((tmp_path / "done").exists)
                wait_until(lambda: all(len(one) == 2 for one in peer.states()) and not _left(tmp_path))
        finally:
            unit.kill()
            unit.wait()
    told = [line.split() for line in peer.asked()]
    taken = [(what, uid) for what, uid, status in told if status == "0x0000"]
    assert len(taken) == len(set(taken)) == 2 * len(peer.steps()), "each once as the peer sees it"
    named: dict[str, set[str]] = {}
    for begun, ended in peer.steps().values():
        study = str(Dataset.from_json(begun).ScheduledStepAttributesSequence[0].StudyInstanceUID)
        named[study] = {
            str(image.ReferencedSOPInstanceUID)
            for series in Dataset.from_json(ended).PerformedSeriesSequence
            for image in series.ReferencedImageSequence
        }
        assert ended["00400252"]["Value"] == ["COMPLETED" if named[study] else "DISCONTINUED"]
    stored: dict[str, set[str]] = {}
    for uid, one in pacs.stored.items():
        stored.setdefault(str(one.StudyInstanceUID), set()).add(uid)
    assert len(stored) > NUM_SESSIONS // 2, "three quarters have pictures, and a kill takes one session's at most"
    assert {study: uids for study, uids in named.items() if uids} == stored


def _left(folder: Path) -> bool:
    """Whether something is still to be told or sent."""
    with closing(Steps(folder / "pacs")) as steps, closing(Queue(folder / "pacs")) as queue:
        return bool(steps.begun() or steps.refused() or queue.counts()["waiting"])
