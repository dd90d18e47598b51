"""What was saved on the unit as DICOM objects: a pair's pictures, a recording's clips.

    for one in objects_from_saved(record, files, uids, equipment):
        one.write(path)

The same record, files and UIDs give the same bytes, so that what is sent again after a power cut is the same object.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydicom.config import IGNORE
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid

from edge.basics.whole_files import PRIVATE_FILE, whole_file
from edge.dicom.equipment import Equipment
from edge.dicom.origin import NoObject, Origin, is_recording, part_uid
from edge.dicom.recordings import num_parts_of, recording_datasets
from edge.dicom.stills import still_datasets
from edge.pictures.image import Mode

VIEWS: tuple[Mode, ...] = ("raw", "enhanced")
"""The source first: what refers to it comes later."""

__all__ = ["VIEWS", "DicomObject", "Equipment", "NoObject", "ObjectUids", "objects_from_saved", "part_uids"]


@dataclass(frozen=True, slots=True)
class ObjectUids:
    """Names that objects keep for ever, however often they are made and sent.

    Attributes:
        series: of each view; all that is saved in a session may share one for each kind and view.
        instances: of each view; one that is named and not among the files is still referred to.
    """

    series: Mapping[Mode, str]
    instances: Mapping[Mode, str] = field(default_factory=dict)

    @classmethod
    def new(cls, views: Sequence[Mode] = VIEWS, series: Mapping[Mode, str] | None = None) -> ObjectUids:
        """For views that were saved.

        Args:
            series: that exist already.
        """
        known = series or {}
        named: dict[Mode, str] = {view: known.get(view) or str(generate_uid(None)) for view in views}
        return cls(named, {view: str(generate_uid(None)) for view in views})

    def record(self) -> dict[str, dict[Mode, str]]:
        """For JSON."""
        return {"series": {**self.series}, "instances": {**self.instances}}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ObjectUids:
        """Raises ValueError where it is none."""
        return cls(_uids(record, "series"), _uids(record, "instances"))


def _uids(record: Mapping[str, Any], key: str) -> dict[Mode, str]:
    found = record.get(key) if isinstance(record, Mapping) else None
    if not isinstance(found, Mapping):
        raise ValueError(f"{key}: expected a UID for each view")
    for view, uid in found.items():
        if view not in get_args(Mode) or not isinstance(uid, str) or not UID(uid, IGNORE).is_valid:
            raise ValueError(f"{key}: expected a UID for raw or enhanced")
    return dict(found)


@dataclass(frozen=True, slots=True)
class DicomObject:
    """One object, with its file meta information.

    Attributes:
        view: which of the two it is.
        dataset: a recording's stream is read from a file when it is written: it is whole until the next one is asked
            for.
    """

    view: Mode
    dataset: Dataset

    @property
    def uid(self) -> str:
        return str(self.dataset.SOPInstanceUID)

    @property
    def sop_class_uid(self) -> str:
        return str(self.dataset.SOPClassUID)

    @property
    def transfer_syntax_uid(self) -> str:
        return str(self.dataset.file_meta.TransferSyntaxUID)

    def write(self, path: Path) -> None:
        """As a DICOM file, complete or absent. Raises OSError."""
        with whole_file(path, PRIVATE_FILE) as file:
            self.dataset.save_as(file, enforce_file_format=True)


def objects_from_saved(
    record: Mapping[str, Any],
    files: Mapping[Mode, Path],
    uids: ObjectUids,
    equipment: Equipment,
    wanted: Container[str] | None = None,
    step: str = "",
) -> Iterator[DicomObject]:
    """The objects of a pair or a recording, raw before enhanced; of a long recording a row of them for each view.

    Args:
        record: the sidecar. Without an examination in it the patient has no name and no id.
        files: of the views, readable as they are.
        wanted: UIDs of those that are made, of `part_uids`; all of them where None.
        step: UID of the performed procedure step in which it was saved; "" where the hospital is told of none.

    Raises:
        NoObject: the record lacks what an object needs, or a file is not what it says.
        OSError: a file cannot be read.
    """
    source = uids.instances.get("raw", "")
    for view in VIEWS:
        if view in files:
            of = source if view == "enhanced" else ""
            origin = Origin(record, view, uids.series, uids.instances[view], of, equipment, step=step)
            made = recording_datasets if is_recording(record) else still_datasets
            yield from (DicomObject(view, dataset) for dataset in made(origin, files[view], wanted))


def part_uids(record: Mapping[str, Any], uids: ObjectUids) -> dict[Mode, tuple[str, ...]]:
    """The UIDs of all objects of something saved, by view: more than one where a recording is sent in parts.

    Raises:
        NoObject: the record does not tell.
    """
    num_parts = num_parts_of(record)
    return {
        view: tuple(part_uid(uid, number + 1) for number in range(num_parts)) for view, uid in uids.instances.items()
    }
