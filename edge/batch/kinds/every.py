"""The kinds there are. Another one is a class in this folder and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge.batch.kinds.clip import ClipKind
from edge.batch.kinds.dicom import DicomKind
from edge.batch.kinds.kind import Kind
from edge.batch.kinds.picture import PictureKind

_DICOM, _PICTURE = DicomKind(), PictureKind()
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (_DICOM, _PICTURE, ClipKind())}
"""By name; asked in this order, so that the last one takes what no other knows."""
KNOWN_SUFFIXES = frozenset().union(*(kind.suffixes for kind in KINDS.values()))


def kind_of(path: Path) -> Kind:
    """DICOM by its first bytes, whatever its name; else by its ending, or else by its first bytes.

    The last kind has what is nobody's, and will refuse it.
    """
    if _DICOM.begins(path):
        return _DICOM
    suffix = path.suffix.lower()
    if suffix in _DICOM.suffixes:
        return _PICTURE if _PICTURE.begins(path) else _DICOM
    for kind in KINDS.values():
        if suffix in kind.suffixes:
            return kind
    return next(kind for kind in KINDS.values() if kind.begins(path))
