"""Worklist files as a hospital's system leaves them, and a real server of them: dcmtk's wlmscpfs."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.doubles.ports import free_port

PROGRAM = shutil.which("wlmscpfs")
needs_wlmscpfs = pytest.mark.skipif(PROGRAM is None, reason="needs wlmscpfs: apt-get install dcmtk")
TITLE = "RIS"
_PATIENCE_S = 30.0


def answer(
    name: bytes, sets: str | Sequence[str] = "", patient_id: str = "4711", day: str = "", **more: Any
) -> Dataset:
    """What a worklist has of one step: the name in bytes, as its character sets write it; None leaves a value out."""
    step, whole = Dataset(), Dataset()
    step.Modality = "ES"
    step.ScheduledStationAETitle = "ENDO"
    step.ScheduledProcedureStepStartDate = day or f"{date.today():%Y%m%d}"
    step.ScheduledProcedureStepStartTime = "0930"
    step.ScheduledProcedureStepID = "S1"
    step.ScheduledProcedureStepDescription = "Look"
    if sets:
        whole.SpecificCharacterSet = sets if isinstance(sets, str) else list(sets)
    whole.add_new("PatientName", "PN", name)
    whole.PatientID, whole.PatientBirthDate, whole.PatientSex = patient_id, "19700501", "F"
    whole.StudyInstanceUID, whole.AccessionNumber = "1.2.3.4", "A1"
    whole.ReferringPhysicianName, whole.RequestedProcedureDescription = "Weber^Jo", "Laryngoscopy"
    whole.RequestedProcedureID = "RP1"
    whole.ScheduledProcedureStepSequence = [step]
    for keyword, value in more.items():
        if value is None:
            delattr(whole, keyword)
        else:
            setattr(whole, keyword, value)
    return whole


def write(folder: Path, *answers: Dataset) -> None:
    """Into a folder that `served` or Orthanc reads."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lockfile").touch()
    for number, one in enumerate(answers):
        one.file_meta = FileMetaDataset()
        one.file_meta.MediaStorageSOPClassUID = "1.2.276.0.7230010.3.1.0.1"
        one.file_meta.MediaStorageSOPInstanceUID = f"1.2.{number + 1}"
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.save_as(folder / f"{len(list(folder.iterdir()))}.wl", enforce_file_format=True)


@contextmanager
def served(folder: Path, *options: str) -> Iterator[int]:
    """The port of a worklist called RIS that has the files of `folder / "RIS"`."""
    assert PROGRAM is not None
    port = free_port()
    command = [PROGRAM, "-s", "-csk", "-dfr", "-dhl", *options, "-dfp", str(folder), str(port)]
    with (folder / "log").open("ab") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        end_s = time.monotonic() + _PATIENCE_S
        while not _listens(port):
            assert child.poll() is None and time.monotonic() < end_s, (folder / "log").read_text()
            time.sleep(0.05)
        yield port
    finally:
        child.kill()
        child.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
