"""The kinds there are. Another one is a class in this folder and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge.batch.kinds.clip import ClipKind
from edge.batch.kinds.kind import Kind
from edge.batch.kinds.picture import PictureKind

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (PictureKind(), ClipKind())}
"""By name; asked in this order, so that the last one takes what no other knows."""
KNOWN_SUFFIXES = frozenset().union(*(kind.suffixes for kind in KINDS.values()))


def kind_of(path: Path) -> Kind:
    """By its ending, or else by its first bytes; the last kind where they are nobody's, which will refuse it."""
    suffix = path.suffix.lower()
    for kind in KINDS.values():
        if suffix in kind.suffixes:
            return kind
    return next(kind for kind in KINDS.values() if kind.begins(path))
