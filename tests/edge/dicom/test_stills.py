"""Saved pairs as VL Endoscopic Image objects: every property on its own, since validators see few of them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import ImageCms
from pydicom.dataset import Dataset

from edge.dicom.examination import Examination, Patient, emergency
from edge.dicom.saved import NoObject, ObjectUids, objects_from_saved, part_uids
from edge.saving.sidecar import SourceFile
from tests.doubles.saved_items import MODEL, TAKEN_AT, UNIT, SavedItem, saved_pair

ANNA = Examination(
    Patient("Müller^Anna^^Dr.", "4711", "HOSPITAL", "19700102", "F"),
    study_uid="2.25.4711",
    accession_number="A-17",
    referring="Weiß^Bo",
    description="Throat",
    procedure_id="RP-3",
    step_id="SPS-9",
    step_description="Laryngoscopy",
)
DRAWN = {**MODEL, "profile": "miinet", "detail": "synthesised"}


def read(item: SavedItem, folder: Path, uids: ObjectUids | None = None) -> dict[str, Dataset]:
    """What a reader finds in the files, by view."""
    return {path.stem[2:]: pydicom.dcmread(path) for path in item.written(folder, uids)}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SavedItem:
    return saved_pair(tmp_path_factory.mktemp("pair"), ANNA)


@pytest.fixture(scope="module")
def raw(pair: SavedItem, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return read(pair, tmp_path_factory.mktemp("raw"))["raw"]


UIDS = ObjectUids.new()


@pytest.fixture(scope="module")
def enhanced(pair: SavedItem, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return read(pair, tmp_path_factory.mktemp("enhanced"), UIDS)["enhanced"]


def test_the_pixels_are_those_that_were_saved(pair: SavedItem, tmp_path: Path) -> None:
    for view, found in read(pair, tmp_path).items():
        assert np.array_equal(found.pixel_array, pair.images[view])  # type: ignore[index]


def test_raw_comes_first_and_is_of_its_class(pair: SavedItem) -> None:
    objects = pair.objects()
    assert [one.view for one in objects] == ["raw", "enhanced"]
    assert {one.sop_class_uid for one in objects} == {"1.2.840.10008.5.1.4.1.1.77.1.1"}
    assert {one.transfer_syntax_uid for one in objects} == {"1.2.840.10008.1.2.1"}
    assert [one.uid for one in objects] == [one.dataset.file_meta.MediaStorageSOPInstanceUID for one in objects]


def test_the_same_input_gives_the_same_bytes(pair: SavedItem, tmp_path: Path) -> None:
    first, second = (tmp_path / "a", tmp_path / "b")
    digests = []
    for folder in (first, second):
        folder.mkdir()
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in pair.written(folder, UIDS)])
    assert digests[0] == digests[1]


# Whose it is

PATIENT = [
    ("PatientName", "Müller^Anna^^Dr."),
    ("PatientID", "4711"),
    ("IssuerOfPatientID", "HOSPITAL"),
    ("PatientBirthDate", "19700102"),
    ("PatientSex", "F"),
    ("StudyInstanceUID", "2.25.4711"),
    ("AccessionNumber", "A-17"),
    ("ReferringPhysicianName", "Weiß^Bo"),
    ("StudyDescription", "Throat"),
    ("StudyID", "RP-3"),
    ("SpecificCharacterSet", "ISO_IR 192"),
]


@pytest.mark.parametrize(("keyword", "value"), PATIENT, ids=[keyword for keyword, _ in PATIENT])
def test_both_are_the_patient_s(raw: Dataset, enhanced: Dataset, keyword: str, value: str) -> None:
    assert [str(one[keyword].value) for one in (raw, enhanced)] == [value, value]


def test_the_request_stands_in_them(enhanced: Dataset) -> None:
    (request,) = enhanced.RequestAttributesSequence
    assert (request.RequestedProcedureID, request.ScheduledProcedureStepID) == ("RP-3", "SPS-9")
    assert (request.RequestedProcedureDescription, request.ScheduledProcedureStepDescription) == (
        "Throat",
        "Laryngoscopy",
    )
    assert request.AccessionNumber == "A-17"


def test_without_a_request_there_is_none(tmp_path: Path) -> None:
    found = read(saved_pair(tmp_path, Examination(Patient("Doe", "1"))), tmp_path)["raw"]
    assert "RequestAttributesSequence" not in found
    assert 0 < len(found.StudyID) <= 16, "a directory of media asks for one"


def test_the_step_stands_in_them_that_the_hospital_is_told_of(pair: SavedItem, tmp_path: Path) -> None:
    for path in pair.written(tmp_path, step="2.25.99"):
        found = pydicom.dcmread(path)
        (step,) = found.ReferencedPerformedProcedureStepSequence
        assert (step.ReferencedSOPClassUID, step.ReferencedSOPInstanceUID) == ("1.2.840.10008.3.1.2.3.3", "2.25.99")
        assert found.PerformedProcedureStepID == pair.record["session"]["id"]
        assert found.PerformedProcedureStepDescription == "Laryngoscopy"
        assert (found.PerformedProcedureStepStartDate, found.PerformedProcedureStepStartTime) == (
            found.StudyDate,
            found.StudyTime,
        )


def test_without_a_step_none_is_named(raw: Dataset) -> None:
    assert not [element.keyword for element in raw if "PerformedProcedureStep" in element.keyword]


@pytest.mark.parametrize("known", ["procedure_id", "step_id"])
def test_of_a_request_only_the_known_id_is_written(tmp_path: Path, known: str) -> None:
    examination = Examination(Patient("Doe", "1"), **{known: "7"})  # type: ignore[arg-type]
    (request,) = read(saved_pair(tmp_path, examination), tmp_path)["raw"].RequestAttributesSequence
    keyword = {"procedure_id": "RequestedProcedureID", "step_id": "ScheduledProcedureStepID"}[known]
    assert [element.keyword for element in request] == [keyword]


@pytest.mark.parametrize(
    ("name", "character_set"),
    [("Doe^John", None), ("Müller^Anna", "ISO_IR 192"), ("Yamada^Tarou=山田^太郎=やまだ^たろう", "ISO_IR 192")],
    ids=["plain", "umlaut", "japanese"],
)
def test_a_name_comes_back_in_any_script(tmp_path: Path, name: str, character_set: str | None) -> None:
    for found in read(saved_pair(tmp_path, Examination(Patient(name, "1"))), tmp_path).values():
        assert str(found.PatientName) == name
        assert found.get("SpecificCharacterSet") == character_set


def test_a_text_elsewhere_asks_for_its_character_set(tmp_path: Path) -> None:
    examination = Examination(Patient("Doe", "1"), step_description="Höhe", step_id="1")
    found = read(saved_pair(tmp_path, examination), tmp_path)["raw"]
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert found.RequestAttributesSequence[0].ScheduledProcedureStepDescription == "Höhe"


def test_an_emergency_says_so(tmp_path: Path) -> None:
    found = read(saved_pair(tmp_path, emergency()), tmp_path)["enhanced"]
    assert str(found.PatientName).startswith("EMERGENCY^")
    assert "Emergency" in found.PatientComments and found.StudyDescription == "Emergency"


def test_nobody_is_no_emergency(raw: Dataset) -> None:
    assert "PatientComments" not in raw


def test_without_an_examination_nothing_is_invented(tmp_path: Path) -> None:
    item = saved_pair(tmp_path)
    found = read(item, tmp_path, UIDS)
    assert [(str(one.PatientName), one.PatientID, one.PatientBirthDate) for one in found.values()] == [("", "", "")] * 2
    assert found["raw"].StudyInstanceUID == found["enhanced"].StudyInstanceUID
    assert found["raw"].StudyInstanceUID == read(item, tmp_path, UIDS)["raw"].StudyInstanceUID


# When and by what

MOMENTS = [("Acquisition", "DateTime"), ("Acquisition", None), ("Content", None)]


@pytest.mark.parametrize(("which", "kind"), MOMENTS)
def test_the_moment_is_the_camera_s(raw: Dataset, which: str, kind: str | None) -> None:
    told = raw[f"{which}{kind}"].value if kind else raw[f"{which}Date"].value + raw[f"{which}Time"].value
    told = str(told)
    if not kind:
        told += raw.TimezoneOffsetFromUTC
    assert datetime.strptime(told, "%Y%m%d%H%M%S.%f%z") == TAKEN_AT


def test_a_place_s_own_time_is_told_with_its_offset(
    pair: SavedItem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        found = read(pair, tmp_path)["raw"]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert (found.StudyDate, found.ContentTime, found.TimezoneOffsetFromUTC) == ("20260504", "120201.678000", "+0900")


def test_the_study_began_with_the_session(pair: SavedItem, tmp_path: Path) -> None:
    record = {**pair.record, "session": {**pair.record["session"], "since": "2026-05-03T12:00:00+00:00"}}
    (one, *_) = objects_from_saved(record, pair.files, UIDS, UNIT)
    assert (one.dataset.StudyDate, one.dataset.ContentDate) == ("20260503", "20260504")


UNIT_SAYS = [
    ("Manufacturer", "ACME Optics"),
    ("ManufacturerModelName", "Throat camera"),
    ("DeviceSerialNumber", "4711"),
    ("SoftwareVersions", "1.2.3"),
    ("StationName", "ENT-ROOM-2"),
    ("Modality", "ES"),
    ("BodyPartExamined", "PHARYNX"),
    ("BurnedInAnnotation", "NO"),
    ("LossyImageCompression", "00"),
    ("PhotometricInterpretation", "RGB"),
    ("ColorSpace", "SRGB"),
    ("InstanceNumber", "7"),
]


@pytest.mark.parametrize(("keyword", "value"), UNIT_SAYS, ids=[keyword for keyword, _ in UNIT_SAYS])
def test_both_say_what_took_them(raw: Dataset, enhanced: Dataset, keyword: str, value: str) -> None:
    assert [str(one[keyword].value) for one in (raw, enhanced)] == [value, value]


def test_the_region_is_coded(raw: Dataset) -> None:
    (region,) = raw.AnatomicRegionSequence
    assert (region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning) == ("54066008", "SCT", "Pharynx")


def test_the_colours_are_srgb_by_a_profile_that_is_always_the_same(raw: Dataset, enhanced: Dataset) -> None:
    assert raw.ICCProfile == enhanced.ICCProfile
    assert raw.ICCProfile[24:36] == bytes.fromhex("07e4 0001 0001 0000 0000 0000"), "the date of no moment"
    profile = ImageCms.ImageCmsProfile(io.BytesIO(raw.ICCProfile)).profile
    assert "sRGB" in profile.profile_description and profile.device_class == "mntr"


def test_series_are_told_apart(raw: Dataset, enhanced: Dataset) -> None:
    assert raw.SeriesDescription != enhanced.SeriesDescription
    assert (raw.SeriesNumber, enhanced.SeriesNumber) == (1, 2)
    assert raw.SeriesInstanceUID != enhanced.SeriesInstanceUID


# How it was made


def test_raw_is_an_original(raw: Dataset) -> None:
    assert raw.ImageType == ["ORIGINAL", "PRIMARY"]
    for keyword in ("DerivationDescription", "DerivationCodeSequence", "SourceImageSequence"):
        assert keyword not in raw
    assert "ContributingEquipmentSequence" not in raw


def test_enhanced_is_derived(enhanced: Dataset) -> None:
    assert enhanced.ImageType == ["DERIVED", "SECONDARY"]


@pytest.mark.parametrize("said", ["profile live", "version 3", "ab" * 32, "edge-enhance", "Strength 1.00"])
def test_the_derivation_is_told(enhanced: Dataset, said: str) -> None:
    assert said in enhanced.DerivationDescription
    assert "synthesised" not in enhanced.DerivationDescription


def test_the_source_is_the_raw_object(enhanced: Dataset) -> None:
    (source,) = enhanced.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == UIDS.instances["raw"]
    assert source.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.77.1.1"
    (purpose,) = source.PurposeOfReferenceCodeSequence
    assert (purpose.CodeValue, purpose.CodingSchemeDesignator) == ("121322", "DCM")


def test_what_made_it_contributed(enhanced: Dataset) -> None:
    (made_by,) = enhanced.ContributingEquipmentSequence
    assert made_by.ManufacturerModelName == "edge-enhance"
    assert made_by.SoftwareVersions and made_by.Manufacturer == "ACME Optics"
    assert "profile live" in made_by.ContributionDescription and "ab" * 32 in made_by.ContributionDescription
    assert made_by.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"


def test_less_than_all_of_it_is_told(tmp_path: Path) -> None:
    found = read(saved_pair(tmp_path, ANNA, strength=0.4), tmp_path)["enhanced"]
    assert "Strength 0.40" in found.DerivationDescription


def test_synthesised_detail_is_told_first(tmp_path: Path) -> None:
    found = read(saved_pair(tmp_path, ANNA, model=DRAWN), tmp_path)["enhanced"]
    assert found.DerivationDescription.startswith("Detail was synthesised")


@pytest.mark.parametrize(
    ("model", "codes"),
    [(MODEL, ["113053", "113042"]), (DRAWN, ["113085"])],
    ids=["maps of slope and intercept", "made anew from fewer pixels"],
)
def test_the_derivation_is_coded_by_what_is_done(tmp_path: Path, model: dict[str, str], codes: list[str]) -> None:
    found = read(saved_pair(tmp_path, ANNA, model=model), tmp_path)["enhanced"]
    assert [(one.CodeValue, one.CodingSchemeDesignator) for one in found.DerivationCodeSequence] == [
        (code, "DCM") for code in codes
    ]


def test_an_enhanced_picture_alone_still_names_its_source(pair: SavedItem, tmp_path: Path) -> None:
    (one,) = objects_from_saved(pair.record, {"enhanced": pair.files["enhanced"]}, UIDS, UNIT)
    assert one.dataset.SourceImageSequence[0].ReferencedSOPInstanceUID == UIDS.instances["raw"]


def test_a_source_that_has_no_object_is_not_referred_to(tmp_path: Path) -> None:
    item = saved_pair(tmp_path, ANNA, views=("enhanced",))
    (one,) = item.objects(ObjectUids.new(("enhanced",)))
    assert "SourceImageSequence" not in one.dataset


def test_only_what_is_wanted_is_made(pair: SavedItem) -> None:
    wanted = part_uids(pair.record, UIDS)["enhanced"]
    (one,) = objects_from_saved(pair.record, pair.files, UIDS, UNIT, wanted)
    assert (one.view, (one.uid,)) == ("enhanced", wanted)


def test_raw_alone_where_nothing_could_be_enhanced(tmp_path: Path) -> None:
    (one,) = saved_pair(tmp_path, ANNA, views=("raw",)).objects(ObjectUids.new(("raw",)))
    assert one.view == "raw"


# Of the files mode

ORIGINAL = SourceFile(Path("/old/1997.jpg"), "cd" * 32, 100_000)


def archived(folder: Path, size_px: tuple[int, int] = (1920, 1080), file_format: str = "JPEG") -> dict[str, Dataset]:
    picture = {"format": file_format, "bits": 8, "channels": 3}
    return read(saved_pair(folder, ANNA, source=ORIGINAL, source_size_px=size_px, picture=picture), folder)


def test_nobody_knows_when_a_file_s_picture_was_taken(tmp_path: Path) -> None:
    for found in archived(tmp_path).values():
        assert "AcquisitionDateTime" not in found and "AcquisitionDate" not in found
        assert found.StudyDate == "" and found.ContentDate


def test_without_a_date_of_making_none_is_invented(pair: SavedItem) -> None:
    record = {key: value for key, value in pair.record.items() if key != "made_at"}
    for one in objects_from_saved({**record, "source": ORIGINAL.record(1920, 1080)["source"]}, pair.files, UIDS, UNIT):
        for keyword in ("ContentDate", "InstanceCreationDate", "TimezoneOffsetFromUTC", "AcquisitionDate"):
            assert keyword not in one.dataset
        if one.view == "enhanced":
            assert "ContributionDateTime" not in one.dataset.ContributingEquipmentSequence[0]


def test_a_lossy_original_is_told(tmp_path: Path) -> None:
    for found in archived(tmp_path).values():
        assert found.LossyImageCompression == "01"
        assert found.LossyImageCompressionMethod == "ISO_10918_1"
        assert float(found.LossyImageCompressionRatio) == pytest.approx(1920 * 1080 * 3 / 100_000, abs=0.01)


def test_a_resized_original_is_derived(tmp_path: Path) -> None:
    found = archived(tmp_path, (1280, 960))
    assert found["raw"].ImageType == ["DERIVED", "PRIMARY"]
    assert found["raw"].DerivationDescription == "The original was cropped to 16:9 and resized."
    assert found["raw"].DerivationCodeSequence[0].CodeValue == "113085"
    assert "cropped to 16:9" in found["enhanced"].DerivationDescription


# What is refused


def broken(item: SavedItem, change: Callable[[dict[str, object]], object]) -> dict[str, object]:
    record = {**item.record}
    change(record)
    return record


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda record: record.pop("program_version"), "program_version"),
        (lambda record: record.pop("model"), "model"),
        (lambda record: record.pop("source"), "source"),
        (lambda record: record.update(source={"taken_at": "yesterday"}), "yesterday"),
        (lambda record: record.update(session={"examination": {"patient": {"sex": "Meier"}}}), "patient.sex"),
        (lambda record: record.update(session={"examination": 5}), "patient"),
        (lambda record: record.update(output=None), "output.files"),
        (lambda record: record.update(strength="much"), "much"),
    ],
)
def test_a_record_that_lacks_something_is_named(
    pair: SavedItem, change: Callable[[dict[str, object]], object], said: str
) -> None:
    with pytest.raises(NoObject) as raised:
        list(objects_from_saved(broken(pair, change), pair.files, UIDS, UNIT))
    assert said in str(raised.value) and "Meier" not in str(raised.value)
    assert "Müller" not in str(raised.value)


def test_another_file_than_the_record_tells_of_is_refused(tmp_path: Path) -> None:
    item = saved_pair(tmp_path, ANNA)
    item.files["enhanced"].write_bytes(item.files["raw"].read_bytes())
    with pytest.raises(NoObject, match="SHA-256"):
        item.objects()


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    item = saved_pair(tmp_path, ANNA)
    content = item.files["raw"].read_bytes()[:-40]
    item.files["raw"].write_bytes(content)
    item.record["output"]["files"][0]["sha256"] = hashlib.sha256(content).hexdigest()
    with pytest.raises(NoObject, match=r"raw\.png"):
        item.objects()


# UIDs


def test_uids_read_back() -> None:
    assert ObjectUids.from_record(UIDS.record()) == UIDS


def test_uids_are_of_our_own_root_and_new_each_time() -> None:
    names = [uid for one in (UIDS, ObjectUids.new()) for part in one.record().values() for uid in part.values()]
    assert len({*names}) == 8 and all(name.startswith("2.25.") for name in names)


def test_a_series_may_be_shared() -> None:
    assert ObjectUids.new(series=UIDS.series).series == UIDS.series


@pytest.mark.parametrize(
    "record",
    [{}, {"series": {}}, {"series": {"raw": "1.x"}, "instances": {}}, {"series": {"left": "1.2"}, "instances": {}}, []],
)
def test_what_are_no_uids_is_refused(record: object) -> None:
    with pytest.raises(ValueError):
        ObjectUids.from_record(record)  # type: ignore[arg-type]
