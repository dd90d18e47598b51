"""Recordings that a power cut ended are cut after their last whole fragment, and their record says what ended them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import BinaryIO

from edge.basics.folders import Folder
from edge.basics.texts import json_from_text
from edge.basics.whole_files import PRIVATE_FILE, lock, whole_file_in
from edge.saving.at_rest import PLAIN, AtRest
from edge.saving.recording.boxes import TICKS_PER_S, whole_extent
from edge.saving.recording.names import clip_name, files_of, parts_of, sidecar_name
from edge.saving.recording.record import RUNNING, ClipFile, healed_bytes
from edge.saving.recording.tape import View
from edge.saving.sealing.sealed import Unreadable
from edge.saving.sidecar import MAX_BYTES

_VIEWS: tuple[View, ...] = ("raw", "enhanced")


def make_whole(
    folder: Folder, names: Sequence[str], at_rest: AtRest = PLAIN
) -> tuple[list[str], list[str], list[Unreadable]]:
    """Put the recordings of a folder in order that nobody writes.

    Args:
        names: of the plain files in it.

    Returns:
        The records of those that were made whole, the files of those that had not come to a picture, removed, and why
        others that were encrypted are left as they are.

    Raises:
        OSError: the disk does not take it.
    """
    whole: list[str] = []
    removed: list[str] = []
    failed: list[Unreadable] = []
    stems: dict[str, set[str]] = {}
    for name in names:
        if found := parts_of(name):
            stems.setdefault(found[0], set()).add(name)
    for stem, files in stems.items():
        try:
            _make_one_whole(folder, stem, files, at_rest, whole, removed)
        except Unreadable as error:
            failed.append(error)
    return whole, removed, failed


def _make_one_whole(
    folder: Folder, stem: str, files: set[str], at_rest: AtRest, whole: list[str], removed: list[str]
) -> None:
    if sidecar_name(stem) in files:
        record = _running_record(folder, sidecar_name(stem), at_rest)
    else:
        record = None if _has_content(folder, files) else {}
    if record is None:
        return
    with _Clips(folder, stem, files, at_rest) as clips:
        if clips.are_in_use:
            return
        kept = clips.cut()
        if kept and record:
            with whole_file_in(folder, sidecar_name(stem), PRIVATE_FILE) as file:
                file.write(at_rest.content(sidecar_name(stem), healed_bytes(record, kept)))
            whole.append(sidecar_name(stem))
        gone = [name for name in files_of(stem) if name in files and not (kept and _stays(name, kept))]
        for name in gone:
            folder.unlink(name)
        removed += gone
        folder.sync()


def _stays(name: str, kept: Sequence[ClipFile]) -> bool:
    return not name.endswith(".mp4") or name in {file.name for file in kept}


def _running_record(folder: Folder, name: str, at_rest: AtRest) -> dict[str, object] | None:
    """The record of one that was running; None for one that ended, and for what is none of ours.

    Raises:
        Unreadable: nobody can tell.
    """
    try:
        record = json_from_text(at_rest.read(folder, name, MAX_BYTES))
        is_ours = record["state"] == RUNNING and bool(record["output"]["files"]) and bool(record["source"]["taken_at"])
        return dict(record) if is_ours and record["clip"] is not None else None
    except Unreadable:
        raise
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _has_content(folder: Folder, files: set[str]) -> bool:
    """Whether a recording without a record has anything in it: then somebody put it there, and it stays."""
    abouts = [folder.about(name) for name in files]
    return any(about is not None and about.st_size for about in abouts)


class _Clips:
    """The clips of one recording, locked."""

    def __init__(self, folder: Folder, stem: str, files: set[str], at_rest: AtRest) -> None:
        self._folder, self._at_rest = folder, at_rest
        self._names = {view: clip_name(stem, view) for view in _VIEWS if clip_name(stem, view) in files}
        self._locks = ExitStack()
        self.are_in_use = False

    def __enter__(self) -> _Clips:
        for name in self._names.values():
            file: BinaryIO = self._locks.enter_context(self._folder.open(name))
            self.are_in_use = self.are_in_use or not lock(file, wait=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._locks.close()

    def cut(self) -> list[ClipFile]:
        """What is left of each, after its end that is not whole was cut off; without those that have nothing.

        Raises:
            Unreadable: of one of them, which is left, with those that come after it.
        """
        kept = []
        for view, name in self._names.items():
            with self._at_rest.open_cut_short(self._folder, name) as file:
                extent = whole_extent(file)
            if extent.num_bytes:
                self._at_rest.shorten(self._folder, name, extent.num_bytes)
                kept.append(ClipFile(name, view, extent.num_bytes, extent.num_frames, extent.duration / TICKS_PER_S))
        return kept
