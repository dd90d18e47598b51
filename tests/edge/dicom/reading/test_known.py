"""A DICOM file is known by its content, and nothing else is taken for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.dicom.reading.known import HEAD_BYTES, dicom_kind, dicom_kind_of_file
from tests.doubles.dicom_objects import BUNDLED
from tests.fuzz.inputs import SAMPLES


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SC_rgb_rle.dcm", "object"),
        ("ExplVR_LitEndNoMeta.dcm", "object"),
        ("ExplVR_BigEndNoMeta.dcm", "object"),
        ("rtstruct.dcm", "object"),
        ("IM000000", "object"),
        ("DICOMDIR", "directory"),
        ("DICOMDIR-implicit", "directory"),
        ("crayons.icc", None),
        ("README.txt", None),
        ("test1.json", None),
        ("zipMR.gz", None),
    ],
)
def test_kind_of_others_files(name: str, kind: str | None) -> None:
    assert dicom_kind_of_file(next(BUNDLED.rglob(name))) == kind


def test_pictures_and_the_like_are_none() -> None:
    heads = [content[:HEAD_BYTES] for contents in SAMPLES.values() for content in contents]
    heads += [b"", b"\0" * HEAD_BYTES, b"DICM", bytes(range(256)) * 4, b"\x08\0\x05\0CS", b"\0\0\0\x18ftypmp42" * 20]
    assert [dicom_kind(head) for head in heads] == [None] * len(heads)


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert dicom_kind_of_file(tmp_path) is None
    assert dicom_kind_of_file(tmp_path / "missing") is None
