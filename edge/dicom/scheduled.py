"""What a worklist says is to be examined: an answer of it as a person reads it, and as an examination if it is whole.

An answer that lacks what an examination needs, or whose letters cannot be read, is shown with the reason and cannot be
chosen: nobody's pictures are filed under a name that was guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from edge.dicom.character_sets import Unreadable, known_sets, shown_anyway, text_of
from edge.dicom.examination import Examination, examination_of, shown_name

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.dataset import Dataset

STEPS = "ScheduledProcedureStepSequence"
_OF_PATIENT = {
    "name": "PatientName",
    "id": "PatientID",
    "issuer": "IssuerOfPatientID",
    "birth_date": "PatientBirthDate",
    "sex": "PatientSex",
}
_OF_STUDY = {
    "study_uid": "StudyInstanceUID",
    "accession_number": "AccessionNumber",
    "referring": "ReferringPhysicianName",
    "description": "RequestedProcedureDescription",
    "procedure_id": "RequestedProcedureID",
}
_OF_STEP = {"step_id": "ScheduledProcedureStepID", "step_description": "ScheduledProcedureStepDescription"}
_SPARE = frozenset({"patient.issuer", "referring", "description", "step_description"})
"""What an examination can do without; what cannot be read of it is left out, and that is said."""
_WORDS = {
    "patient.name": "the name",
    "patient.id": "the patient's id",
    "patient.birth_date": "the birth date",
    "patient.sex": "the sex",
    "study_uid": "the study's UID",
    "accession_number": "the accession number",
    "procedure_id": "the requested procedure's id",
    "step_id": "the step's id",
    "referring": "the referring physician",
    "description": "the description",
    "step_description": "the step's description",
    "patient.issuer": "the issuer of the id",
}


@dataclass(frozen=True, slots=True, repr=False)
class Scheduled:
    """An answer of a worklist.

    Attributes:
        name, patient_id, birth_date, sex, accession_number, description: for a person, as far as they can be read.
        starts: when it is planned, `YYYY-MM-DD HH:MM`, as far as it is said.
        examination: None where it cannot be chosen; `reason` then says why.
        remark: what was left out of the examination.
    """

    name: str
    patient_id: str
    birth_date: str
    sex: str
    accession_number: str
    description: str
    starts: str
    examination: Examination | None
    reason: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Listed:
    """What a worklist answered. Attributes: items: each behind the key that chooses it; has_more: not all was taken."""

    items: tuple[tuple[str, Scheduled], ...]
    has_more: bool
    asked_at: datetime


UNREADABLE = Scheduled(
    "(cannot be read)", "", "", "", "", "", "", None, "an answer is no DICOM dataset: its administrator can say which"
)


def keys_wanted() -> tuple[str, ...]:
    """Attributes that an answer must be asked for, those of the step apart."""
    return (*_OF_PATIENT.values(), *_OF_STUDY.values())


def keys_of_step() -> tuple[str, ...]:
    """Those of the step, its beginning apart."""
    return tuple(_OF_STEP.values())


def scheduled_of(answer: Dataset, undeclared: str = "") -> Scheduled:
    """An answer as it is.

    Args:
        undeclared: character set of answers that declare none, as DICOM names it; "" takes ASCII alone.
    """
    from pydicom.dataset import Dataset  # a unit that asks no worklist starts without it

    readers = [_Reader(answer, undeclared)]
    try:
        steps = list(answer[STEPS].value) if STEPS in answer else []
    except Exception:  # noqa: BLE001 - a library's reader, on a stranger's bytes
        steps = []
    readers.append(_Reader(steps[0], undeclared, readers[0].declared) if len(steps) == 1 else _Reader(Dataset(), ""))
    of_answer, of_step = readers
    patient = {key: of_answer.text(keyword, f"patient.{key}") for key, keyword in _OF_PATIENT.items()}
    rest = {key: of_answer.text(keyword, key) for key, keyword in _OF_STUDY.items()}
    rest |= {key: of_step.text(keyword, key) for key, keyword in _OF_STEP.items()}
    starts = _starts(*(of_step.text(f"ScheduledProcedureStepStart{word}", "") for word in ("Date", "Time")))
    reasons = {key: why for reader in readers for key, why in reader.unreadable.items() if key}
    if len(steps) != 1:
        reasons["step_id"] = f"expected one scheduled step, has {len(steps)}"
    examination, reason, remark = _judged(patient, rest, reasons)
    shown = {**patient, **rest}
    return Scheduled(
        shown_name(shown["name"]) or "(no name)",
        shown["id"],
        shown["birth_date"],
        shown["sex"],
        shown["accession_number"],
        shown["description"] or shown["step_description"],
        starts,
        examination,
        reason,
        remark,
    )


def _judged(
    patient: Mapping[str, str], rest: Mapping[str, str], unreadable: Mapping[str, str]
) -> tuple[Examination | None, str, str]:
    """The examination, why there is none, and what was left out of it."""
    for key, words in (("name", "no name"), ("id", "no patient id")):
        if not patient[key].strip("^= "):
            return None, words, ""
    if not rest["study_uid"]:
        return None, "no UID of the study", ""
    if not rest["accession_number"] and not rest["procedure_id"]:
        return None, "neither an accession number nor the id of a requested procedure", ""
    whole = {**{f"patient.{key}": value for key, value in patient.items()}, **rest}
    left_out: list[str] = []
    for key, why in unreadable.items():
        if key not in _SPARE:
            return None, f"{_WORDS[key]}: {why}", ""
        whole[key] = ""
        left_out.append(f"{_WORDS[key]} ({why})")
    while True:
        try:
            return examination_of(_nested(whole)), "", "Left out: " + ", ".join(left_out) if left_out else ""
        except ValueError as error:
            key, _, why = str(error).partition(": ")
            if key not in _SPARE or not whole[key]:
                return None, f"{_WORDS.get(key, key)}: {why}", ""
            whole[key] = ""
            left_out.append(f"{_WORDS[key]} ({why})")


def _nested(whole: Mapping[str, str]) -> dict[str, Any]:
    of_patient = {key[8:]: value for key, value in whole.items() if key.startswith("patient.")}
    return {"patient": of_patient, **{key: value for key, value in whole.items() if not key.startswith("patient.")}}


class _Reader:
    """Texts of a dataset, from its bytes: what pydicom makes of them may be guessed.

    Attributes:
        declared: the character sets that count for it.
        unreadable: key -> why it cannot be read.
    """

    def __init__(self, dataset: Dataset, undeclared: str, inherited: Sequence[str] = ()) -> None:
        self._dataset = dataset
        self.unreadable: dict[str, str] = {}
        own = _raw(dataset, "SpecificCharacterSet").decode("ascii", "replace").rstrip(" \x00")
        self.declared: Sequence[str] = own.split("\\") if own else inherited or (undeclared,)

    def text(self, keyword: str, key: str) -> str:
        """As it is meant; what can be read of it where that cannot be known."""
        raw = _raw(self._dataset, keyword)
        try:
            return text_of(raw, known_sets(self.declared))
        except Unreadable as error:
            self.unreadable[key] = str(error)
            return shown_anyway(raw)


def _raw(dataset: Dataset, keyword: str) -> bytes:
    """The bytes of a value; b"" where there is none."""
    from pydicom.tag import Tag

    tag = Tag(keyword)
    found: RawDataElement | DataElement | None = dataset.get_item(tag) if tag in dataset else None
    value = found.value if found is not None else None
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if value is None:
        return b""
    values: Iterable[Any] = [value] if isinstance(value, str) or not isinstance(value, Iterable) else value
    return "\\".join(str(one) for one in values).encode("utf-8", "replace")


def _starts(date: str, time: str) -> str:
    if len(date) != 8 or not date.isdigit():
        return ""
    day = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    digits = time.replace(":", "")
    return f"{day} {digits[:2]}:{digits[2:4]}" if digits[:4].isdigit() and len(digits) >= 4 else day
