"""A performed procedure step (PS3.3 C.4.13 to C.4.15): what the unit tells of a patient session that begins and ends.

Begun it has every attribute that PS3.4 table F.7.2-1 asks of an N-CREATE, empty where nobody knows it; ended, those of
the final state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID

from edge.dicom.codes import NO_REASON
from edge.dicom.examination import Examination, examination_of
from edge.dicom.origin import EMERGENCY_NOTE, UTF_8, add_patient, add_step, day_and_time, is_ascii, study_id_of

IN_PROGRESS: Final = "IN PROGRESS"
Ending = Literal["COMPLETED", "DISCONTINUED"]


@dataclass(frozen=True, slots=True)
class PerformedSeries:
    """Attributes: images: SOP class and instance of each object in it."""

    uid: str
    description: str
    images: tuple[tuple[str, str], ...] = ()


def step_begun(session: Mapping[str, Any], own_ae_title: str) -> Dataset:
    """For N-CREATE.

    Args:
        session: as a sidecar has it, with its examination.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    of, made = examination_of(session["examination"]), Dataset()
    made.ScheduledStepAttributesSequence = Items([_scheduled(of)])
    add_patient(made, of)
    made.ReferencedPatientSequence = Items()
    add_step(made, str(session["id"]), str(session["since"]), of)
    made.PerformedStationAETitle = own_ae_title
    made.PerformedStationName = made.PerformedLocation = ""
    made.PerformedProcedureStepStatus = IN_PROGRESS
    made.PerformedProcedureTypeDescription = ""
    made.ProcedureCodeSequence = Items()
    made.PerformedProcedureStepEndDate = made.PerformedProcedureStepEndTime = ""
    made.PerformedProcedureStepDiscontinuationReasonCodeSequence = Items()  # what is not created cannot be set later
    made.Modality, made.StudyID = "ES", study_id_of(of)
    made.PerformedProtocolCodeSequence, made.PerformedSeriesSequence = Items(), Items()
    if of.is_emergency:
        del made.PatientComments
        made.CommentsOnThePerformedProcedureStep = EMERGENCY_NOTE
    if not is_ascii(made):
        made.SpecificCharacterSet = UTF_8
    return made


def step_ended(ending: Ending, at: str, series: Sequence[PerformedSeries], character_set: str) -> Dataset:
    """For N-SET.

    Args:
        at: when, as ISO 8601.
        series: one at least, which may have no images.
        character_set: that was declared when it began; "" for none.
    """
    made = Dataset()
    if character_set:
        made.SpecificCharacterSet = character_set
    made.PerformedProcedureStepStatus = ending
    made.PerformedProcedureStepEndDate, made.PerformedProcedureStepEndTime = day_and_time(at)
    if ending == "DISCONTINUED":
        made.PerformedProcedureStepDiscontinuationReasonCodeSequence = NO_REASON.sequence()
    made.PerformedSeriesSequence = Items([_performed(one) for one in series])
    return made


def _scheduled(of: Examination) -> Dataset:
    """What the worklist said; of an emergency, which nobody has scheduled, the unit's own study."""
    item = Dataset()
    item.StudyInstanceUID, item.ReferencedStudySequence = of.study_uid, Items()
    item.AccessionNumber, item.RequestedProcedureID = of.accession_number, of.procedure_id
    item.RequestedProcedureDescription = "" if of.is_emergency else of.description
    item.ScheduledProcedureStepID = of.step_id
    item.ScheduledProcedureStepDescription = of.step_description
    item.ScheduledProtocolCodeSequence = Items()
    return item


def _performed(series: PerformedSeries) -> Dataset:
    item, images = Dataset(), []
    item.PerformingPhysicianName = item.OperatorsName = item.RetrieveAETitle = ""
    item.ProtocolName = item.SeriesDescription = series.description
    item.SeriesInstanceUID = series.uid
    for sop_class, uid in series.images:
        image = Dataset()
        image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = UID(sop_class), UID(uid)
        images.append(image)
    item.ReferencedImageSequence = Items(images)
    item.ReferencedNonImageCompositeSOPInstanceSequence = Items()
    return item


ATTRIBUTES: Final[Mapping[str, tuple[str, str]]] = {
    "SpecificCharacterSet": (f"{UTF_8} where a text has other letters than ASCII; else absent", "the same"),
    "ScheduledStepAttributesSequence": ("one item", ""),
    "> StudyInstanceUID": ("of the worklist; of an emergency the unit's own, as in the objects", ""),
    "> ReferencedStudySequence": ("empty", ""),
    "> AccessionNumber": ("of the worklist", ""),
    "> RequestedProcedureID": ("of the worklist", ""),
    "> RequestedProcedureDescription": ("of the worklist", ""),
    "> ScheduledProcedureStepID": ("of the worklist", ""),
    "> ScheduledProcedureStepDescription": ("of the worklist", ""),
    "> ScheduledProtocolCodeSequence": ("empty", ""),
    "PatientName": ("as in the objects", ""),
    "PatientID": ("as in the objects", ""),
    "IssuerOfPatientID": ("of the worklist; else absent", ""),
    "PatientBirthDate": ("of the worklist, or empty", ""),
    "PatientSex": ("of the worklist, or empty", ""),
    "ReferencedPatientSequence": ("empty", ""),
    "PerformedProcedureStepID": ("the patient session's id", ""),
    "PerformedStationAETitle": ("`worklist.own_ae_title`", ""),
    "PerformedStationName": ("empty", ""),
    "PerformedLocation": ("empty", ""),
    "PerformedProcedureStepStartDate": ("when the session was opened", ""),
    "PerformedProcedureStepStartTime": ("as the date", ""),
    "PerformedProcedureStepStatus": (IN_PROGRESS, "COMPLETED; DISCONTINUED where nothing was saved"),
    "PerformedProcedureStepDescription": ("the scheduled step's, else the requested procedure's; Emergency", ""),
    "PerformedProcedureTypeDescription": ("empty", ""),
    "ProcedureCodeSequence": ("empty", ""),
    "PerformedProcedureStepEndDate": ("empty", "when the session was closed"),
    "PerformedProcedureStepEndTime": ("empty", "as the date"),
    "CommentsOnThePerformedProcedureStep": ("of an emergency: that the patient's data must be put right", ""),
    "PerformedProcedureStepDiscontinuationReasonCodeSequence": (
        "empty",
        f"where nothing was saved: {NO_REASON.value} ({NO_REASON.scheme}), {NO_REASON.meaning}",
    ),
    "Modality": ("ES", ""),
    "StudyID": ("as in the objects", ""),
    "PerformedProtocolCodeSequence": ("empty", ""),
    "PerformedSeriesSequence": ("empty", "one item for each series; one without images where nothing was saved"),
    "> PerformingPhysicianName": ("", "empty"),
    "> ProtocolName": ("", "the series' description"),
    "> OperatorsName": ("", "empty"),
    "> SeriesInstanceUID": ("", "as in the objects"),
    "> SeriesDescription": ("", "as in the objects"),
    "> RetrieveAETitle": ("", "empty"),
    "> ReferencedImageSequence": ("", "every object of the series: class and UID as the archive took it"),
    "> ReferencedNonImageCompositeSOPInstanceSequence": ("", "empty"),
}
"""Keyword -> its value in N-CREATE and in N-SET, for the conformance statement; `>` stands in a sequence."""
