"""What of an object is told to others: whose it is and of which study, value by value, in the bytes of the file.

Bytes and not text, so that a name stays as it was, whatever character sets it is in; of a whole object nothing but
this and its pixels leaves the process that reads it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import PersonName

from edge.pictures.reading.refusals import Damaged

PATIENT = (
    "PatientName", "PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "TypeOfPatientID",
    "PatientBirthDate", "PatientBirthTime", "PatientSex", "OtherPatientIDsSequence", "OtherPatientNames",
    "EthnicGroup", "PatientComments", "PatientSpeciesDescription", "PatientSpeciesCodeSequence",
    "PatientBreedDescription", "ResponsiblePerson", "ResponsiblePersonRole", "ResponsibleOrganization",
    "PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence",
    "ClinicalTrialSponsorName", "ClinicalTrialProtocolID", "ClinicalTrialProtocolName", "ClinicalTrialSiteID",
    "ClinicalTrialSiteName", "ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID",
)  # fmt: skip
"""PS3.3 C.7.1.1, C.7.1.3."""
STUDY = (
    "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "IssuerOfAccessionNumberSequence",
    "ReferringPhysicianName", "StudyDescription", "ConsultingPhysicianName", "PhysiciansOfRecord",
    "RequestingService", "ProcedureCodeSequence", "PatientAge", "PatientSize", "PatientWeight", "Occupation",
    "AdmissionID", "AdmittingDiagnosesDescription", "AdditionalPatientHistory", "TimezoneOffsetFromUTC",
)  # fmt: skip
"""C.7.2.1, C.7.2.2."""
PICTURE = (
    "SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality", "SeriesNumber",
    "SeriesDescription", "InstanceNumber", "BodyPartExamined", "AnatomicRegionSequence", "Laterality",
    "ImageLaterality", "RequestAttributesSequence", "PerformingPhysicianName", "OperatorsName", "ProtocolName",
    "ContentDate", "ContentTime", "AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime", "BurnedInAnnotation",
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
)  # fmt: skip
_OF_ITEMS = (
    "CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "CodeMeaning", "LongCodeValue",
    "UniversalEntityID", "UniversalEntityIDType", "LocalNamespaceEntityID", "PatientID", "IssuerOfPatientID",
    "TypeOfPatientID", "IssuerOfPatientIDQualifiersSequence", "AccessionNumber", "IssuerOfAccessionNumberSequence",
    "StudyInstanceUID", "RequestedProcedureDescription", "RequestedProcedureID", "ScheduledProcedureStepDescription",
    "ScheduledProcedureStepID", "RequestedProcedureCodeSequence", "ScheduledProtocolCodeSequence",
    "AnatomicRegionModifierSequence",
)  # fmt: skip
_TOP = frozenset(Tag(one) for one in (*PATIENT, *STUDY, *PICTURE))
_INNER = frozenset(Tag(one) for one in _OF_ITEMS)
_MOST_BYTES, _MOST_ITEMS, _MOST_DEPTH = 10_240, 16, 3
"""Of a value: PS3.5 table 6.2-1 allows a long text so many."""
_TEXTS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UT"})
_UID = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+\Z")

Records = list[list[Any]]
"""JSON: a tag as a number, and its bytes in base64, or a list of items of such records."""


def records_of(dataset: Dataset, depth: int = 0) -> Records:
    """What is kept of an object; raises `Damaged` for a value that is longer than any may be."""
    records: Records = []
    for tag in sorted(_INNER if depth else _TOP):
        if tag not in dataset:
            continue
        if dictionary_VR(tag) == "SQ":
            value: Any = _items(dataset, tag, depth)
        else:
            value = base64.b64encode(_bytes_of(dataset, tag)).decode()
        records.append([int(tag), value])
    return records


def _items(dataset: Dataset, tag: BaseTag, depth: int) -> list[Records]:
    items = dataset[tag].value
    if not isinstance(items, Sequence) or isinstance(items, (str, bytes)):
        raise Damaged(f"its {keyword_for_tag(tag)} is no sequence")
    if depth + 1 > _MOST_DEPTH:
        return []
    return [records_of(item, depth + 1) for item in list(items)[:_MOST_ITEMS]]


def _bytes_of(dataset: Dataset, tag: BaseTag) -> bytes:
    element = dataset.get_item(tag)
    value = element.value if element is not None else b""
    if isinstance(value, bytes):
        found = value
    elif isinstance(value, PersonName):
        if value.original_string is None and str(value):
            raise Damaged(f"its {keyword_for_tag(tag)} cannot be read")
        found = bytes(value.original_string or b"")
    elif value is None:
        found = b""
    else:
        many = [value] if isinstance(value, str) or not isinstance(value, Sequence) else value
        found = "\\".join(map(str, many)).encode("ascii", "replace")
    if len(found) > _MOST_BYTES:
        raise Damaged(f"its {keyword_for_tag(tag)} has {len(found)} bytes; expected at most {_MOST_BYTES}")
    return found


def dataset_of(records: Any) -> Dataset:
    """The reverse of `records_of`; takes what a process says that may have been taken over.

    Raises:
        ValueError: these are no records.
    """
    try:
        return _dataset(records, 0)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError("no records of an object") from error


def _dataset(records: Any, depth: int) -> Dataset:
    dataset = Dataset()
    allowed = _INNER if depth else _TOP
    if depth > _MOST_DEPTH or len(records) > len(allowed):
        raise ValueError("too many")
    for number, value in records:
        if number not in allowed:
            raise ValueError("a tag that is not kept")
        vr = dictionary_VR(number)
        if vr == "SQ":
            dataset.add_new(number, "SQ", Items([_dataset(item, depth + 1) for item in value]))
            continue
        content = base64.b64decode(value, validate=True)
        if vr not in _TEXTS or len(content) > _MOST_BYTES:
            raise ValueError("a value that is none")
        tag = Tag(number)
        dataset[tag] = RawDataElement(tag, vr, len(content), content, 0, False, True)
    return dataset


def uid_of(dataset: Dataset, keyword: str) -> str:
    """A UID of an object; "" where it has none, or what stands there is none."""
    text = text_of(dataset, keyword)
    return text if len(text) <= 64 and _UID.match(text) else ""


def text_of(dataset: Dataset, keyword: str) -> str:
    """A value of ASCII alone; "" where it has none, or another."""
    tag = Tag(keyword)
    if tag not in dataset:
        return ""
    try:
        return _bytes_of(dataset, tag).decode("ascii").strip(" \0")
    except (UnicodeDecodeError, Damaged):
        return ""
