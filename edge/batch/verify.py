"""Whether a folder of results is what its manifest says, pixel by pixel.

Every file that the manifest names is read whole: it is there, has the size and the hash, can be decoded, is 1920x1080,
and is of one colour only where its original was.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from edge.basics.errors import EdgeError, InputOutputError
from edge.basics.whole_files import file_sha256
from edge.batch.checks import FLAT_LEVELS, contrast_levels
from edge.batch.manifest import MANIFEST, entries_of
from edge.batch.passing_folder import MEMORY, PassingFolder, has_room
from edge.batch.steps import new_file
from edge.clips.decode import ClipReader
from edge.clips.facts import clip_facts
from edge.dicom.reading.file import opened_dicom
from edge.health.machine import available_cpus
from edge.pictures.files import read_picture
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX

_UNREADABLE = "has a line that cannot be read: a run was cut short, or it was changed"


class Fault(NamedTuple):
    """What is wrong with a file of the folder."""

    name: str
    why: str


class Seen(NamedTuple):
    """What a file shows, all of it read.

    Attributes:
        contrast_levels: see `edge.batch.checks.contrast_levels`; of a clip, its largest.
    """

    width_px: int
    height_px: int
    contrast_levels: int


def see_picture(path: Path) -> Seen:
    image = read_picture(path)
    return Seen(image.shape[1], image.shape[0], contrast_levels(image))


def see_clip(path: Path) -> Seen:
    facts = clip_facts(path)
    contrast = 0
    with closing(ClipReader(path, facts)) as reader:
        while (read := reader.read(lambda shape: None)) is not None:
            contrast = max(contrast, contrast_levels(read[0]))
        if damage := reader.damage():
            raise EdgeError(f"{path}: {damage.line()}")
    return Seen(facts.width_px, facts.height_px, contrast)


def see_dicom(path: Path) -> Seen:
    with opened_dicom(path) as found:
        if not found.facts.video:
            image = found.frame().image
            return Seen(image.shape[1], image.shape[0], contrast_levels(image))
        with closing(PassingFolder(".edge-enhance-verify-", _place_for(path))) as own:
            stream = own.path / f"stream{found.facts.video}"
            with new_file(stream) as into:
                found.write_stream(into)
            return see_clip(stream)


def _place_for(path: Path) -> Path:
    """Where the stream of a video may lie while it is looked at: in memory that is plenty, else in its own folder.

    In memory a power cut leaves nothing of it.

    Raises:
        InputOutputError: there is neither.
    """
    if has_room(MEMORY, path.stat().st_size):
        return MEMORY
    if os.access(path.parent, os.W_OK):
        return path.parent
    raise InputOutputError(f"nothing can be written beside it, and {MEMORY} has too little room for its video")


SEES: Mapping[str, Callable[[Path], Seen]] = {
    ".png": see_picture, ".dcm": see_dicom, ".mp4": see_clip, ".mov": see_clip, ".mkv": see_clip,
}  # fmt: skip
"""Ending of a result -> how it is looked at; raises EdgeError where it cannot be decoded whole."""


def verify(folder: Path, on_entry: Callable[[], object] = lambda: None) -> Iterator[Fault]:
    """All faults, in the manifest's order; failures that it tells of are none.

    Args:
        on_entry: called after each line of it.

    Raises:
        InputOutputError: there is no manifest, or it cannot be read.
    """
    num_threads = available_cpus()
    waiting: deque[Future[list[Fault]]] = deque()
    with ThreadPoolExecutor(num_threads, "verify") as pool:
        try:
            for entry in entries_of(folder / MANIFEST):
                waiting.append(pool.submit(_faults_of, folder, entry))
                if len(waiting) > 2 * num_threads:
                    yield from waiting.popleft().result()
                    on_entry()
        except OSError as error:
            raise InputOutputError(
                f"{folder / MANIFEST}: {error.strerror or error}; expected a folder that files were enhanced into"
            ) from error
        while waiting:
            yield from waiting.popleft().result()
            on_entry()


def _faults_of(folder: Path, entry: Mapping[str, Any] | None) -> list[Fault]:
    if entry is None:
        return [Fault(MANIFEST, _UNREADABLE)]
    if "failure" in entry:
        return []
    try:
        files = [*entry["outputs"], entry["sidecar"]]
        found = [(str(file["name"]), _fault(folder, file)) for file in files]
    except (KeyError, TypeError):
        return [Fault(MANIFEST, _UNREADABLE)]
    return [Fault(name, why) for name, why in found if why]


def _fault(folder: Path, file: Mapping[str, Any]) -> str:
    """What is wrong with one file, in words; empty where nothing is."""
    path = folder / str(file["name"])
    if path.parent != folder:
        return "is no name in this folder"
    try:
        num_bytes = path.stat().st_size
        if num_bytes != file["bytes"]:
            return f"has {num_bytes} bytes, expected {file['bytes']}"
        if file_sha256(path) != file["sha256"]:
            return "has other content than it was made with, by its SHA-256"
        see = SEES.get(path.suffix)
        return "" if see is None else _fault_of(see(path), bool(file.get("flat")))
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    except EdgeError as error:
        return f"cannot be decoded: {error}"


def _fault_of(seen: Seen, is_flat: bool) -> str:
    if (seen.width_px, seen.height_px) != (FRAME_WIDTH_PX, FRAME_HEIGHT_PX):
        return f"is {seen.width_px}x{seen.height_px} px, expected {FRAME_WIDTH_PX}x{FRAME_HEIGHT_PX}"
    if seen.contrast_levels <= FLAT_LEVELS and not is_flat:
        return "is of one colour, and its original is not"
    return ""
