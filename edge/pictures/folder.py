"""The pictures below a folder, in subfolders too."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from edge.basics.errors import InputOutputError
from edge.pictures.files import PICTURE_SUFFIXES


def pictures_below(folder: Path) -> tuple[list[str], Counter[str]]:
    """Relative paths of the pictures below a folder, sorted, and how many other files there are of each suffix.

    Hidden files and folders are passed over.

    Raises:
        InputOutputError: no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise InputOutputError(f"{folder}: no such folder; give the folder that holds the pictures")
    pictures, others = [], Counter[str]()
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts) or not path.is_file():
            continue
        if path.suffix.lower() in PICTURE_SUFFIXES:
            pictures.append(relative.as_posix())
        else:
            others[path.suffix.lower() or "no suffix"] += 1
    if not pictures:
        raise InputOutputError(
            f"{folder}: no picture in it; expected files ending in {', '.join(sorted(PICTURE_SUFFIXES))}"
        )
    return sorted(pictures), others
