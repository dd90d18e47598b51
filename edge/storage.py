"""The unit's disk: what a power cut left is put in order at the start, and a disk that takes nothing is told.

A saved pair is raw picture, enhanced picture and sidecar, renamed into place in this order; **the sidecar makes it
complete**. All three are on the disk under temporary names before the first is renamed, so `clean_up` can do one of:

    temporary sidecar whole, all its files there, whole, by SHA-256     the pair is completed
    temporary file otherwise                                            removed: it never was a file
    picture without a sidecar                                           kept, and told at each start: it is a picture
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.texts import json_from_text
from edge.whole_files import PART_SUFFIX, lock, part_of, sync_folder, whole_of

log = logging.getLogger(__name__)

StorageState = Literal["ok", "degraded", "failed"]

LOW_BYTES = 500 * 2**20
FULL_BYTES = 32 * 2**20
"""Two pairs: with less, the next one is likely to be refused."""
CHECK_EVERY_NS = 5_000_000_000
_MAX_NAMES = 5
_OF_A_PAIR = re.compile(r"(throat-.+)-(raw|enhanced)\.png(\.json)?")


@dataclass(frozen=True)
class Findings:
    """What was found at the start.

    Attributes:
        removed: temporary files that are gone now; in_use: those that another program writes.
        completed: sidecars of pairs that only lacked their last names.
        half: pictures that are kept although their sidecar is missing.
        failed: what could not be put in order, and why.
    """

    removed: tuple[Path, ...] = ()
    in_use: tuple[Path, ...] = ()
    completed: tuple[Path, ...] = ()
    half: tuple[Path, ...] = ()
    failed: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """What a person should know, a line each; empty where all was in order."""
        told = [
            _told("cleaned {} in {}: {}", "unfinished file", self.removed),
            _told("completed {} in {}: {}", "saved pair", self.completed),
            _told("kept {} without a sidecar in {}: {}", "picture", self.half),
        ]
        return [line for line in told if line] + [f"left as it is: {line}" for line in self.failed]


def clean_up(folders: Iterable[Path]) -> Findings:
    """Put in order what a power cut left in these folders and those directly in them; logs what it found.

    Only names that `edge.whole_files` makes are removed, and none that a program writes at this moment.
    """
    removed: list[Path] = []
    in_use: list[Path] = []
    completed: list[Path] = []
    half: list[Path] = []
    failed: list[str] = []
    for folder in _with_subfolders(folders):
        try:
            names = _files(folder)
            parts = [folder / name for name in names if name.startswith(".") and name.endswith(PART_SUFFIX)]
            for part in parts:
                if part.name.endswith(f".json{PART_SUFFIX}") and _complete(part):
                    completed.append(whole_of(part))
            for part in parts:
                if part.exists():
                    (removed if _remove(part) else in_use).append(part)
            if parts:
                sync_folder(folder)
                names = _files(folder)
            half += [folder / name for name in _half_pairs(names)]
        except OSError as error:
            failed.append(f"{folder}: {error.strerror or error}")
    found = Findings(tuple(removed), tuple(in_use), tuple(completed), tuple(half), tuple(failed))
    for line in found.lines():
        log.warning("storage: %s", line)
    return found


class StorageWatch:
    """Whether the folder for pictures takes more, asked of the file system; nothing is written to find out.

    Args:
        on_state: called with the state and its reason ("" for ok) at the first tick and at each change; in the thread
            that calls `tick`, `save_failed` or `saved`.
    """

    def __init__(self, folder: Path, on_state: Callable[[StorageState, str], None]) -> None:
        self._folder, self._on_state = folder, on_state
        self._lock = threading.Lock()
        self._state: StorageState | None = None
        self._kind = ""
        self._refused = ""
        self._next_ns = 0

    def tick(self, now_ns: int) -> None:
        """Look again, every five seconds at most."""
        if self._state is None or now_ns >= self._next_ns:
            self._next_ns = now_ns + CHECK_EVERY_NS
            self._look()

    def save_failed(self, reason: str) -> None:
        """A picture could not be saved: failed at once, until one is saved or the disk itself tells more."""
        with self._lock:
            self._refused = reason
        self._look()

    def saved(self) -> None:
        """A picture was saved."""
        with self._lock:
            refused, self._refused = self._refused, ""
        if refused:
            self._look()

    def set_folder(self, folder: Path) -> None:
        """Watch another folder from the next tick on."""
        with self._lock:
            self._folder, self._refused, self._next_ns = folder, "", 0

    def _look(self) -> None:
        with self._lock:
            state, kind, reason = disk_state(self._folder)
            if self._refused and state != "failed":
                state, kind, reason = "failed", self._refused, self._refused
            if (state, kind) != (self._state, self._kind):
                self._state, self._kind = state, kind
                self._on_state(state, reason)


def disk_state(folder: Path) -> tuple[StorageState, str, str]:
    """State, a word for its cause, and the reason with figures; of the nearest folder that exists."""
    there = nearest(folder)
    try:
        disk = os.statvfs(there)
    except OSError as error:
        return "failed", "error", f"{folder}: {error.strerror or error}; check the disk"
    free_bytes = disk.f_bavail * disk.f_frsize
    if disk.f_flag & os.ST_RDONLY:
        return "failed", "read-only", f"{folder}: the file system is read-only; mount it for writing, or check the disk"
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return "failed", "access", f"{folder}: may not be written; choose another [save] folder, or change its owner"
    if free_bytes < FULL_BYTES or (disk.f_files and not disk.f_favail):
        return "failed", "full", f"{folder}: the disk is full ({free_bytes / 2**20:.0f} MiB free); make room"
    if free_bytes < LOW_BYTES:
        return "degraded", "low", f"{folder}: {free_bytes / 2**20:.0f} MiB free; make room"
    return "ok", "", ""


def nearest(folder: Path) -> Path:
    """The folder, or what there is of the way to it."""
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    return there


def _with_subfolders(folders: Iterable[Path]) -> list[Path]:
    """The folders that exist and those directly in them, each once."""
    found: dict[Path, None] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        found[folder.resolve()] = None
        try:
            inner = [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue  # told when the folder itself is read
        found.update(dict.fromkeys(path.resolve() for path in sorted(inner)))
    return list(found)


def _files(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False))


def _complete(sidecar_part: Path) -> bool:
    """Give a pair its last names where its temporary sidecar and all that it names are whole."""
    sidecar = whole_of(sidecar_part)
    try:
        with sidecar_part.open("rb") as file:
            if not lock(file, wait=False):
                return False
            record = json_from_text(file.read().decode())
            files = [(str(one["name"]), str(one["sha256"])) for one in record["output"]["files"]]
            renames = []
            for name, digest in files:
                picture = sidecar.with_name(name)  # refuses a path
                there = picture if picture.exists() else part_of(picture)
                if hashlib.sha256(there.read_bytes()).hexdigest() != digest:
                    return False
                renames.append((there, picture))
            if not renames:
                return False
            for there, picture in renames:
                there.replace(picture)
            sync_folder(sidecar.parent)
            sidecar_part.replace(sidecar)
            sync_folder(sidecar.parent)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def _remove(part: Path) -> bool:
    """Remove a temporary file that nobody writes; whether it was one."""
    with part.open("rb") as file:
        if not lock(file, wait=False):
            return False
        part.unlink()
    return True


def _half_pairs(names: Sequence[str]) -> list[str]:
    """Pictures of pairs that have no sidecar."""
    pictures: dict[str, list[str]] = {}
    complete = set()
    for name in names:
        match = _OF_A_PAIR.fullmatch(name)
        if match is None:
            continue
        if match[3]:
            complete.add(match[1])
        else:
            pictures.setdefault(match[1], []).append(name)
    return [name for stem, found in pictures.items() if stem not in complete for name in found]


def _told(words: str, what: str, paths: Sequence[Path]) -> str:
    if not paths:
        return ""
    folders = ", ".join(dict.fromkeys(str(path.parent) for path in paths))
    names = ", ".join(path.name for path in paths[:_MAX_NAMES])
    more = f" and {len(paths) - _MAX_NAMES} more" if len(paths) > _MAX_NAMES else ""
    return words.format(f"{len(paths)} {what}{'s' if len(paths) > 1 else ''}", folders, names + more)
