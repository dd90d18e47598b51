"""What saved files say of themselves, read by other programs."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg

from edge.batch.clip_writer import clip_writer
from edge.pictures.files import read_picture
from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.image import Mode
from edge.pictures.marks import jpeg_with_mark, mark_text, mode_of_file, png_bytes

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


def test_a_jpeg_says_what_it_is() -> None:
    plain = simplejpeg.encode_jpeg(IMAGE, 95, colorspace="RGB", colorsubsampling="422")
    marked = jpeg_with_mark(plain, mark_text("enhanced", "live", SHA))
    assert marked[:4] == b"\xff\xd8\xff\xe0" and marked[6:10] == b"JFIF"  # still where it must be
    at = 4 + int.from_bytes(marked[4:6], "big")
    size = int.from_bytes(marked[at + 2 : at + 4], "big")
    assert marked[at : at + 2] == b"\xff\xfe"
    assert marked[at + 4 : at + 2 + size] == f"edge-enhance: mode=enhanced profile=live model={SHA}".encode()
    np.testing.assert_array_equal(simplejpeg.decode_jpeg(marked), simplejpeg.decode_jpeg(plain))


def test_a_clip_and_each_of_its_frames_say_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "x.avi"
    with clip_writer(path, 25.0, mark_text("enhanced", "live", SHA)) as append:
        for _ in range(3):
            append(np.zeros(FRAME_SHAPE, np.uint8))
    assert mode_of_file(path) == "enhanced"
    assert path.read_bytes().count(b"edge-enhance: mode=enhanced profile=live") == 1 + 3


def test_frames_of_a_clip_are_within_40_db(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    coarse = rng.integers(40, 216, (27, 48, 3), np.uint8)
    picture = cv2.resize(coarse, (1920, 1080), interpolation=cv2.INTER_CUBIC)
    frame = np.clip(picture + rng.normal(0, 2, FRAME_SHAPE), 0, 255).astype(np.uint8)
    path = tmp_path / "x.avi"
    with clip_writer(path, 25.0, "") as append:
        append(frame)
    ok, bgr = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG).read()
    assert ok
    error = np.mean((bgr[..., ::-1].astype(np.float64) - frame) ** 2)
    assert 10 * np.log10(255**2 / error) >= 40


@pytest.mark.parametrize("content", [b"", b"a text", png_bytes(IMAGE, "")[:60]], ids=["empty", "text", "cut png"])
def test_other_files_are_not_ours(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content)
    assert mode_of_file(path) is None
    assert mode_of_file(tmp_path / "missing") is None
