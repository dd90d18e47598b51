"""What is kept of an original without what says whose it is: the basic profile of PS3.15 annex E.

The actions are those of the standard's table E.1-1 as `dicom-anonymizer` has them, on every level of what is kept.
Where an action leaves a choice, less is told; and in the end only what is named here is left, by values that the
standard itself defines: a body part may hold a name.
"""

from __future__ import annotations

import hashlib
import hmac
import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache
from importlib.metadata import version
from typing import Any

from dicomanonymizer.simpledicomanonymizer import (
    anonymize_dataset,
    delete,
    delete_or_empty,
    empty,
    initialize_actions,
    replace_UID,
)
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import UID

from edge.basics.errors import InputOutputError
from edge.dicom.codes import Code
from edge.dicom.reading.kept import text_of, uid_of

_TABLE = "dicomfields_2026c"
PROFILE = Code("113100", "DCM", "Basic Application Confidentiality Profile")
DESCRIPTORS = Code("113105", "DCM", "Clean Descriptors Option")
"""CID 7050. What this program says of the derivation stays; nothing of the original's texts does."""
_UIDS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_EMPTIED = (
    "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID", "AccessionNumber",
    "ReferringPhysicianName",
)  # fmt: skip
_NUMBERS, _MOST_DIGITS = ("SeriesNumber", "InstanceNumber"), 4
"""In which order pictures lie; a longer number may be somebody's."""
_DEFINED: Mapping[str, frozenset[str]] = {
    "Laterality": frozenset("RL"),
    "ImageLaterality": frozenset("RLUB"),
    "BurnedInAnnotation": frozenset({"NO"}),
    "LossyImageCompression": frozenset({"00", "01"}),
    "BodyPartExamined": frozenset(
        {"BRONCHUS", "EAR", "ESOPHAGUS", "HEAD", "LARYNX", "MOUTH", "NECK", "NOSE", "PHARYNX"}
    )
    | {"THROAT", "TONGUE", "TRACHEA"},
    "LossyImageCompressionMethod": frozenset({"ISO_10918_1", "ISO_14495_1", "ISO_15444_1", "ISO_13818_2"})
    | {"ISO_14496_10", "ISO_23008_2"},
}
"""What is left of the original's words, where it is one of these."""
_ALIAS_DIGITS = 16

Action = Callable[[Dataset, tuple[int, int]], None]


class BurnedIn(InputOutputError):
    """Text is said to be in the pixels, which no profile takes out."""

    exit_code = 1


class Deidentifier:
    """Takes away whose pictures they are; the same key gives the same new names.

    Args:
        key: secret; who has it and an original knows its results again.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def alias(self, what: str, text: str) -> str:
        """A name for something that tells nothing of it, of digits and letters."""
        return self._digest(what, text).hex()[:_ALIAS_DIGITS]

    def uid(self, uid: str) -> UID:
        """PS3.5 B.2."""
        return UID(f"2.25.{int.from_bytes(self._digest('uid', uid)[:16], 'big')}")

    def kept(self, kept: Dataset) -> Dataset:
        """What is left of an original, which is not changed."""
        patient = self.alias("patient", _patient_of(kept))
        with warnings.catch_warnings(), disable_value_validation():
            warnings.simplefilter("ignore")  # they show the value
            left = deepcopy(kept)
            self._anonymize(left)
            return self._made(left, kept, patient)

    def _anonymize(self, dataset: Dataset) -> None:
        for element in list(dataset):
            if element.VR == "SQ":
                for item in element.value:
                    self._anonymize(item)
        anonymize_dataset(dataset, self._stricter(), base_rules_gen=lambda: dict(_actions()))  # it changes them

    def _stricter(self) -> Mapping[tuple[int, ...], Action]:
        """The library puts dummies where it should remove or empty dates, and forgets its UIDs with the process."""
        own: Mapping[Any, Action] = {
            delete: _remove,
            empty: _empty,
            delete_or_empty: _remove,
            replace_UID: self._rename,
        }
        return {tag: own[action] for tag, action in _actions().items() if action in own}

    def _rename(self, dataset: Dataset, tag: tuple[int, int]) -> None:
        element = dataset.get(tag)
        if element is not None and element.value:
            element.value = self.uid(str(element.value))

    def _made(self, left: Dataset, kept: Dataset, patient: str) -> Dataset:
        made = Dataset()
        made.SOPClassUID, made.Modality = UID(text_of(kept, "SOPClassUID")), text_of(kept, "Modality")
        for keyword in _UIDS:
            if uid := uid_of(left, keyword):
                setattr(made, keyword, UID(uid))
        made.PatientName = made.PatientID = patient
        for keyword in _EMPTIED:
            setattr(made, keyword, "")
        for keyword in _NUMBERS:
            if (number := text_of(left, keyword)).isdecimal() and len(number) <= _MOST_DIGITS:
                setattr(made, keyword, number)
        for keyword, defined in _DEFINED.items():
            words = text_of(left, keyword).split("\\")
            if Tag(keyword) in left and set(words) <= defined:
                setattr(made, keyword, words)
        ratios = text_of(left, "LossyImageCompressionRatio").split("\\")
        if "LossyImageCompressionMethod" in made and all(_is_ratio(one) for one in ratios):
            made.LossyImageCompressionRatio = ratios
        made.PatientIdentityRemoved, made.LongitudinalTemporalInformationModified = "YES", "REMOVED"
        made.DeidentificationMethod = f"PS3.15 annex E, dicom-anonymizer {version('dicom-anonymizer')}"
        made.DeidentificationMethodCodeSequence = [PROFILE.item(), DESCRIPTORS.item()]
        return made

    def _digest(self, what: str, text: str) -> bytes:
        return hmac.new(self._key, f"{what}/{text}".encode("utf-8", "surrogateescape"), hashlib.sha256).digest()


def refuse_burned_in(kept: Dataset, name: str) -> None:
    """Raises `BurnedIn` where an original says that its pixels hold text."""
    if text_of(kept, "BurnedInAnnotation").upper() == "YES":
        raise BurnedIn(
            f"{name}: says that text is burned into its pixels, which cannot be taken out; look at it, and take it "
            "with --burned-in where the text names nobody"
        )


@cache
def _actions() -> dict[tuple[int, ...], Action]:
    return dict(initialize_actions(_TABLE))


def _remove(dataset: Dataset, tag: tuple[int, int]) -> None:
    if tag in dataset:
        del dataset[tag]


def _empty(dataset: Dataset, tag: tuple[int, int]) -> None:
    if tag in dataset:
        dataset[tag].value = [] if dataset[tag].VR == "SQ" else ""


def _patient_of(kept: Dataset) -> str:
    """What tells one patient from another: the id and who gave it, or the study where there is none."""
    found = [bytes(_raw(kept, keyword)) for keyword in ("PatientID", "IssuerOfPatientID")]
    who = b"\0".join(found) if found[0].strip(b" \0") else uid_of(kept, "StudyInstanceUID").encode()
    return who.decode("latin-1")


def _raw(kept: Dataset, keyword: str) -> bytes:
    element = kept.get_item(Tag(keyword)) if Tag(keyword) in kept else None
    value = element.value if element is not None else b""
    return value if isinstance(value, bytes) else str(value or "").encode()


def _is_ratio(text: str) -> bool:
    try:
        return 0 < float(text) < 1e6 and len(text) <= 16
    except ValueError:
        return False
