"""In which form a PACS takes an object: as it is, encoded otherwise, or as another kind that says the same."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from copy import copy, deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom.uid import (
    MPEG4HP41,
    MPEG4HP422D,
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    VideoEndoscopicImageStorage,
    VLEndoscopicImageStorage,
)

from edge.pacs.waiting.uids import captured

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Form = tuple[str, str]
"""SOP class and transfer syntax."""
PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
VIDEO = (MPEG4HP41, MPEG4HP422D)
PROPOSED: Sequence[Form] = (
    *((VLEndoscopicImageStorage, syntax) for syntax in PLAIN),
    *((VideoEndoscopicImageStorage, syntax) for syntax in VIDEO),
    *((SecondaryCaptureImageStorage, syntax) for syntax in PLAIN),
)
"""All that a unit may send. Each is a presentation context of its own, so that the PACS says of each what it takes."""
CAPTURES: Sequence[Form] = tuple((SecondaryCaptureImageStorage, syntax) for syntax in PLAIN)
SPOOL_PREFIX = ".sending-"


def name_of(form: Form) -> str:
    """For a person."""
    return f"{UID(form[0]).name}, {UID(form[1]).name}"


def form_of(dataset: Dataset) -> Form:
    return str(dataset.SOPClassUID), str(dataset.file_meta.TransferSyntaxUID)


def in_form_for(dataset: Dataset, accepted: Collection[Form]) -> Dataset | None:
    """The object in the best form that is accepted; None where there is none."""
    for candidate in _forms_of(form_of(dataset)):
        if candidate in accepted:
            return _in_form(dataset, candidate)
    return None


def _forms_of(form: Form) -> list[Form]:
    sop_class, syntax = form
    if syntax not in PLAIN:  # a level of H.264 takes what keeps to a lower one (ISO/IEC 14496-10, annex A)
        return [form, *([(sop_class, MPEG4HP422D)] if syntax == MPEG4HP41 else [])]
    plain = [syntax, *(one for one in PLAIN if one != syntax)]
    classes = [sop_class, *([SecondaryCaptureImageStorage] if sop_class == VLEndoscopicImageStorage else [])]
    return [(one, other) for one in classes for other in plain]


def _in_form(dataset: Dataset, form: Form) -> Dataset:
    if form == form_of(dataset):
        return dataset
    made = deepcopy(dataset) if form[1] in PLAIN else copy(dataset)  # a clip's pixels are an open file
    made.file_meta = deepcopy(dataset.file_meta)
    if form[0] == SecondaryCaptureImageStorage:
        _be_captured(made)
    made.file_meta.TransferSyntaxUID = UID(form[1])
    return made


def _be_captured(made: Dataset) -> None:
    """A secondary capture of the same pixels and provenance; what it refers to is one too."""
    for meta, sop_class, uid in (
        (made.file_meta, "MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID"),
        (made, "SOPClassUID", "SOPInstanceUID"),
        *((item, "ReferencedSOPClassUID", "ReferencedSOPInstanceUID") for item in made.get("SourceImageSequence", ())),
    ):
        if getattr(meta, sop_class) == VLEndoscopicImageStorage:
            setattr(meta, sop_class, SecondaryCaptureImageStorage)
            setattr(meta, uid, captured(str(getattr(meta, uid))))
    made.ConversionType = "DI"


@contextmanager
def spooled(dataset: Dataset, folder: Path) -> Iterator[Path]:
    """The object as a file for the block: a still in memory alone, a clip in a folder of ours, where it has no name.

    Raises:
        OSError: it cannot be made.
    """
    if str(dataset.file_meta.TransferSyntaxUID) in PLAIN:
        with os.fdopen(os.memfd_create("pacs"), "w+b") as file:
            dataset.save_as(file, enforce_file_format=True)
            file.flush()
            yield Path(f"/proc/self/fd/{file.fileno()}")
    else:
        with tempfile.TemporaryFile(dir=folder, prefix=SPOOL_PREFIX) as spool:
            dataset.save_as(spool, enforce_file_format=True)
            spool.flush()
            yield Path(f"/proc/self/fd/{spool.fileno()}")


def remove_spooled(folder: Path) -> None:
    """What a power cut left of these; raises OSError."""
    for left in folder.glob(f"{SPOOL_PREFIX}*"):
        left.unlink(missing_ok=True)
