"""The objects of an item, made of what is stored when they are sent."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from edge.basics.errors import InputOutputError
from edge.basics.folders import open_folder
from edge.dicom.saved import DicomObject, Equipment, NoObject, ObjectUids, objects_from_saved
from edge.pacs.waiting.queue import Entry
from edge.pacs.waiting.scan import read_record
from edge.saving.sidecar import PROGRAM
from edge.saving.store import Store

if TYPE_CHECKING:
    from edge.pictures.image import Mode

__all__ = ["DicomObject", "NoObject", "StepOf", "no_step", "objects_of"]

StepOf = Callable[[Entry, "Mapping[str, Any]"], str]
"""Of what is sent, and its record: the UID of its performed procedure step; "" where the hospital is told of none."""

MANUFACTURER, MODEL_NAME = "edge-enhance", "edge-enhance throat camera"
_FITS_MEMORY_BYTES = 64 << 20


def no_step(entry: Entry, record: Mapping[str, Any]) -> str:
    return ""


@contextmanager
def objects_of(
    store: Store,
    wanted: Sequence[Entry],
    all_of_it: Sequence[Entry],
    serial: str,
    folder: Path,
    step_of: StepOf,
) -> Iterator[Iterator[DicomObject]]:
    """Objects of one item, which are there for the block.

    Args:
        wanted: views to be sent, of all of the item's.
        serial: of the camera unit.
        folder: of ours alone, for what does not fit into memory.
        step_of: see there.

    Raises:
        NoObject: none can be made of what is stored.
        OSError, InputOutputError: it cannot be read now.
    """
    item = store.listing.find(wanted[0].item)
    if item is None:
        raise InputOutputError(f"{wanted[0].item}: is not in the store")  # the scan forgets what is gone for good
    record = read_record(store, item)
    views = {cast("Mode", one.view): one for one in all_of_it}
    uids = ObjectUids({v: one.series for v, one in views.items()}, {v: one.uid for v, one in views.items()})
    made_by = str(record.get("program_version") or version(PROGRAM))  # not today's: the bytes stay the same
    equipment = Equipment(MANUFACTURER, MODEL_NAME, serial, made_by)
    with ExitStack() as files:
        paths: dict[Mode, Path] = {}
        for view in (cast("Mode", one.view) for one in wanted):
            if view not in item.files:
                raise NoObject(f"{item.name}: its {view} file is missing")
            paths[view] = files.enter_context(_readable(store, item.files[view], folder))
        yield objects_from_saved(record, paths, uids, equipment, step=step_of(wanted[0], record))


@contextmanager
def _readable(store: Store, name: str, spool: Path) -> Iterator[Path]:
    """A file of the store as a plain one: one that is encrypted there is plain for the block, and has no name."""
    with ExitStack() as files:
        folder = files.enter_context(open_folder(store.folder))
        file = files.enter_context(store.listing.at_rest.open(folder, name))
        if isinstance(getattr(file, "raw", None), io.FileIO):
            yield store.folder / name
            return
        is_small = file.seek(0, os.SEEK_END) <= _FITS_MEMORY_BYTES and name.endswith(".png")
        file.seek(0)
        if is_small:
            plain: BinaryIO = files.enter_context(os.fdopen(os.memfd_create("pacs"), "w+b"))
        else:
            plain = cast("BinaryIO", files.enter_context(tempfile.TemporaryFile(dir=spool)))
        shutil.copyfileobj(file, plain, 1 << 20)
        plain.flush()
        yield Path(f"/proc/self/fd/{plain.fileno()}")
