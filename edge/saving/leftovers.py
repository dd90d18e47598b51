"""What a power cut left among saved pictures is put in order at the start.

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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.basics.texts import json_from_text
from edge.basics.whole_files import PART_SUFFIX, lock, part_of, sync_folder, whole_of

log = logging.getLogger(__name__)

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
        lines = [
            _line("cleaned {} in {}: {}", "unfinished file", self.removed),
            _line("completed {} in {}: {}", "saved pair", self.completed),
            _line("kept {} without a sidecar in {}: {}", "picture", self.half),
        ]
        return [line for line in lines if line] + [f"left as it is: {line}" for line in self.failed]


def clean_up(folders: Iterable[Path]) -> Findings:
    """Put in order what a power cut left in these folders and those directly in them; logs what it found.

    Only names that `edge.basics.whole_files` makes are removed, and none that a program writes at this moment.
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


def _line(words: str, what: str, paths: Sequence[Path]) -> str:
    if not paths:
        return ""
    folders = ", ".join(dict.fromkeys(str(path.parent) for path in paths))
    names = ", ".join(path.name for path in paths[:_MAX_NAMES])
    more = f" and {len(paths) - _MAX_NAMES} more" if len(paths) > _MAX_NAMES else ""
    return words.format(f"{len(paths)} {what}{'s' if len(paths) > 1 else ''}", folders, names + more)
