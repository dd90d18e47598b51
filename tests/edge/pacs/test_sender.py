"""What was saved in a patient session reaches the PACS, once, and stays until the PACS says that it keeps it."""

import dataclasses
import errno
import io
import logging
import os
import resource
import threading

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    VLEndoscopicImageStorage,
)

from edge.basics.errors import InputOutputError
from edge.clips.process import FfmpegFailed
from edge.config import Config, PacsConfig
from edge.dicom.saved import objects_from_saved
from edge.health.news import Board, Removed
from edge.pacs.part import PacsPart
from edge.pacs.waiting.queue import NAME
from edge.saving.store import NotRemoved
from tests.doubles.orthanc import needs_orthanc
from tests.doubles.pacs_store import SECRET, add_pair, pixels, session, store_of
from tests.doubles.waiting import GUARD_S, wait_until

LOST = 0x0112


@needs_orthanc
def test_pixels_and_patient_arrive_in_orthanc_and_are_kept(unit_of, orthanc, port):
    unit = unit_of(port=orthanc.dicom_port, listen=f"127.0.0.1:{port}")
    item = add_pair(unit.folder, 1, session())
    alone = add_pair(unit.folder, 2, session(), enhanced=False)
    add_pair(unit.folder, 3)  # nobody's
    assert unit.sender.held().keys() == {item, alone}
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 3})
    assert unit.sender.held() == {}
    found = {}
    for uid in orthanc.instances():
        dataset = pydicom.dcmread(io.BytesIO(orthanc.file(uid)))
        found[dataset.ImageType[0]] = dataset
        assert (dataset.PatientID, dataset.StudyInstanceUID) == ("ID-0", "1.2.826.0.1.1")
    assert np.array_equal(found["DERIVED"].pixel_array, pixels(unit.folder, item, "enhanced"))
    assert len(orthanc.instances()) == 3


def test_an_open_session_waits_for_its_end_and_is_spared(unit_of, pacs_of):
    pacs = pacs_of()
    unit = unit_of(port=pacs.port)
    unit.open_session = session(1)["id"]
    mine, other = add_pair(unit.folder, 1, session(1)), add_pair(unit.folder, 2, session(2))
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 2})
    assert unit.sender.held() == {mine: ""}
    told = {"id": session(1)["id"], "waiting": 2, "sent": 0, "committed": 0, "failed": 0}
    wait_until(lambda: unit.sender.record()["session"] == told)
    unit.close_session()
    wait_until(lambda: unit.counts() == {"committed": 4})
    wait_until(lambda: unit.sender.record()["session"] == {**told, "waiting": 0, "committed": 2})
    assert {dataset.PatientID for dataset in pacs.stored.values()} == {"ID-1", "ID-2"}
    assert set(pacs.counts.values()) == {1}
    assert other not in unit.sender.held()


def test_what_waits_is_not_removed(unit_of):
    unit = unit_of(port=1)
    item = unit.store.listing.find(add_pair(unit.folder, 1, session()))
    with pytest.raises(NotRemoved, match="waits to be sent"):
        unit.store.remove(item, "on request")
    unit.start()
    wait_until(lambda: unit.told[-1][0] == "degraded")
    assert "nobody listens there" in unit.told[-1][1]
    assert unit.sender.record()["reason"] == unit.told[-1][1]


@pytest.mark.parametrize(
    ("sop_class", "syntax"),
    [
        (VLEndoscopicImageStorage, ImplicitVRLittleEndian),
        (SecondaryCaptureImageStorage, ExplicitVRLittleEndian),
        (SecondaryCaptureImageStorage, ImplicitVRLittleEndian),
    ],
    ids=["implicit", "secondary capture", "secondary capture, implicit"],
)
def test_a_pacs_that_refuses_the_kind_gets_another(unit_of, pacs_of, sop_class, syntax):
    pacs = pacs_of(kinds=[(sop_class, syntax)])
    unit = unit_of(port=pacs.port)
    item = add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 2})
    by_kind = {dataset.ImageType[0]: dataset for dataset in pacs.stored.values()}
    for dataset, view in ((by_kind["ORIGINAL"], "raw"), (by_kind["DERIVED"], "enhanced")):
        assert (dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID) == (sop_class, syntax)
        assert np.array_equal(dataset.pixel_array, pixels(unit.folder, item, view))
    (source,) = by_kind["DERIVED"].SourceImageSequence
    assert source.ReferencedSOPInstanceUID == by_kind["ORIGINAL"].SOPInstanceUID
    assert source.ReferencedSOPClassUID == sop_class


def test_a_pacs_that_takes_no_such_thing_is_told_of(unit_of, pacs_of):
    pacs = pacs_of(kinds=())
    unit = unit_of(port=pacs.port)
    add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: unit.told[-1][0] == "degraded")
    assert "accepts nothing of what was proposed" in unit.told[-1][1]
    assert unit.counts() == {"waiting": 2}


@pytest.mark.parametrize("status", [0xA900, 0xC000, 0x0117])
def test_what_is_refused_for_good_waits_for_a_person(unit_of, pacs_of, status, caplog):
    refuses = [True]
    pacs = pacs_of(status=lambda dataset, number: status if dataset.ImageType[0] == "DERIVED" and refuses else 0)
    unit = unit_of(port=pacs.port)
    name = add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 1, "failed": 1})
    assert f"{status:#06x}" in unit.sender.record()["reason"]
    assert unit.sender.held() == {name: ""}, "a person may remove it, the unit does not by itself"
    refuses.clear()
    unit.sender._queue.retry()
    wait_until(lambda: unit.counts() == {"committed": 2})
    wait_until(lambda: unit.told[-1] == ("ok", ""))


def test_out_of_resources_is_tried_again(unit_of, pacs_of):
    pacs = pacs_of(status=lambda dataset, number: 0xA700 if number < 3 else 0)
    unit = unit_of(port=pacs.port)
    add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 2})


def test_a_connection_that_breaks_each_time_at_one_object_does_not_hold_up_the_others(unit_of, pacs_of):
    bad = []
    pacs = pacs_of(status=lambda dataset, number: None if dataset.InstanceNumber == 1 and not bad else 0)
    unit = unit_of(port=pacs.port)
    add_pair(unit.folder, 1, session(), enhanced=False)
    add_pair(unit.folder, 2, session(1), enhanced=False)
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 1, "waiting": 1})
    bad.append(1)
    wait_until(lambda: unit.counts() == {"committed": 2})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "state"),
    [
        (FfmpegFailed("ffmpeg: exit code 1"), "waiting"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "waiting"),
        (RuntimeError(SECRET), "failed"),
    ],
)
def test_what_cannot_be_put_together_does_not_hold_up_the_others(unit_of, pacs_of, monkeypatch, caplog, error, state):
    def objects(record, *rest, **known):
        if record["source"]["seq"] == 1 and broken:
            raise error
        yield from objects_from_saved(record, *rest, **known)

    broken = [True]
    monkeypatch.setattr("edge.pacs.ways.objects.objects_from_saved", objects)
    unit = unit_of(port=pacs_of().port)
    name = add_pair(unit.folder, 1, session())
    add_pair(unit.folder, 2, session(1))
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 2, state: 2})
    assert all(one.tries for one in unit.sender._queue.of(name))
    assert SECRET not in caplog.text + repr(unit.sender.record())
    broken.clear()
    unit.sender._queue.retry()
    wait_until(lambda: unit.counts() == {"committed": 4})


def test_the_same_bytes_go_each_time(unit_of, pacs_of):
    seen = []

    def status(dataset, number):
        seen.append((dataset.SOPInstanceUID, dataset.to_json()))
        return None if number < 4 else 0

    pacs = pacs_of(status=status)
    unit = unit_of(port=pacs.port)
    add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 2})
    assert len({uid for uid, _ in seen}) == len(set(seen)) == 2


def test_what_the_pacs_does_not_keep_is_sent_again(unit_of, pacs_of):
    pacs = pacs_of(failing=lambda uid: LOST if uid == min(pacs.stored) and pacs.counts[uid] < 3 else 0)
    unit = unit_of(port=pacs.port)
    add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 2})
    assert sorted(pacs.counts.values()) == [1, 3]


def test_without_commitment_what_was_sent_counts_as_there(unit_of, pacs_of):
    pacs = pacs_of(commits=False)
    unit = unit_of(port=pacs.port, commitment=False)
    add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: unit.counts() == {"sent": 2} and unit.told[-1] == ("ok", ""))
    assert unit.sender.held() == {}


@pytest.mark.parametrize("status", [None, 0x0110], ids=["broke off", "said no"])
def test_a_question_that_was_not_taken_is_asked_again_soon(unit_of, pacs_of, status):
    pacs = pacs_of(acting=lambda number: status if number < 2 else 0)
    unit = unit_of(port=pacs.port)
    add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 2} and unit.told[-1] == ("ok", ""))
    assert len(pacs.asked) == 3 and {*pacs.counts.values()} == {1}


def test_a_pacs_without_commitment_is_told_of(unit_of, pacs_of):
    pacs = pacs_of(commits=False)
    unit = unit_of(port=pacs.port)
    name = add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: unit.told[-1][0] == "degraded")
    assert "set [pacs] commitment = false" in unit.told[-1][1]
    assert "has not said yet" in unit.sender.held()[name]


def test_a_damaged_queue_is_made_anew_and_nothing_arrives_twice(unit_of, pacs_of, caplog):
    pacs = pacs_of()
    unit = unit_of(port=pacs.port)
    add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 2})
    unit.end()
    unit.sender._queue.close()
    (unit.config.path / NAME).write_bytes(b"no database at all" * 1000)
    again = unit_of(port=pacs.port).start()
    wait_until(lambda: again.counts() == {"committed": 2})
    assert set(pacs.counts.values()) == {2} and len(pacs.stored) == 2
    assert [path for path in unit.config.path.iterdir() if "damaged" in path.name]
    assert "made anew" in caplog.text


def test_a_full_disk_under_the_queue_is_told_and_mended(unit_of, pacs_of):
    pacs = pacs_of()
    unit = unit_of(port=pacs.port)
    add_pair(unit.folder, 1, session())
    unit.sender._queue_and_scan()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        unit.start()
        wait_until(lambda: NAME in unit.told[-1][1])
        assert "disk" in unit.told[-1][1]
        with pytest.raises(InputOutputError, match="disk"):  # nobody knows what may go, so nothing goes
            unit.sender.held()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    wait_until(lambda: unit.counts() == {"committed": 2})


def test_what_a_person_removed_is_forgotten(unit_of, pacs_of):
    pacs = pacs_of()
    unit = unit_of(port=pacs.port)
    item = unit.store.listing.find(add_pair(unit.folder, 1, session()))
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 2})
    unit.store.remove(item, "on request")
    wait_until(lambda: unit.counts() == {})
    unit.board.post(Removed("another", "on request"))


def test_one_process_sends(unit_of, pacs_of):
    pacs = pacs_of()
    first = unit_of(port=pacs.port).start()
    second = unit_of(port=pacs.port)
    wait_until(lambda: first.told[-1][0] == "ok")
    second.start()
    wait_until(lambda: second.told[-1][0] == "degraded")
    assert "another process sends" in second.told[-1][1]


def test_no_patient_in_log_queue_or_health(unit_of, pacs_of, caplog):
    caplog.set_level(logging.DEBUG)
    pacs = pacs_of(status=lambda dataset, number: 0xA900 if number == 1 else 0)
    unit = unit_of(port=pacs.port)
    add_pair(unit.folder, 1, session(3))
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 1, "failed": 1})
    content = b"".join(path.read_bytes() for path in unit.config.path.iterdir())
    seen = caplog.text + repr(unit.sender.record()) + repr(unit.told)
    for secret in (*SECRET.split("^"), "ID-3", "1.2.826.0.1.4"):
        assert secret not in seen
        assert secret.encode() not in content
    assert oct((unit.config.path / NAME).stat().st_mode & 0o777) == "0o640"


def test_another_configuration_is_taken_on_with_its_queue_and_what_is_sent_is_ended(unit_of, pacs_of):
    began, go_on = threading.Event(), threading.Event()

    def status(dataset, number):
        began.set()
        go_on.wait(GUARD_S)
        return 0

    old, new = pacs_of(status=status), pacs_of(title="NEW")
    unit = unit_of(port=old.port, commitment=False)
    for number in range(3):
        add_pair(unit.folder, number, session())
    unit.start()
    assert began.wait(GUARD_S)
    unit.sender.use(dataclasses.replace(unit.config, port=new.port, ae_title="NEW"))
    go_on.set()
    wait_until(lambda: unit.counts() == {"sent": 6})
    assert len(old.stored) == 2, "the item that was on its way is whole there"
    assert len(new.stored) == 4 and not old.stored.keys() & new.stored.keys()
    wait_until(lambda: unit.sender.record()["to"] == f"127.0.0.1:{new.port}")


def test_a_pacs_can_be_named_and_left_out_while_the_unit_runs(tmp_path, in_haste, pacs_of):
    pacs, board, told = pacs_of(), Board(), []
    store = store_of(tmp_path / "pictures", board)
    name = add_pair(tmp_path / "pictures", 1, session())
    part = PacsPart(store, board, lambda: None, lambda *one: told.append(one), lambda *one: None)
    part.use(Config())
    part.start()
    assert (part.record(), part.held(), told) == (None, {}, [])
    named = PacsConfig(host="127.0.0.1", port=pacs.port, folder=str(tmp_path / "pacs"), timeout_s=120)
    part.use(Config(pacs=named))
    wait_until(lambda: part.record()["committed"] == 2)
    add_pair(tmp_path / "pictures", 2, session(1))
    part.use(Config())
    wait_until(lambda: told[-1] == ("off", ""))
    assert part.record() is None and part.held() == {}
    part.use(Config(pacs=named))
    wait_until(lambda: part.record() is not None and part.record()["committed"] == 4)
    assert set(pacs.counts.values()) == {1} and name
    part.close()
