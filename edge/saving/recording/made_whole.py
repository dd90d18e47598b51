"""Recordings that a power cut ended are cut after their last whole fragment, and their record says what ended them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from edge.basics.folders import Folder, read_at_most
from edge.basics.texts import json_from_text
from edge.basics.whole_files import PRIVATE_FILE, lock, whole_file_in
from edge.saving.recording.boxes import TICKS_PER_S, whole_extent
from edge.saving.recording.names import clip_name, files_of, parts_of, sidecar_name
from edge.saving.recording.record import RUNNING, ClipFile, healed_bytes
from edge.saving.recording.tape import View
from edge.saving.sidecar import MAX_BYTES

_VIEWS: tuple[View, ...] = ("raw", "enhanced")


def make_whole(folder: Folder, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Put the recordings of a folder in order that nobody writes.

    Args:
        names: of the plain files in it.

    Returns:
        The records of those that were made whole, and the files of those that had not come to a picture, removed.

    Raises:
        OSError: the disk does not take it.
    """
    whole: list[str] = []
    removed: list[str] = []
    stems: dict[str, set[str]] = {}
    for name in names:
        if found := parts_of(name):
            stems.setdefault(found[0], set()).add(name)
    for stem, files in stems.items():
        if sidecar_name(stem) in files:
            record = _running_record(folder, sidecar_name(stem))
        else:
            record = None if _has_content(folder, stem, files) else {}
        if record is None:
            continue
        with _Clips(folder, stem, files) as clips:
            if clips.are_in_use:
                continue
            kept = clips.cut()
            if kept and record:
                with whole_file_in(folder, sidecar_name(stem), PRIVATE_FILE) as file:
                    file.write(healed_bytes(record, kept))
                whole.append(sidecar_name(stem))
            gone = [name for name in files_of(stem) if name in files and not (kept and _stays(name, kept))]
            for name in gone:
                folder.unlink(name)
            removed += gone
            folder.sync()
    return whole, removed


def _stays(name: str, kept: Sequence[ClipFile]) -> bool:
    return not name.endswith(".mp4") or name in {file.name for file in kept}


def _running_record(folder: Folder, name: str) -> dict[str, object] | None:
    """The record of one that was running; None for one that ended, and for what is none of ours."""
    try:
        with folder.open(name) as file:
            record = json_from_text(read_at_most(file, MAX_BYTES, name))
        is_ours = record["state"] == RUNNING and bool(record["output"]["files"]) and bool(record["source"]["taken_at"])
        return dict(record) if is_ours and record["clip"] is not None else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _has_content(folder: Folder, stem: str, files: set[str]) -> bool:
    """Whether a recording without a record has anything in it: then somebody put it there, and it stays."""
    abouts = [folder.about(name) for name in files]
    return any(about is not None and about.st_size for about in abouts)


class _Clips:
    """The clips of one recording, locked."""

    def __init__(self, folder: Folder, stem: str, files: set[str]) -> None:
        self._folder = folder
        self._names = {view: clip_name(stem, view) for view in _VIEWS if clip_name(stem, view) in files}
        self._open: dict[View, BinaryIO] = {}
        self.are_in_use = False

    def __enter__(self) -> _Clips:
        for view, name in self._names.items():
            self._open[view] = self._folder.open(name)
            self.are_in_use = self.are_in_use or not lock(self._open[view], wait=False)
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._open.values():
            file.close()

    def cut(self) -> list[ClipFile]:
        """What is left of each, after its end that is not whole was cut off; without those that have nothing."""
        kept = []
        for view, file in self._open.items():
            name = self._names[view]
            extent = whole_extent(file)
            if extent.num_bytes:
                if file.seek(0, 2) > extent.num_bytes:
                    self._folder.shorten(name, extent.num_bytes)
                kept.append(ClipFile(name, view, extent.num_bytes, extent.num_frames, extent.duration / TICKS_PER_S))
        return kept
