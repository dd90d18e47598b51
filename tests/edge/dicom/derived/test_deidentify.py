"""What is left of an original: held to the standard's table, whatever the library says of it."""

from __future__ import annotations

import io

import pydicom
import pytest
from dicomanonymizer.simpledicomanonymizer import (
    delete,
    delete_or_empty,
    delete_or_empty_or_replace,
    delete_or_replace,
    empty,
    empty_or_replace,
    replace,
    replace_UID,
)
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from edge.dicom.derived.deidentify import BurnedIn, Deidentifier, _actions, refuse_burned_in
from edge.dicom.reading.kept import PATIENT, PICTURE, STUDY, dataset_of, records_of
from tests.doubles.dicom_objects import throat, vl_object

OURS, OTHERS = Deidentifier(b"k" * 32), Deidentifier(b"o" * 32)
TABLE = {
    "X": """AdditionalPatientHistory AdmissionID AdmittingDiagnosesDescription EthnicGroup IssuerOfPatientID Occupation
        OtherPatientIDsSequence OtherPatientNames PatientAge PatientBirthTime PatientComments PatientSize
        PatientWeight PerformingPhysicianName PhysiciansOfRecord RequestAttributesSequence RequestingService
        ResponsibleOrganization ResponsiblePerson SeriesDescription StudyDescription TimezoneOffsetFromUTC""",
    "Z": """AccessionNumber ClinicalTrialProtocolName ClinicalTrialSiteID ClinicalTrialSiteName ConsultingPhysicianName
        PatientBirthDate PatientName PatientSex ReferringPhysicianName StudyDate StudyID StudyTime""",
    "D": "ClinicalTrialProtocolID ClinicalTrialSponsorName ClinicalTrialSubjectID ClinicalTrialSubjectReadingID",
    "U": "SeriesInstanceUID SOPInstanceUID StudyInstanceUID",
    "X/Z": "AcquisitionDate AcquisitionTime",
    "X/D": "ProtocolName",
    "Z/D": "ContentDate ContentTime PatientID",  # PatientID: Z before 2024
    "X/Z/D": "AcquisitionDateTime OperatorsName",
}
"""PS3.15 table E.1-1, column Basic Profile, by hand: what of it can be kept of an original."""
ACTIONS = {
    "X": delete, "Z": empty, "D": replace, "U": replace_UID, "X/Z": delete_or_empty, "X/D": delete_or_replace,
    "Z/D": empty_or_replace, "X/Z/D": delete_or_empty_or_replace,
}  # fmt: skip


def kept(**attributes: object) -> Dataset:
    file = io.BytesIO()
    vl_object(throat(), **attributes).save_as(file, implicit_vr=False, little_endian=True)
    return dataset_of(records_of(pydicom.dcmread(file, force=True)))


@pytest.mark.parametrize(("code", "keyword"), [(code, word) for code, row in TABLE.items() for word in row.split()])
def test_the_library_has_the_standard_s_table(code: str, keyword: str) -> None:
    assert keyword in (*PATIENT, *STUDY, *PICTURE)
    tag = Tag(keyword)
    assert _actions()[tag.group, tag.element] is ACTIONS[code]


def test_what_is_left() -> None:
    left = OURS.kept(kept(Laterality="L", BodyPartExamined="LARYNX", SeriesNumber=2))
    values = {element.keyword: element.value for element in left if element.VR != "SQ"}
    uids = {values.pop(keyword) for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")}
    assert len(uids) == 3 and all(str(uid).startswith("2.25.") and uid.is_valid for uid in uids)
    assert values.pop("PatientName") == values.pop("PatientID") == OURS.alias("patient", "4711\0")
    values.pop("DeidentificationMethod")
    assert values == {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.1",
        "Modality": "ES",
        **dict.fromkeys(("StudyDate", "StudyTime", "AccessionNumber", "StudyID", "PatientSex"), ""),
        **dict.fromkeys(("PatientBirthDate", "ReferringPhysicianName"), ""),
        "SeriesNumber": 2,
        "InstanceNumber": 1,
        "BodyPartExamined": "LARYNX",
        "Laterality": "L",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
        "PatientIdentityRemoved": "YES",
        "LongitudinalTemporalInformationModified": "REMOVED",
    }
    codes = [item.CodeValue for item in left.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113105"]


def test_the_same_key_gives_the_same_names_and_another_other_ones() -> None:
    one, again, other = OURS.kept(kept()), OURS.kept(kept()), OTHERS.kept(kept())
    sibling = OURS.kept(kept(SOPInstanceUID="1.2.3.4"))
    stranger = OURS.kept(kept(PatientID="4712"))
    assert one == again
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID"):
        assert one[keyword].value != other[keyword].value
        assert (one[keyword].value == sibling[keyword].value) is (keyword != "SOPInstanceUID")
    assert one.PatientID != stranger.PatientID


def test_the_original_is_not_changed() -> None:
    original = kept()
    OURS.kept(original)
    assert original.PatientName == "Doe^Jane"


def test_patients_without_an_id_are_told_apart_by_their_study() -> None:
    one, other = (OURS.kept(kept(PatientID="", StudyInstanceUID=uid)) for uid in ("1.2.3", "1.2.4"))
    assert one.PatientID and one.PatientID != other.PatientID


def test_words_that_may_be_names_are_gone() -> None:
    left = OURS.kept(kept(BodyPartExamined="DOE JANE", Laterality="X", InstanceNumber=47114711))
    assert {"BodyPartExamined", "Laterality", "InstanceNumber"}.isdisjoint(element.keyword for element in left)


def test_text_in_the_pixels_is_refused() -> None:
    refuse_burned_in(kept(), "throat.dcm")
    refuse_burned_in(kept(BurnedInAnnotation=None), "throat.dcm")
    with pytest.raises(BurnedIn, match=r"throat\.dcm: says that text is burned into its pixels.*--burned-in"):
        refuse_burned_in(kept(BurnedInAnnotation="YES"), "throat.dcm")
