"""Answers of a worklist from their bytes, whole and broken."""

from __future__ import annotations

from io import BytesIO
from random import Random

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from edge.dicom.scheduled import scheduled_of
from tests.doubles.worklist_files import answer


def encoded(whole: Dataset) -> bytes:
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = True, True
    write_dataset(file, whole)
    return file.getvalue()


def decoded(content: bytes) -> Dataset:
    return read_dataset(BytesIO(content), is_implicit_VR=True, is_little_endian=True)


def test_a_step_may_have_a_character_set_of_its_own() -> None:
    whole = answer("Müller^Anna".encode("latin-1"), "ISO_IR 100")
    step = whole.ScheduledProcedureStepSequence[0]
    step.SpecificCharacterSet = "ISO_IR 192"
    step.ScheduledProcedureStepDescription = "Kehlkopf prüfen"
    found = scheduled_of(decoded(encoded(whole)))
    assert found.examination is not None
    assert (found.name, found.examination.step_description) == ("Müller, Anna", "Kehlkopf prüfen")
    del step.SpecificCharacterSet, step.ScheduledProcedureStepDescription
    step.add_new("ScheduledProcedureStepDescription", "LO", "prüfen".encode("latin-1"))
    found = scheduled_of(decoded(encoded(whole)))
    assert found.examination is not None and found.examination.step_description == "prüfen"


@pytest.mark.parametrize("number", [0, 2])
def test_none_or_two_steps_cannot_be_chosen(number: int) -> None:
    whole = answer(b"Smith^Jo")
    whole.ScheduledProcedureStepSequence = [Dataset() for _ in range(number)]
    found = scheduled_of(decoded(encoded(whole)))
    assert found.examination is None and found.reason == f"the step's id: expected one scheduled step, has {number}"


@pytest.mark.filterwarnings("ignore")
def test_mutated_answers_break_nothing_and_what_is_chosen_is_sound() -> None:
    random, whole = Random(7), encoded(answer("Müller^Anna".encode(), "ISO_IR 192"))
    num_refused = 0
    for _ in range(400):
        content = bytearray(whole)
        for _ in range(random.choice((1, 1, 2, 8))):
            content[random.randrange(len(content))] = random.randrange(256)
        try:
            dataset = decoded(bytes(content))
        except Exception:  # noqa: BLE001 - as pynetdicom, which tells of it as an answer that is no dataset
            continue
        found = scheduled_of(dataset)
        num_refused += found.examination is None
        assert (found.examination is None) == bool(found.reason)
        if found.examination is not None:
            assert "\ufffd" not in str(found.examination.record()) and found.examination.patient.shown == found.name
    assert num_refused > 20
