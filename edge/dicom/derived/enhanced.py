"""What is made of somebody else's object: the enhanced picture or video, under its patient and in its study.

The same original, frame and model give the same object, its names among it, however often it is made.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    VideoEndoscopicImageStorage,
    VideoMicroscopicImageStorage,
    VideoPhotographicImageStorage,
    VLEndoscopicImageStorage,
    VLMicroscopicImageStorage,
    VLPhotographicImageStorage,
)

from edge.dicom.codes import PHARYNX
from edge.dicom.derivation import Making, Source, add_derivation
from edge.dicom.equipment import Equipment
from edge.dicom.loss import ONCE
from edge.dicom.origin import BODY_PART, IMPLEMENTATION_NAME, IMPLEMENTATION_UID
from edge.dicom.reading.file import Facts
from edge.dicom.reading.kept import PATIENT, STUDY, text_of, uid_of
from edge.dicom.recordings import add_stream
from edge.dicom.stills import add_pixels
from edge.dicom.video.stream import Stream
from edge.pictures.image import Image

_NAMES = uuid.UUID("6f0c6a52-6a0f-5d0e-9f0b-2f3f8a1f7c11")
"""Of what is named here, among all that UUIDs of version 5 name."""
_EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber",
    "ReferringPhysicianName", "StudyID",
)  # fmt: skip
"""Of type 2: there, even where nobody knows them."""
_OF_PICTURE = (
    "SpecificCharacterSet", "BodyPartExamined", "AnatomicRegionSequence", "Laterality", "ImageLaterality",
    "RequestAttributesSequence", "PerformingPhysicianName", "OperatorsName", "ProtocolName", "ContentDate",
    "ContentTime", "AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime", "BurnedInAnnotation",
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
    "LongitudinalTemporalInformationModified",
)  # fmt: skip
_KINDS: Mapping[str, tuple[str, str, str]] = {
    "photograph": (VLPhotographicImageStorage, VideoPhotographicImageStorage, "XC"),
    "microscope": (VLMicroscopicImageStorage, VideoMicroscopicImageStorage, "GM"),
    "endoscope": (VLEndoscopicImageStorage, VideoEndoscopicImageStorage, "ES"),
}
_PHOTOGRAPHS, _MICROSCOPES = ("77.1.4", "77.1.5", "77.1.7"), ("77.1.2", "77.1.3")
"""How the classes of visible light end; all others are taken for an endoscope's, unless their modality says another."""
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_SERIES_WORD = b"Enhanced"
_LONG = 64
PREAMBLE_BYTES = 128
_NUMBER_AFTER, _MOST_DIGITS = 1000, 10
_SIDES = ("BodyPartExamined", "Laterality", "ImageLaterality")
"""One of them says whether there are two of what is seen, and which it is; else that nobody knows (C.7.3.1)."""
_LOSSES = ("LossyImageCompressionMethod", "LossyImageCompressionRatio")


@dataclass(frozen=True, slots=True)
class Enhancement:
    """What was done to an original.

    Attributes:
        facts: of the original.
        frame: from 1; 0 for a whole video.
        record: program, program_version, model and fit, as a sidecar has them.
        mark: what the file says of itself.
        has_equipment: whether what contributed is told; a de-identified object does not.
    """

    facts: Facts
    frame: int
    record: Mapping[str, Any]
    mark: str
    has_equipment: bool = True

    def still(self, image: Image) -> Dataset:
        """The object of a picture (1080, 1920, 3)."""
        made = self._dataset(0, ExplicitVRLittleEndian)
        add_pixels(made, image)
        return made

    def video(self, stream: Stream) -> Dataset:
        """The object of a clip, to be written while its stream is there."""
        made = self._dataset(1, stream.transfer_syntax)
        earlier = _losses(made)
        add_stream(made, stream)
        once_more = _losses(made)
        for keyword, before, after in zip(_LOSSES, earlier, once_more, strict=True):
            setattr(made, keyword, [*before, *after])
        return made

    def _dataset(self, column: int, syntax: str) -> Dataset:
        kept = self.facts.kept
        kind = _KINDS[_kind_of(text_of(kept, "SOPClassUID"), text_of(kept, "Modality"))]
        sha256 = str(self.record["model"]["sha256"])
        made = Dataset()
        made.file_meta = FileMetaDataset()
        made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = UID(kind[column])
        uid = _uid_of(f"{self.facts.instance_uid}/{self.frame}/{sha256}")
        made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = uid
        made.file_meta.TransferSyntaxUID = UID(syntax)
        made.file_meta.ImplementationClassUID = IMPLEMENTATION_UID
        made.file_meta.ImplementationVersionName = IMPLEMENTATION_NAME
        made.preamble = self.mark.encode("ascii", "replace")[:PREAMBLE_BYTES].ljust(PREAMBLE_BYTES, b"\0")
        for keyword in (*PATIENT, *STUDY, *_OF_PICTURE):
            _keep(made, kept, keyword)
        for keyword in _EMPTY:
            if keyword not in made:
                setattr(made, keyword, "")
        series = uid_of(kept, "SeriesInstanceUID") or uid_of(kept, "StudyInstanceUID")
        made.SeriesInstanceUID, made.Modality = _uid_of(f"{series}/{sha256}"), kind[2]
        made.SeriesNumber = _after(text_of(kept, "SeriesNumber"))
        if not any(keyword in made for keyword in _SIDES):
            made.Laterality = ""
        made.add_new("SeriesDescription", "LO", _series_description(kept))
        if "AnatomicRegionSequence" not in made and text_of(kept, "BodyPartExamined") == BODY_PART:
            made.AnatomicRegionSequence = PHARYNX.sequence()
        made.InstanceNumber = self.frame if self.facts.num_frames > 1 else _number(text_of(kept, "InstanceNumber"))
        made.PatientOrientation, made.AcquisitionContextSequence = None, []
        unit = Equipment(model_name=self.record["program"], software_version=self.record["program_version"])
        unit.add_to(made)
        self._add_loss(made)
        source = Source(
            text_of(kept, "SOPClassUID"),
            self.facts.instance_uid,
            self.frame if self.facts.num_frames > 1 else 0,
            keeps_places=self.record["fit"] == "as is",
        )
        add_derivation(made, Making.of(self.record, "enhanced", is_recording=False), source, Equipment())
        if not self.has_equipment:
            del made.ContributingEquipmentSequence
        return made

    def _add_loss(self, made: Dataset) -> None:
        """What was lost once is lost for ever; the object's own pixels are not packed with loss, a video's are."""
        if self.facts.lossy_method:
            made.LossyImageCompression = ONCE
            if "LossyImageCompressionMethod" not in made or "LossyImageCompressionRatio" not in made:
                made.LossyImageCompressionMethod = self.facts.lossy_method
                made.LossyImageCompressionRatio = f"{self.facts.ratio:.2f}"
        elif "LossyImageCompression" not in made:
            made.LossyImageCompression = ""


def _losses(made: Dataset) -> tuple[list[str], list[str]]:
    """Methods and ratios, as many of each: one loss upon the other (PS3.3 C.7.6.1.1.5)."""
    methods, ratios = (text_of(made, keyword).split("\\") for keyword in _LOSSES)
    return (methods, ratios) if methods[0] and len(methods) == len(ratios) and ratios[0] else ([], [])


def _kind_of(sop_class: str, modality: str) -> str:
    tail = sop_class.removeprefix(_STORAGE)
    if tail.startswith(_PHOTOGRAPHS):
        return "photograph"
    if tail.startswith(_MICROSCOPES):
        return "microscope"
    if tail.startswith("77.1.1"):
        return "endoscope"
    return {"XC": "photograph", "DMS": "photograph", "OP": "photograph", "GM": "microscope", "SM": "microscope"}.get(
        modality, "endoscope"
    )


def _keep(made: Dataset, kept: Dataset, keyword: str) -> None:
    """A value as its bytes are; nothing of it is decoded."""
    tag = Tag(keyword)
    if tag in kept:
        made[tag] = kept.get_item(tag)


def _after(number: str) -> int:
    """The number of a series behind the original's, where viewers list it."""
    return _NUMBER_AFTER + (_number(number) or 0)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < _MOST_DIGITS else None


def _series_description(kept: Dataset) -> bytes:
    """In the original's character set: what is put before it is ASCII, which each of them begins with."""
    element = kept.get_item(Tag("SeriesDescription"))
    text = bytes(element.value or b"") if element is not None and isinstance(element.value, bytes) else b""
    whole = _SERIES_WORD + b": " + text.strip(b" \0")
    made = whole if text.strip(b" \0") and len(whole) <= _LONG else _SERIES_WORD
    return made + b" " * (len(made) % 2)


def _uid_of(text: str) -> UID:
    return UID(f"2.25.{uuid.uuid5(_NAMES, text).int}")
