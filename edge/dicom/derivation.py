"""How a view was made, as its object tells it: original or derived, by which profile, what was lost on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID

from edge.dicom.codes import ADDED, MULTIPLIED, PROCESSING, RESAMPLED, SOURCE_IMAGE, Code
from edge.dicom.equipment import Equipment, clipped
from edge.pictures.image import Mode
from edge.pictures.marks import SYNTHESISED

_MAX_TEXT = 1024
"""Characters of a short text (PS3.5 table 6.2-1: ST)."""
_AS_IS = "as is"
_DRAWN = "Detail was synthesised: the picture contains detail that the camera did not see."


class Source(NamedTuple):
    """The object that a derived one is made of.

    Attributes:
        frame: of several, from 1; 0 for all of it.
        keeps_places: each pixel lies where it lay.
    """

    sop_class_uid: str
    uid: str
    frame: int = 0
    keeps_places: bool = True


@dataclass(frozen=True, slots=True)
class Making:
    """Attributes:
    view: which of the two.
    text: the derivation in words; empty for what is as it was taken.
    codes: the same, coded.
    profile: of an enhanced view: name, version and SHA-256 of what made it.
    made_at: "" where the same original shall give the same bytes again.
    """

    view: Mode
    text: str
    codes: tuple[Code, ...]
    profile: str
    program: str
    version: str
    made_at: str

    @classmethod
    def of(cls, record: Mapping[str, Any], view: Mode, is_recording: bool) -> Making:
        """Raises KeyError, TypeError or ValueError where the record does not tell."""
        version, fit = clipped(str(record["program_version"])), str(record.get("fit", _AS_IS))
        program, made_at = clipped(str(record["program"])), str(record.get("made_at", ""))
        fitted = "" if fit == _AS_IS else f"The original was {fit}."
        resampled = (RESAMPLED,) if fitted else ()
        if view == "raw":
            return cls(view, fitted, resampled, "", program, version, made_at)
        model = record["model"]
        changes = record.get("changes", ()) if is_recording else ()
        is_drawn = any(one.get("detail") == SYNTHESISED for one in (model, *changes))
        profile = _profile(model)
        text = f"Haze removed by a neural network: {profile}; {program} {version}. {_strength(record, changes)}"
        text = " ".join(part for part in (_DRAWN if is_drawn else "", text, fitted, _course(changes)) if part)
        is_guided = not is_drawn or any(one.get("sha256") and one.get("detail") != SYNTHESISED for one in changes)
        codes = (*resampled, *((MULTIPLIED, ADDED) if is_guided else ()), *((RESAMPLED,) if is_drawn else ()))
        return cls(view, _short(text), codes, profile, program, version, made_at)


def add_derivation(made: Dataset, of: Making, source: Source | None, unit: Equipment) -> None:
    """Image type, derivation, source and what contributed."""
    kind = "DERIVED" if of.text else "ORIGINAL"
    made.ImageType = [kind, "PRIMARY" if of.view == "raw" else "SECONDARY"]
    if not of.text:
        return
    made.DerivationDescription = of.text
    made.DerivationCodeSequence = Items([code.item() for code in of.codes])
    if of.view == "raw":
        return
    if source is not None:
        made.SourceImageSequence = Items([_source(source)])
    made.ContributingEquipmentSequence = Items([_contribution(of, unit)])


def _source(of: Source) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = UID(of.sop_class_uid), UID(of.uid)
    if of.frame:
        item.ReferencedFrameNumber = of.frame
    item.SpatialLocationsPreserved = "YES" if of.keeps_places else "NO"
    item.PurposeOfReferenceCodeSequence = SOURCE_IMAGE.sequence()
    return item


def _contribution(of: Making, unit: Equipment) -> Dataset:
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = PROCESSING.sequence()
    item.Manufacturer = clipped(unit.manufacturer) or of.program
    item.ManufacturerModelName = of.program
    item.SoftwareVersions = of.version
    if of.made_at:
        at = datetime.fromisoformat(of.made_at).astimezone()
        item.ContributionDateTime = f"{at:%Y%m%d%H%M%S%z}"
    item.ContributionDescription = _short(of.profile)
    return item


def _profile(model: Mapping[str, Any]) -> str:
    name, version = model["profile"], model.get("version", "")
    return f"profile {name}{f' version {version}' if version else ''}, SHA-256 {model['sha256']}"


def _strength(record: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> str:
    if changes:
        return ""
    strength = float(record.get("strength", 1.0))
    return f"Strength {strength:.2f}: this share of the enhancement is in the picture."


def _course(changes: Sequence[Mapping[str, Any]]) -> str:
    """What made the pictures of a recording, by the second from which on it did."""
    return "; ".join(_change(one) for one in changes)


def _change(one: Mapping[str, Any]) -> str:
    at = f"from {float(one['at_s']):.1f} s"
    if one["mode"] == "raw":
        return f"{at} raw, not enhanced"
    drawn = ", detail synthesised" if one.get("detail") == SYNTHESISED else ""
    return f"{at} {one.get('profile', '')} strength {float(one.get('strength', 1.0)):.2f}{drawn}"


def _short(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 4].rstrip()} ..."
