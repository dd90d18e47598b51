"""What is kept is removed whole or not at all: a marker first, then its files, then the marker.

The marker, `.NAME.edge.removing`, is on the disk before the first file goes: what lies beside it counts as gone, and a
removal that a power cut interrupts is finished at the next start.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from edge.basics.folders import Folder
from edge.basics.whole_files import PRIVATE_FILE
from edge.saving.recording.names import files_of, parts_of

MARKER_SUFFIX = ".edge.removing"
_PAIR = re.compile(r"(throat-\d{8}T\d{6}\.\d{3}Z-\d{6,}(?:-\d{1,4})?)-(raw|enhanced)\.png(\.json)?")


def item_of(name: str) -> str | None:
    """To which pair or recording a file belongs; None for one of another kind."""
    recorded = parts_of(name)
    if recorded is not None:
        return recorded[0]
    found = _PAIR.fullmatch(name)
    return None if found is None else found[1]


def names_of(item: str) -> list[str]:
    """Every file that a pair or recording of this name may have."""
    if parts_of(f"{item}.json"):
        return files_of(item)
    pictures = [f"{item}-{view}.png" for view in ("raw", "enhanced")]
    names = [*pictures, *(f"{picture}.json" for picture in pictures)]
    return names if item_of(pictures[0]) == item else []


def marker_name(item: str) -> str:
    return f".{item}{MARKER_SUFFIX}"


def marked_items(names: Sequence[str]) -> list[str]:
    """Of which a removal has begun."""
    markers = [name for name in names if name.startswith(".") and name.endswith(MARKER_SUFFIX)]
    return [item for item in (name[1 : -len(MARKER_SUFFIX)] for name in markers) if names_of(item)]


def remove_item(folder: Folder, item: str) -> None:
    """Remove all files of a pair or recording. What is no plain file stays.

    Raises:
        OSError: before anything was removed, or while it was: then it counts as gone all the same.
    """
    if folder.about(marker_name(item)) is None:
        folder.create(marker_name(item), PRIVATE_FILE).close()
        folder.sync()
    finish_removal(folder, item)


def finish_removal(folder: Folder, item: str) -> None:
    """The rest of a removal that has begun; raises OSError."""
    for name in names_of(item):
        if folder.is_file(name):
            folder.unlink(name)
    folder.sync()
    folder.unlink(marker_name(item))
    folder.sync()
