"""What an object says of itself beside its pixels: whose picture it is, when and by what it was taken and made."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from edge.basics.errors import InputOutputError
from edge.dicom.codes import PHARYNX
from edge.dicom.derivation import Making, Source, add_derivation
from edge.dicom.equipment import Equipment
from edge.dicom.examination import SHORT, Examination, Patient, examination_of
from edge.pictures.image import Mode

IMPLEMENTATION_UID = UID("2.25.211674097206373622295443050378404563021")
IMPLEMENTATION_NAME = "EDGE_ENHANCE"
MPPS = UID("1.2.840.10008.3.1.2.3.3")
UTF_8 = "ISO_IR 192"
BODY_PART = "PHARYNX"
EMERGENCY_NOTE = "Emergency: taken before it was known who this is. Put right the patient's data in the archive."
_SERIES = {
    ("picture", "raw"): (1, "Pictures as the camera gave them"),
    ("picture", "enhanced"): (2, "Pictures enhanced"),
    ("recording", "raw"): (3, "Recordings as the camera gave them"),
    ("recording", "enhanced"): (4, "Recordings enhanced"),
}


_STUDY_ID = 8
"""Digits of a study's UID that stand for an id where nobody gave one, as IHE has it after the procedure's."""


class NoObject(InputOutputError):
    """What was saved cannot be made into an object as it is; sending it again does not help."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Origin:
    """One view of something that was saved.

    Attributes:
        record: its sidecar.
        uid: of the object.
        source: UID of the raw object that an enhanced one is made of; "" for a raw one, and where there is none.
        begin_s: of a part of a recording.
        part: its number and how many there are.
        step: UID of the performed procedure step that the hospital is told of; "" where it is told of none.
    """

    record: Mapping[str, Any]
    view: Mode
    series: Mapping[Mode, str]
    uid: str
    source: str
    equipment: Equipment
    begin_s: float = 0.0
    part: tuple[int, int] = (1, 1)
    step: str = ""

    def dataset(self, sop_class_uid: str, transfer_syntax_uid: str) -> Dataset:
        """All but the pixels and what is said of them.

        Raises:
            NoObject: the record lacks something, or has it in another form.
        """
        try:
            return self._dataset(sop_class_uid, transfer_syntax_uid)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            told = f"{error.args[0]} is missing" if isinstance(error, KeyError) and error.args else str(error)
            raise NoObject(f"the record of a saved item: {told}; no DICOM object can be made of it") from error

    def sha256(self) -> str:
        """Of the view's file, as the record has it; "" where it has none."""
        try:
            named = [file for file in self.record["output"]["files"] if file["mode"] == self.view]
            return str(named[0].get("sha256", "")) if named else ""
        except (KeyError, TypeError, AttributeError) as error:
            raise NoObject("the record of a saved item: output.files: expected its files") from error

    def of_part(self, number: int, num_parts: int) -> Origin:
        """The same of a part of it."""
        source = part_uid(self.source, number) if self.source else ""
        return replace(self, uid=part_uid(self.uid, number), source=source, part=(number, num_parts))

    def _dataset(self, sop_class_uid: str, transfer_syntax_uid: str) -> Dataset:
        examination = self._examination()
        made = Dataset()
        made.file_meta = FileMetaDataset()
        made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = UID(self.uid)
        made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = UID(sop_class_uid)
        made.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)
        made.file_meta.ImplementationClassUID = IMPLEMENTATION_UID
        made.file_meta.ImplementationVersionName = IMPLEMENTATION_NAME
        add_patient(made, examination)
        self._add_study_and_series(made, examination)
        self.equipment.add_to(made)
        self._add_image(made)
        making = Making.of(self.record, self.view, is_recording(self.record))
        source = Source(sop_class_uid, self.source) if self.source else None  # both views are of one class
        add_derivation(made, making, source, self.equipment)
        if not is_ascii(made):
            made.SpecificCharacterSet = UTF_8
        return made

    def _examination(self) -> Examination:
        found = (self.record.get("session") or {}).get("examination")
        if found is not None:
            return examination_of(found)
        return Examination(Patient(), study_uid=_uid_of("".join(self.series[view] for view in sorted(self.series))))

    def _add_study_and_series(self, made: Dataset, of: Examination) -> None:
        began = (self.record.get("session") or {}).get("since") or self._taken_at()
        made.StudyInstanceUID, made.AccessionNumber = of.study_uid, of.accession_number
        made.StudyID = study_id_of(of)
        made.StudyDate, made.StudyTime = day_and_time(began) if began else ("", "")
        made.ReferringPhysicianName = of.referring
        if of.description:
            made.StudyDescription = of.description
        number, description = series_of(str(self.record.get("kind", "")), self.view)
        made.Modality, made.SeriesInstanceUID = "ES", self.series[self.view]
        made.SeriesNumber, made.SeriesDescription = number, description
        made.BodyPartExamined, made.AnatomicRegionSequence = BODY_PART, PHARYNX.sequence()
        if of.procedure_id or of.step_id:
            made.RequestAttributesSequence = Sequence([_request(of)])
        if self.step:
            add_step(made, str(self.record["session"]["id"]), began, of)
            made.ReferencedPerformedProcedureStepSequence = Sequence([_reference(MPPS, self.step)])

    def _add_image(self, made: Dataset) -> None:
        taken_at, made_at = self._taken_at(), str(self.record.get("made_at", ""))
        if taken_at or made_at:
            made.TimezoneOffsetFromUTC = f"{_local(taken_at or made_at):%z}"
            made.ContentDate, made.ContentTime = day_and_time(taken_at or made_at, self.begin_s)
        if taken_at:
            made.AcquisitionDate, made.AcquisitionTime = made.ContentDate, made.ContentTime
            made.AcquisitionDateTime = f"{made.ContentDate}{made.ContentTime}{made.TimezoneOffsetFromUTC}"
        if made_at:
            made.InstanceCreationDate, made.InstanceCreationTime = day_and_time(made_at)
        number, num = self.part
        seq = self.record["source"].get("seq", number)
        made.InstanceNumber = int(seq) % (1 << 31)
        if num > 1:
            made.ImageComments = f"Part {number} of {num} of this recording, from {self.begin_s:.1f} s on"
        made.PatientOrientation = None
        made.AcquisitionContextSequence = Sequence()
        made.BurnedInAnnotation = "NO"

    def _taken_at(self) -> str:
        """Empty for an original that came as a file: nobody knows when it was taken."""
        return str(self.record["source"].get("taken_at", ""))


def is_recording(record: Mapping[str, Any]) -> bool:
    return record.get("kind") == "recording"


def series_of(kind: str, view: Mode) -> tuple[int, str]:
    """Number and description of the series of a kind and view."""
    return _SERIES["recording" if kind == "recording" else "picture", view]


def study_id_of(of: Examination) -> str:
    return of.study_id or of.procedure_id or of.study_uid[-_STUDY_ID:]


def part_uid(uid: str, number: int) -> str:
    """The first part has the recording's own; those of the others follow from it, however often they are made."""
    return uid if number == 1 else _uid_of(f"{uid}/{number}")


def _uid_of(text: str) -> str:
    return f"2.25.{uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4).int}"


def is_ascii(dataset: Dataset) -> bool:
    """Whether no text in it needs another character set than the default one."""
    return all(
        is_ascii_value(element.value) if element.VR != "SQ" else all(is_ascii(item) for item in element.value)
        for element in dataset
        if not isinstance(element.value, bytes)
    )


def is_ascii_value(value: object) -> bool:
    return str(value).isascii()


def add_patient(made: Dataset, of: Examination) -> None:
    patient = of.patient
    made.PatientName, made.PatientID = patient.name, patient.id
    made.PatientBirthDate, made.PatientSex = patient.birth_date, patient.sex
    if patient.issuer:
        made.IssuerOfPatientID = patient.issuer
    if of.is_emergency:
        made.PatientComments = EMERGENCY_NOTE


def add_step(made: Dataset, session: str, began: str, of: Examination) -> None:
    """What step and objects say of a patient session in the same words.

    Args:
        session: its id.
        began: when, as ISO 8601; "" where nobody knows.
    """
    made.PerformedProcedureStepID = session[:SHORT]
    day, time = day_and_time(began) if began else ("", "")
    made.PerformedProcedureStepStartDate, made.PerformedProcedureStepStartTime = day, time
    made.PerformedProcedureStepDescription = of.step_description or of.description


def _reference(sop_class: UID, uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, UID(uid)
    return item


def _request(of: Examination) -> Dataset:
    item = Dataset()
    if of.procedure_id:
        item.RequestedProcedureID = of.procedure_id
    if of.step_id:
        item.ScheduledProcedureStepID = of.step_id
    if of.description:
        item.RequestedProcedureDescription = of.description
    if of.step_description:
        item.ScheduledProcedureStepDescription = of.step_description
    if of.accession_number:
        item.AccessionNumber = of.accession_number
    return item


def _local(text: str) -> datetime:
    """A moment of a record, by the clocks of the place: the offset from UTC is said beside it."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).astimezone()


def day_and_time(text: str, after_s: float = 0.0) -> tuple[str, str]:
    at = _local(text) + timedelta(seconds=after_s)
    return f"{at:%Y%m%d}", f"{at:%H%M%S}.{at.microsecond:06d}"
