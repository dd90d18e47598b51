"""What of an object leaves its reader: the bytes of what is kept, and nothing else."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from edge.dicom.reading.file import opened_dicom
from edge.dicom.reading.kept import dataset_of, records_of, text_of, uid_of
from edge.pictures.reading.refusals import Damaged
from tests.doubles.dicom_objects import BUNDLED, STUDY, throat, vl_object, written


def there_and_back(dataset: Dataset) -> Dataset:
    file = io.BytesIO()
    dataset.save_as(file, implicit_vr=False, little_endian=True)
    return dataset_of(records_of(pydicom.dcmread(file, force=True)))


@pytest.mark.parametrize("path", sorted(BUNDLED.rglob("chr*.dcm")), ids=lambda path: path.stem)
def test_names_of_every_character_set_stay_byte_for_byte(path: Path, tmp_path: Path) -> None:
    """pydicom's copies of the standard's own examples (PS3.5 annexes H to K), two encodings in a value among them."""
    original = pydicom.dcmread(path)
    for keyword, value in vl_object(throat()).items():
        if keyword.group in (0x0028, 0x7FE0) or keyword not in original:
            original[keyword] = value
    original.SOPClassUID = vl_object(throat()).SOPClassUID
    del original.file_meta
    with opened_dicom(written(original, tmp_path / "made.dcm")) as found:
        kept = found.facts.kept
        again = pydicom.dcmread(tmp_path / "made.dcm")
        assert kept.get_item(Tag("PatientName")).value == again.get_item(Tag("PatientName")).value
        assert kept.get("SpecificCharacterSet") == again.get("SpecificCharacterSet")
        assert str(kept.PatientName) == str(again.PatientName)


def test_sequences_and_their_items(tmp_path: Path) -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99X", "Look"
    code.PatientName = "Doe^Not kept here"
    request = Dataset()
    request.RequestedProcedureID, request.RequestedProcedureCodeSequence = "P1", [code]
    kept = there_and_back(vl_object(throat(), RequestAttributesSequence=[request], ProcedureCodeSequence=[code]))
    assert kept.RequestAttributesSequence[0].RequestedProcedureCodeSequence[0].CodeMeaning == "Look"
    assert kept.ProcedureCodeSequence[0].CodeValue == "1"
    assert "PatientName" not in kept.ProcedureCodeSequence[0]


def test_nothing_else_is_kept() -> None:
    dataset = vl_object(throat(), InstitutionName="Clinic", DeviceSerialNumber="9")
    dataset.private_block(0x0009, "MAKER", create=True).add_new(1, "LO", "secret")
    kept = there_and_back(dataset)
    assert {"InstitutionName", "DeviceSerialNumber", "PixelData"}.isdisjoint(element.keyword for element in kept)
    assert not any(element.tag.is_private for element in kept)


def test_a_value_that_is_too_long() -> None:
    with pytest.raises(Damaged, match="PatientComments has 20000 bytes"):
        there_and_back(vl_object(throat(), PatientComments="x" * 20000))


def test_uids_and_texts() -> None:
    kept = there_and_back(vl_object(throat()))
    assert uid_of(kept, "StudyInstanceUID") == STUDY
    assert uid_of(kept, "PatientID") == ""
    assert text_of(kept, "Modality") == "ES"
    assert text_of(kept, "ProtocolName") == ""


PATIENT_NAME = 0x00100010


@pytest.mark.parametrize(
    "records",
    [
        None,
        7,
        [7],
        [[PATIENT_NAME]],
        [[0x00080080, base64.b64encode(b"Clinic").decode()]],
        [[PATIENT_NAME, 7]],
        [[PATIENT_NAME, "not base64!"]],
        [[PATIENT_NAME, base64.b64encode(bytes(20000)).decode()]],
        [[0x00400275, [[[PATIENT_NAME, ""]]]]],
        [[0x00400275, 7]],
        [[PATIENT_NAME, ""]] * 500,
    ],
)
def test_what_are_no_records(records: Any) -> None:
    with pytest.raises(ValueError, match="no records"):
        dataset_of(records)
