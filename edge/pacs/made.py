"""What was made in a patient session, as a performed step names it: series, and the objects in each."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import cast

from pydicom.uid import VideoEndoscopicImageStorage, VLEndoscopicImageStorage

from edge.dicom.origin import is_recording, part_uid, series_of
from edge.dicom.performed import PerformedSeries
from edge.dicom.recordings import num_parts_of
from edge.dicom.saved import NoObject
from edge.pacs.waiting.queue import Entry, Queue
from edge.pacs.waiting.scan import read_record
from edge.pictures.image import Mode
from edge.saving.store import Store


def made_in(store: Store, queue: Queue, entries: Iterable[Entry]) -> list[PerformedSeries]:
    """Every object of these views: as the PACS took it, else as it will be made.

    Raises:
        InputOutputError: the store or the queue cannot be read.
    """
    found: dict[tuple[int, str, str], list[tuple[str, str]]] = {}
    for name, of_item in groupby(sorted(entries, key=lambda one: one.item), lambda one: one.item):
        kind, num_parts = _kind_and_parts(store, name)
        sop_class = VideoEndoscopicImageStorage if kind == "recording" else VLEndoscopicImageStorage
        for entry in of_item:
            number, description = series_of(kind, cast("Mode", entry.view))
            taken = queue.taken_as(entry)
            uids = dict.fromkeys([*(part_uid(entry.uid, one + 1) for one in range(num_parts)), *taken])
            images = [taken.get(uid, (str(sop_class), uid)) for uid in uids]
            found.setdefault((number, entry.series, description), []).extend(images)
    return [
        PerformedSeries(uid, description, tuple(found[key])) for key in sorted(found) for _, uid, description in [key]
    ]


def _kind_and_parts(store: Store, name: str) -> tuple[str, int]:
    """Of an item; of one that is gone, or cannot be read, as its name and what was sent of it tell."""
    item = store.listing.find(name)
    if item is None:
        return "recording" if name.endswith("recording") else "pair", 0
    try:
        record = read_record(store, item)
        return "recording" if is_recording(record) else "pair", num_parts_of(record)
    except (OSError, NoObject):
        return item.kind, 1
