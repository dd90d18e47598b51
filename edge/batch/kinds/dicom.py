"""A frame of a DICOM object, or a video: enhanced, as an object of the same patient and study. The original stays.

What reads and writes DICOM is loaded with the first object: it takes as long as everything else of a run over pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge.batch.kinds.kind import Made, Options, Piece, Work
from edge.dicom.reading.known import dicom_kind_of_file
from edge.pictures.image import Mode
from edge.pictures.view_names import view_name


class DicomKind:
    """Implements `edge.batch.kinds.kind.Kind`."""

    name = "dicom"
    page_letter = "f"
    suffixes = frozenset({".dcm", ".dicom", ".dic"})

    def begins(self, path: Path) -> bool:
        return dicom_kind_of_file(path) is not None

    def num_pages(self, path: Path) -> int:
        from edge.batch.kinds.dicom_object import facts_of

        facts = facts_of(path)
        return facts.num_frames if facts is not None else 1

    def num_frames(self, path: Path) -> int:
        from edge.batch.kinds.dicom_object import facts_of

        facts = facts_of(path)
        return facts.said_frames if facts is not None and facts.video else 1

    def outputs(self, name: str, options: Options, naming: Callable[[str, Mode, str], str]) -> tuple[str, ...]:
        return (naming(name, "enhanced", ".dcm"),)

    def make(self, piece: Piece, work: Work) -> Made:
        from edge.batch.kinds.dicom_object import made_of_object

        (name,) = self.outputs(piece.name, piece.options, view_name)
        return made_of_object(piece, work, name)
