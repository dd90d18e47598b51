"""The objects of an item, made of what is stored when they are sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, cast

from edge.dicom.saved import DicomObject, Equipment, NoObject, ObjectUids, objects_from_saved
from edge.pacs.waiting.queue import Entry
from edge.pacs.waiting.scan import read_record
from edge.saving.sidecar import PROGRAM
from edge.saving.store import Store

if TYPE_CHECKING:
    from edge.pictures.image import Mode

__all__ = ["NoObject", "objects_of"]

MANUFACTURER, MODEL_NAME = "edge-enhance", "edge-enhance throat camera"


def objects_of(
    store: Store, entries: Sequence[Entry], all_entries: Sequence[Entry], serial: str
) -> Iterator[DicomObject]:
    """Objects of one item.

    Args:
        entries: those that are wanted.
        all_entries: of the item, to which these refer.
        serial: of the camera unit.

    Raises:
        NoObject: none can be made of what is stored.
        OSError, InputOutputError: it cannot be read now.
    """
    item = store.listing.find(entries[0].item)
    if item is None:
        raise NoObject(f"{entries[0].item}: is not in the store any more")
    record = read_record(store, item)
    views = {cast("Mode", one.view): one for one in all_entries}
    uids = ObjectUids({v: one.series for v, one in views.items()}, {v: one.uid for v, one in views.items()})
    wanted = [cast("Mode", one.view) for one in entries]
    files: dict[Mode, Path] = {view: store.folder / item.files[view] for view in wanted if view in item.files}
    if len(files) < len(wanted):
        raise NoObject(f"{item.name}: a file of it is missing")
    made_by = str(record.get("program_version") or version(PROGRAM))  # not today's: the bytes stay the same
    equipment = Equipment(MANUFACTURER, MODEL_NAME, serial, made_by)
    return objects_from_saved(record, files, uids, equipment)
