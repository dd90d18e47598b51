"""The files behind an input on the command line: itself, or what a folder holds."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from edge.basics.errors import InputOutputError
from edge.batch.kinds.every import KNOWN_SUFFIXES
from edge.batch.manifest import MANIFEST
from edge.dicom.reading.known import Kind, dicom_kind_of_file
from edge.pictures.marks import mode_of_file


def given_path(given: Path | str) -> Path:
    """What is meant by a word: a file of this very name, else `~` is a home."""
    path = Path(given)
    if os.path.lexists(path):
        return path
    try:
        return path.expanduser()
    except RuntimeError:  # a home that nobody has
        return path


def real_path(path: Path) -> Path:
    """With all links followed, as far as they can be: never fails."""
    return Path(os.path.realpath(path))


class Finder:
    """Lists inputs; `left_out` counts what a folder held beside them, by kind.

    Args:
        output: what lies there is not taken for an original again.
        recursive: subfolders too, each once, however links lead there.
    """

    def __init__(self, output: Path, *, recursive: bool) -> None:
        self.left_out: Counter[str] = Counter()
        self._output = real_path(output)
        self._recursive = recursive
        self._seen: set[tuple[int, int]] = set()

    def files_of(self, path: Path) -> Iterator[Path]:
        """The file, or the pictures and clips of the folder, 2 before 10, then those of its subfolders.

        Without hidden files and what this program has enhanced.

        Raises:
            InputOutputError: cannot be read, is no file, or holds nothing of use.
        """
        try:
            if not path.is_dir():
                yield _checked_file(path)
                return
            found = [*self._of_folder(path)]
        except OSError as error:
            raise InputOutputError(f"{path}: cannot be read: {error.strerror or error}") from error
        if not found:
            endings = " ".join(sorted(KNOWN_SUFFIXES))
            held = f" (it holds {listed_counts(self.left_out)})" if self.left_out else ""
            raise InputOutputError(
                f"{path}: no pictures or clips in this folder{held}; expected files ending in {endings}"
            )
        yield from (file for file in found if not self._is_own(file))

    def _of_folder(self, folder: Path) -> Iterator[Path]:
        entry = folder.stat()
        if (entry.st_dev, entry.st_ino) in self._seen:
            return
        self._seen.add((entry.st_dev, entry.st_ino))
        inner = []
        for path in sorted(folder.iterdir(), key=_natural_key):
            if path.name.startswith("."):
                continue
            if path.is_dir():
                inner.append(path)
            elif not path.is_file():
                self.left_out["broken link" if path.is_symlink() else "not a file"] += 1
            elif path.suffix.lower() in KNOWN_SUFFIXES or (kind := _dicom_kind(path)) == "object":
                yield path
            elif kind is not None:
                self.left_out["DICOMDIR" if kind == "directory" else kind] += 1
            elif not _is_sidecar(path) and path.name != MANIFEST:
                self.left_out[path.suffix.lower() or "without an ending"] += 1
        for path in inner:
            if real_path(path) == self._output:
                continue
            if not self._recursive:
                self.left_out["subfolder"] += 1
                continue
            try:
                yield from self._of_folder(path)
            except OSError:
                self.left_out["folder that cannot be read"] += 1

    def _is_own(self, file: Path) -> bool:
        """Whether it is a result, which is enhanced already or lies beside one that is."""
        own_modes = {"enhanced", "raw"} if real_path(file.parent) == self._output else {"enhanced"}
        if mode_of_file(file) not in own_modes:
            return False
        self.left_out["enhanced already"] += 1
        return True


def _dicom_kind(path: Path) -> Kind | None:
    """What a file is whose name says nothing: as media and archives have them, without an ending or with numbers."""
    ending = path.suffix[1:]
    return dicom_kind_of_file(path) if not ending or ending.isdecimal() else None


def listed_counts(counts: Counter[str]) -> str:
    """`.heic 1, subfolder 2`."""
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))


def _is_sidecar(path: Path) -> bool:
    return path.suffix == ".json" and path.with_suffix("").is_file()


def _checked_file(path: Path) -> Path:
    if not os.path.lexists(path):
        raise InputOutputError(f"{path}: no such file or folder")
    path.stat()  # says what is wrong, where `is_file` would say no
    if not path.is_file():
        raise InputOutputError(f"{path}: not a file; a camera is shown with --live --source")
    if mode_of_file(path) == "enhanced":
        raise InputOutputError(f"{path}: is enhanced already; give its original")
    return path


def _natural_key(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(int(part), part) if part.isdecimal() and len(part) < 1000 else (-1, part) for part in parts]
