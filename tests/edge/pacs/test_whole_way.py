"""From the worklist to the archive: the whole program, dcmtk's worklist and Orthanc."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import requests

from tests.doubles.orthanc import Orthanc, needs_orthanc
from tests.doubles.waiting import GUARD_S
from tests.doubles.ward import PATIENCE_S, wait, ward
from tests.doubles.worklist_files import TITLE, answer, needs_wlmscpfs, served, write

pytestmark = [pytest.mark.slow, needs_orthanc, needs_wlmscpfs]
YAMADA = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"


def save(url: str) -> None:
    """As the page's button does, as soon as a live picture is there."""
    end_s = time.monotonic() + PATIENCE_S
    while not requests.post(f"{url}api/save", timeout=GUARD_S).ok:
        assert time.monotonic() < end_s
        time.sleep(0.2)


def test_each_patients_pictures_arrive_under_his_name_in_his_letters(tmp_path: Path) -> None:
    write(
        tmp_path / TITLE,
        answer(YAMADA, ("", "ISO 2022 IR 87"), "P1", StudyInstanceUID="1.2.1"),
        answer("Müller^Anna".encode("latin-1"), "ISO_IR 100", "P2", StudyInstanceUID="1.2.2"),
    )
    with served(tmp_path) as worklist_port, Orthanc(tmp_path / "orthanc") as orthanc:
        to_it = (
            'pacs.host = "127.0.0.1"',
            f"pacs.port = {orthanc.dicom_port}",
            f'pacs.folder = "{tmp_path / "queue"}"',
        )
        with ward(tmp_path, worklist_port, *to_it) as url:
            keys = [one["key"] for one in requests.get(f"{url}api/worklist", timeout=GUARD_S).json()["items"]]
            for number, key in enumerate(keys, 1):  # the second is opened in place of the first
                assert requests.post(f"{url}api/session", json={"worklist": key}, timeout=GUARD_S).ok
                save(url)
                wait(lambda num=number: len(list((tmp_path / "saved").glob("*.json"))) == num)  # type: ignore[misc]
            assert requests.delete(f"{url}api/session", timeout=GUARD_S).ok
            wait(lambda: len(orthanc.instances()) == 4)
        found = {
            (one["PatientMainDicomTags"]["PatientName"], one["MainDicomTags"]["StudyInstanceUID"])
            for one in orthanc.get("/studies?expand")
        }
    assert found == {("Yamada^Tarou=山田^太郎", "1.2.1"), ("Müller^Anna", "1.2.2")}
