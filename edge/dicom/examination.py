"""Whose pictures they are: a patient, and the examination in which they are taken, as a worklist tells them.

Nothing of it may stand in a log, a metric or a file's name; `str()` of these shows nothing.
"""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from typing import Any

LONG, SHORT = 64, 16
"""Characters of a long and a short string, and of a group of a name (PS3.5 table 6.2-1: LO, SH, PN)."""
_DATE = re.compile(r"(?:\d{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))?\Z")
_UID = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+\Z")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\\]")
_SHOWN_PARTS = 5


@dataclass(frozen=True, slots=True, repr=False)
class Patient:
    """A person (PS3.3 C.7.1.1). A value that nobody knows is "".

    Attributes:
        name: as DICOM has it: `Family^Given^Middle^Prefix^Suffix`; up to three groups with `=` between them.
        issuer: who gave the id.
        birth_date: YYYYMMDD.
        sex: M, F or O.
    """

    name: str = ""
    id: str = ""
    issuer: str = ""
    birth_date: str = ""
    sex: str = ""

    @property
    def shown(self) -> str:
        """For a person to read, every part that is stored: `Dr. Müller, Anna Maria`; the id where there is no name."""
        return shown_name(self.name) or self.id


@dataclass(frozen=True, slots=True, repr=False)
class Examination:
    """What pictures are filed under (PS3.3 C.7.2.1, and C.4.10, C.4.11 of the worklist).

    Attributes:
        study_uid: of the worklist, else of our own (2.25., PS3.5 B.2).
        referring: the referring physician, a name as `Patient.name`.
        description: of the requested procedure or of the study.
        procedure_id, step_id, step_description: of the worklist's entry; "" where there was none.
        is_emergency: made by one touch: who it is must be put right in the archive.
    """

    patient: Patient
    study_uid: str = field(default_factory=lambda: f"2.25.{uuid.uuid4().int}")
    accession_number: str = ""
    study_id: str = ""
    referring: str = ""
    description: str = ""
    procedure_id: str = ""
    step_id: str = ""
    step_description: str = ""
    is_emergency: bool = False

    def record(self) -> dict[str, Any]:
        """For JSON; `examination_of` reads it back."""
        return asdict(self)


def shown_name(name: str) -> str:
    """`Müller^Anna^Maria^Dr.` as `Dr. Müller, Anna Maria`; the groups of another script behind it."""
    groups = [_shown_group(group) for group in name.split("=")]
    return " / ".join(group for group in groups if group)


def _shown_group(group: str) -> str:
    family, given, middle, prefix, suffix = [*(part.strip() for part in group.split("^")), *[""] * _SHOWN_PARTS][:5]
    before = " ".join(part for part in (prefix, family) if part)
    after = " ".join(part for part in (given, middle, suffix) if part)
    return ", ".join(part for part in (before, after) if part)


def emergency(now: datetime | None = None) -> Examination:
    """Of somebody whose name nobody has time to ask: a name and an id that no other emergency has."""
    at = (now or datetime.now(timezone.utc)).astimezone()
    tail = secrets.token_hex(2).upper()
    patient = Patient(f"EMERGENCY^{at:%Y%m%d %H%M%S} {tail}", f"EMERGENCY-{at:%Y%m%d%H%M%S}-{tail}")
    return Examination(patient, description="Emergency", is_emergency=True)


def examination_of(record: Mapping[str, Any]) -> Examination:
    """An examination from its record.

    Raises:
        ValueError: it is none, or a value is not as DICOM takes it; the message names the key, never the value.
    """
    if not isinstance(record, Mapping) or not isinstance(record.get("patient"), Mapping):
        raise ValueError("patient: expected a record")
    patient = Patient(**_texts(record["patient"], Patient, "patient."))
    rest = {key: value for key, value in record.items() if key not in ("patient", "is_emergency")}
    is_emergency = record.get("is_emergency", False)
    if not isinstance(is_emergency, bool):
        raise ValueError("is_emergency: expected true or false")
    return Examination(patient, **_texts(rest, Examination, ""), is_emergency=is_emergency)


def _texts(record: Mapping[str, Any], kind: type, prefix: str) -> dict[str, str]:
    names = {one.name for one in fields(kind)} - {"patient", "is_emergency"}
    for key, value in record.items():
        if key not in names:
            raise ValueError(f"{prefix}{key}: is unknown; expected {', '.join(sorted(names))}")
        if not isinstance(value, str) or (why := _refusal(key, value)):
            raise ValueError(f"{prefix}{key}: expected {'text' if not isinstance(value, str) else why}")
    return dict(record)


def _refusal(key: str, value: str) -> str:
    """What was expected of a value that is not taken, or ""."""
    return _RULES.get(key, _long)(value)


def _long(value: str) -> str:
    return (
        "" if len(value) <= LONG and not _UNPRINTABLE.search(value) else f"at most {LONG} printable characters, no \\"
    )


def _short(value: str) -> str:
    return (
        "" if len(value) <= SHORT and not _UNPRINTABLE.search(value) else f"at most {SHORT} printable characters, no \\"
    )


def _name(value: str) -> str:
    groups = value.split("=")
    is_sound = len(groups) <= 3 and all(len(one) <= LONG and one.count("^") < _SHOWN_PARTS for one in groups)
    return "" if is_sound and not _UNPRINTABLE.search(value) else "a name as DICOM has it, 64 characters a group"


_RULES: Mapping[str, Callable[[str], str]] = {
    "name": _name,
    "referring": _name,
    "birth_date": lambda value: "" if _DATE.match(value) else "YYYYMMDD or nothing",
    "sex": lambda value: "" if value in ("", "M", "F", "O") else "M, F, O or nothing",
    "study_uid": lambda value: "" if len(value) <= LONG and _UID.match(value) else "a UID of at most 64 characters",
    "accession_number": _short,
    "study_id": _short,
    "procedure_id": _short,
    "step_id": _short,
}
