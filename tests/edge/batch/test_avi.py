"""The AVI files, read back by FFmpeg and by a walk over their chunks."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg

from edge.batch.avi import AviWriter

WIDTH_PX, HEIGHT_PX = 64, 48


def jpeg_of(level: int) -> bytes:
    image = np.full((HEIGHT_PX, WIDTH_PX, 3), level, np.uint8)
    return simplejpeg.encode_jpeg(image, 95, colorspace="RGB", colorsubsampling="422") + b"\0" * (level % 2)


def written(path: Path, num_frames: int, fps: float = 25.0, segment_bytes: int = 1 << 30) -> list[bytes]:
    jpegs = [jpeg_of(index % 50 * 5) for index in range(num_frames)]
    with path.open("wb") as file:
        avi = AviWriter(file, WIDTH_PX, HEIGHT_PX, fps, "edge-enhance: mode=enhanced", segment_bytes)
        for jpeg in jpegs:
            avi.add(jpeg)
        avi.finish()
    return jpegs


def chunks(data: bytes, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and end of the payload of each chunk; sizes must fill the range exactly."""
    while begin < end:
        name, size = struct.unpack_from("<4sI", data, begin)
        yield name, begin + 8, begin + 8 + size
        begin += 8 + size + size % 2
    assert begin == end


def list_named(data: bytes, begin: int, end: int, name: bytes) -> tuple[int, int]:
    """Begin and end of what a LIST of this name holds."""
    (found,) = [
        (a + 4, b) for fourcc, a, b in chunks(data, begin, end) if fourcc == b"LIST" and data[a : a + 4] == name
    ]
    return found


@pytest.mark.parametrize("num_frames", [1, 2, 40])
@pytest.mark.parametrize("segment_bytes", [1 << 30, 24_000], ids=["one part", "several parts"])
def test_ffmpeg_reads_every_frame_in_order(tmp_path: Path, num_frames: int, segment_bytes: int) -> None:
    path = tmp_path / "clip.avi"
    written(path, num_frames, segment_bytes=segment_bytes)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == num_frames
    levels = []
    while (read := capture.read())[0]:
        levels.append(int(read[1].mean()))
    assert levels == pytest.approx([index % 50 * 5 for index in range(num_frames)], abs=1)


@pytest.mark.parametrize("fps", [1.0, 15.0, 23.976, 24.0, 30000 / 1001, 29.97, 30.0, 59.94, 240.0])
def test_the_rate_is_kept(tmp_path: Path, fps: float) -> None:
    path = tmp_path / "clip.avi"
    written(path, 3, fps)
    assert cv2.VideoCapture(str(path), cv2.CAP_FFMPEG).get(cv2.CAP_PROP_FPS) == pytest.approx(fps, rel=2e-5)


def test_every_index_points_at_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    jpegs = written(path, 60, segment_bytes=24_000)
    data = path.read_bytes()
    parts = list(chunks(data, 0, len(data)))
    assert len(parts) > 2 and {name for name, _, _ in parts} == {b"RIFF"}
    header = list_named(data, parts[0][1] + 4, parts[0][2], b"hdrl")
    stream = list_named(data, *header, b"strl")
    (index_at,) = [begin for name, begin, _ in chunks(data, *stream) if name == b"indx"]
    num_indexes = struct.unpack_from("<HBBI", data, index_at)[3]
    assert num_indexes == len(parts)
    found = []
    for number in range(num_indexes):
        at, size, num_frames = struct.unpack_from("<QII", data, index_at + 24 + 16 * number)
        name, payload_bytes, *head = struct.unpack_from("<4sIHBBI4sQ", data, at)
        base = head[-1]
        assert (name, payload_bytes + 8, head[3]) == (b"ix00", size, num_frames)
        assert data[base : base + 4] == b"movi"
        for entry in range(num_frames):
            offset, length = struct.unpack_from("<II", data, at + 32 + 8 * entry)
            found.append(data[base + offset : base + offset + length])
    assert found == jpegs


def test_the_old_index_points_at_the_frames_of_the_first_part(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    jpegs = written(path, 60, segment_bytes=24_000)
    data = path.read_bytes()
    _, begin, end = next(chunks(data, 0, len(data)))
    movi_at = list_named(data, begin + 4, end, b"movi")[0] - 4
    ((old_at, old_end),) = [(a, b) for name, a, b in chunks(data, begin + 4, end) if name == b"idx1"]
    entries = list(struct.iter_unpack("<4sIII", data[old_at:old_end]))
    num_in_head = struct.unpack_from("<I", data, data.index(b"avih") + 8 + 16)[0]
    assert 0 < len(entries) == num_in_head < 60
    for (name, _, offset, size), jpeg in zip(entries, jpegs, strict=False):
        assert (name, data[movi_at + offset : movi_at + offset + 4]) == (b"00dc", b"00dc")
        assert data[movi_at + offset + 8 : movi_at + offset + 8 + size] == jpeg
