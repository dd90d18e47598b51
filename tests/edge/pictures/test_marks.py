"""What saved files say of themselves, read by other programs."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.pictures.files import read_picture
from edge.pictures.image import Mode
from edge.pictures.marks import mark_text, mode_of_file, png_bytes

IMAGE = np.arange(9 * 16 * 3, dtype=np.uint8).reshape(9, 16, 3)
SHA = "ab" * 32


def png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and payload of each chunk of a PNG; each checksum is held to its chunk."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at = 8
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        body, checksum = content[at + 4 : at + 8 + size], content[at + 8 + size : at + 12 + size]
        assert zlib.crc32(body) == int.from_bytes(checksum, "big")
        yield body[:4], body[4:]
        at += 12 + size


@pytest.mark.parametrize(
    ("mode", "text"),
    [("enhanced", f"mode=enhanced profile=live model={SHA}"), ("raw", "mode=raw")],
    ids=["enhanced", "raw"],
)
def test_a_png_says_what_it_is(tmp_path: Path, mode: Mode, text: str) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(png_bytes(IMAGE, mark_text(mode, "live", SHA)))
    chunks = list(png_chunks(path.read_bytes()))
    assert [name for name, _ in chunks[:2]] == [b"IHDR", b"tEXt"]
    assert chunks[1][1] == b"edge-enhance\0" + text.encode()
    np.testing.assert_array_equal(read_picture(path), IMAGE)
    assert mode_of_file(path) == mode


def test_a_mark_says_where_less_than_all_of_the_enhancement_is_in_the_picture() -> None:
    assert mark_text("enhanced", "live", SHA, 0.4) == f"mode=enhanced profile=live model={SHA} strength=0.40"
    assert mark_text("raw", "live", SHA, 0.4) == "mode=raw"


@pytest.mark.parametrize("content", [b"", b"a text", png_bytes(IMAGE, "")[:60]], ids=["empty", "text", "cut png"])
def test_other_files_are_not_ours(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content)
    assert mode_of_file(path) is None
    assert mode_of_file(tmp_path / "missing") is None
