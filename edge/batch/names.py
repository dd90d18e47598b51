"""The names of results: short, no two the same, and never longer than a file system takes."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

_MOST_BYTES = 210
"""Of 255 that a name may have: what is left takes `-enhanced.png.json` and the temporary name."""


def output_names(sources: Iterable[tuple[Path, str]]) -> list[str]:
    """A name for each result, as short as it can be without two of a kind being the same.

    `throat.png` gives `throat`. Where several would share a name, each of them takes the first of these that
    is its own: with its ending, `throat_png`; with its folder, `monday_throat`; with both; with a number,
    `throat_2`, in the order given. Upper and lower case are taken as the same, as some disks do. A very long name is
    cut and ends in a hash of the whole. The names depend on the set of inputs, so give the same ones to go on with
    `--resume`.
    """
    left = dict(enumerate(sources))
    names: dict[int, str] = {}
    taken: set[tuple[str, str]] = set()
    for name_of in _NAME_FORMS:
        wanted = {index: (kind, _short(name_of(path)).casefold()) for index, (path, kind) in left.items()}
        counts = Counter(wanted.values())
        for index, key in wanted.items():
            if counts[key] == 1 and key not in taken:
                taken.add(key)
                names[index] = _short(name_of(left.pop(index)[0]))
    for index, (path, kind) in left.items():
        number = 2
        while (kind, f"{_short(path.stem)}_{number}".casefold()) in taken:
            number += 1
        names[index] = f"{_short(path.stem)}_{number}"
        taken.add((kind, names[index].casefold()))
    return [names[index] for index in sorted(names)]


def _short(name: str) -> str:
    """The name, or as much of it as fits, cut between characters."""
    encoded = os.fsencode(name)
    if len(encoded) <= _MOST_BYTES:
        return name
    end = _MOST_BYTES - 9
    while encoded[end] & 0xC0 == 0x80 and end > _MOST_BYTES - 13:
        end -= 1
    return f"{os.fsdecode(encoded[:end])}-{hashlib.sha256(encoded).hexdigest()[:8]}"


def _with_ending(path: Path) -> str:
    return f"{path.stem}_{path.suffix[1:]}" if path.suffix else path.stem


def _folder_of(path: Path) -> str:
    return Path(os.path.realpath(path)).parent.name


_NAME_FORMS: tuple[Callable[[Path], str], ...] = (
    lambda path: path.stem,
    _with_ending,
    lambda path: f"{_folder_of(path)}_{path.stem}",
    lambda path: f"{_folder_of(path)}_{_with_ending(path)}",
)
