"""What a power cut left among saved pictures is put in order at the start.

A saved pair is raw picture, enhanced picture and sidecar, renamed into place in this order; **the sidecar makes it
complete**. All three are on the disk under temporary names before the first is renamed, so `clean_up` can do one of:

    temporary sidecar whole, all its files there, whole, by SHA-256     the pair is completed
    temporary file otherwise                                            removed: it never was a file
    such a name of a link, pipe, device, socket or folder               left and told: nobody here made it
    picture without a sidecar                                           kept, and told at each start: it is a picture
    recording that was running                                          cut after its last whole fragment, and ended
    removal that had begun                                              finished
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.basics.folders import Folder, open_folder
from edge.basics.texts import json_from_text, one_line
from edge.basics.walk import kind_of
from edge.basics.whole_files import is_part, lock, part_name, whole_name
from edge.saving.at_rest import PLAIN, AtRest
from edge.saving.recording.made_whole import make_whole
from edge.saving.removal import finish_removal, marked_items

log = logging.getLogger(__name__)

MAX_SIDECAR_BYTES, MAX_PICTURE_BYTES = 1 << 20, 256 << 20
"""Of a sidecar and of a picture of a pair, which has about 5 MB: nobody waits for a file that is all holes."""
_MAX_NAMES = 5
_OF_A_PAIR = re.compile(r"(throat-.+)-(raw|enhanced)\.png(\.json)?", re.DOTALL)


@dataclass(frozen=True)
class Findings:
    """What was found at the start.

    Attributes:
        removed: temporary files that are gone now; in_use: those that another program writes.
        completed: sidecars of pairs that only lacked their last names.
        half: pictures that are kept although their sidecar is missing.
        recordings: records of those that a power cut ended, made whole.
        failed: what could not be put in order, and why.
    """

    removed: list[Path] = field(default_factory=list)
    in_use: list[Path] = field(default_factory=list)
    completed: list[Path] = field(default_factory=list)
    half: list[Path] = field(default_factory=list)
    recordings: list[Path] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """What a person should know, a line each; empty where all was in order."""
        lines = [
            _line("cleaned {} in {}: {}", "unfinished file", self.removed),
            _line("completed {} in {}: {}", "saved pair", self.completed),
            _line("kept {} without a sidecar in {}: {}", "picture", self.half),
            _line("made {} whole in {}: {}", "recording", self.recordings),
        ]
        more = [f"and {len(self.failed) - _MAX_NAMES} more"] if len(self.failed) > _MAX_NAMES else []
        left = [f"left as it is: {line}" for line in [*self.failed[:_MAX_NAMES], *more]]
        return [one_line(line) for line in [*lines, *left] if line]


def clean_up(folders: Iterable[Path], at_rest: AtRest = PLAIN) -> Findings:
    """Put in order what a power cut left in these folders, not in those in them; logs what it found.

    Only names that `edge.basics.whole_files` makes are removed, and none that a program writes at this moment. Nothing
    is followed, and nothing waited for.
    """
    found = Findings()
    seen: set[tuple[int, int]] = set()
    for path in folders:
        try:
            folder = open_folder(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            found.failed.append(_told(error, path))
            continue
        with folder:
            about = folder.owner()
            if (about.st_dev, about.st_ino) not in seen:
                seen.add((about.st_dev, about.st_ino))
                _clean(folder, found, at_rest)
    for line in found.lines():
        log.warning("storage: %s", line)
    return found


def _clean(folder: Folder, found: Findings, at_rest: AtRest) -> None:
    try:
        names = list(_files(folder, found))
        parts = [name for name in names if is_part(name)]
        for part in parts:
            if whole_name(part).endswith(".json") and _complete(folder, part, at_rest):
                found.completed.append(folder.path / whole_name(part))
        for part in parts:
            if folder.is_file(part):
                _remove(folder, part, found, at_rest)
        removals = marked_items(names)
        for item in removals:
            finish_removal(folder, item)
            found.removed.append(folder.path / item)
        if parts or removals:
            folder.sync()
            names = [name for name in folder.names() if folder.is_file(name)]
        whole, removed, failed = make_whole(folder, names, at_rest)
        found.failed.extend(_told(error, folder.path) for error in failed)
        found.recordings.extend(folder.path / name for name in whole)
        found.removed.extend(folder.path / name for name in removed)
        found.half.extend(folder.path / name for name in _half_pairs(names))
    except OSError as error:
        found.failed.append(_told(error, folder.path))


def _files(folder: Folder, found: Findings) -> Iterator[str]:
    """The plain files; what else bears a name of theirs is told."""
    for name in folder.names():
        about = folder.about(name)
        if about is None:
            continue
        if stat.S_ISREG(about.st_mode):
            yield name
        elif is_part(name) or _OF_A_PAIR.fullmatch(name):
            found.failed.append(f"{folder.path / name}: is {kind_of(about.st_mode)}, expected a plain file; remove it")


def _told(error: OSError, path: Path) -> str:
    return f"{error.filename or path}: {error.strerror or error}"


def _complete(folder: Folder, sidecar_part: str, at_rest: AtRest) -> bool:
    """Give a pair its last names where its temporary sidecar and all that it names are whole."""
    try:
        with folder.open(sidecar_part) as file:
            if not lock(file, wait=False):
                return False
            record = json_from_text(at_rest.read(folder, sidecar_part, MAX_SIDECAR_BYTES).decode())
            files = [(str(one["name"]), str(one["sha256"])) for one in record["output"]["files"]]
            renames = []
            for name, digest in files:
                there = name if folder.about(name) is not None else part_name(name)
                if _sha256(folder, there, at_rest) != digest:
                    return False
                renames.append((there, name))
            if not renames:
                return False
            for there, name in renames:
                folder.rename(there, name)
            folder.sync()
            folder.rename(sidecar_part, whole_name(sidecar_part))
            folder.sync()
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def _sha256(folder: Folder, name: str, at_rest: AtRest) -> str:
    with at_rest.open(folder, name) as file:
        if file.seek(0, os.SEEK_END) > MAX_PICTURE_BYTES:
            return ""
        file.seek(0)
        return hashlib.sha256(file.read(MAX_PICTURE_BYTES)).hexdigest()


def _remove(folder: Folder, part: str, found: Findings, at_rest: AtRest) -> None:
    """Remove a temporary file, unless another program writes it, or it takes a key to know what it is."""
    path = folder.path / part
    try:
        at_rest.refuse_without_key(folder, part)
        with folder.open(part) as file:
            is_ours = lock(file, wait=False)
            if is_ours:
                folder.unlink(part)
        (found.removed if is_ours else found.in_use).append(path)
    except OSError as error:
        found.failed.append(_told(error, path))


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
