"""unit.calib: what is read makes a correction that works, or it is refused in one line."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from edge.calibration import Calibration, Lens, calibration_bytes, read_calibration
from edge.correction import Correction
from edge.geometry import FRAME_SHAPE
from tests.fuzz.harness import accepted, chance, fuzz
from tests.fuzz.mutations import STRANGE_NUMBERS, STRANGE_TEXTS, damaged_bytes, damaged_text, noise

CALIBRATION = Calibration(
    unit="A-1",
    camera_mode="1920x1080 MJPG",
    made_at=datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc),
    tool="edge-calib 0.1.0",
    parts=("dark", "flat", "white", "chart", "lens"),
    dark=np.float32([0.02, 0.03, 0.025]),
    gain=np.linspace(1, 2, 9 * 16 * 3, dtype=np.float32).reshape(9, 16, 3),
    white=np.float32([1.3, 1.0, 1.6]),
    matrix=np.float32([[1.2, -0.1, -0.1], [-0.2, 1.3, -0.1], [0.0, -0.3, 1.3]]),
    hot_px=np.int32([[5, 7], [1079, 1919]]),
    lens=Lens("radial", (1100.25, 1101.5), (950.125, 545.0), (-0.2, 0.05, 1e-4, -2e-4, 0.0), 0.07),
    flat=np.float32([[1.0, 0.5], [0.75, 1.0]]),
    figures={"hot_pixels": 2, "read_noise": 1e-05, "by": "hand"},
)
CONTENT = calibration_bytes(CALIBRATION)
FIRST, _, BODY = CONTENT.partition(b"\n")
HEADER, PAYLOAD = (lambda size: (BODY[:size], BODY[size:]))(int(FIRST.rpartition(b"=")[2]))
ARRAYS = {"gain": CALIBRATION.gain, "hot_px": CALIBRATION.hot_px, "flat": CALIBRATION.flat.astype(np.float16)}
FRAME = np.full(FRAME_SHAPE, 90, np.uint8)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calibration") / "unit.calib"


def file_of(header: bytes, payload: bytes) -> bytes:
    """The content with a hash that fits, as a faulty tool would write it."""
    body = header + payload
    return f"# edge-calib 1 sha256={hashlib.sha256(body).hexdigest()} header={len(header)}\n".encode() + body


def tried(content: bytes, outcomes: Counter[str], path: Path, *, apply: bool = False) -> None:
    path.write_bytes(content)
    found = accepted(outcomes, path, lambda: read_calibration(path))
    if found is None:
        return
    found.age_days()
    assert isinstance(found.unit, str) and isinstance(found.camera_mode, str)
    assert all(isinstance(part, str) for part in found.parts)
    if apply:
        outcomes["applied"] += 1
        with np.errstate(all="raise"):
            correction = Correction(found)
        try:
            assert correction.apply(FRAME).shape == FRAME_SHAPE
        finally:
            correction.close()


def damaged_header(draw: Random) -> bytes:
    """A value or two of the TOML changed, or lines lost, doubled or moved."""
    lines = HEADER.decode().split("\n")
    for _ in range(draw.randint(1, 2)):
        at = draw.randrange(len(lines))
        key, equals, value = lines[at].partition(" = ")
        what = draw.randrange(7)
        if what == 0:
            del lines[at]
        elif what == 1:
            lines.insert(draw.randrange(len(lines)), lines[at])
        elif what == 2 and equals:
            strange = (
                repr(draw.choice(STRANGE_NUMBERS)).lower(),
                repr(draw.choice(STRANGE_TEXTS)),
                "[]",
                "{}",
                "1e999",
            )
            lines[at] = f"{key} = {draw.choice(strange)}"
        elif what == 3 and value.startswith("["):
            numbers = value.strip("[]").split(", ")
            numbers[draw.randrange(len(numbers))] = repr(draw.choice(STRANGE_NUMBERS)).lower()
            lines[at] = f"{key} = [{', '.join(numbers)}]"
        elif what == 4 and equals:
            lines[at] = f"{key} = [{value}]"
        elif what == 5:
            lines[at] = damaged_text(lines[at], draw)
        elif what == 6 and chance(draw, 0.1):
            lines.append("deep = " + "[" * 3000 + "]" * 3000)
        if not lines:
            break
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def damaged_arrays(draw: Random) -> bytes:
    """The arrays with other shapes, types and numbers, one missing, or one that is no array."""
    arrays: dict[str, Any] = dict(ARRAYS)
    for name in draw.sample(list(arrays), draw.randint(1, 2)):
        array = arrays[name].copy()
        what = draw.randrange(7)
        if what == 0:
            del arrays[name]
            continue
        if what == 1:
            array = array.astype(
                draw.choice((np.float64, np.int8, np.complex64, np.bool_, "U5", "S3", ">f4", "V3", "M8[s]"))
            )
        elif what == 2:
            array = np.resize(array, draw.choice(((), (0,), (1,), (3, 3), (0, 2), (2, 0, 3), (1, 1, 3), (2, 2, 2, 2))))
        elif what == 3 and array.size:
            with np.errstate(all="ignore"):
                number = draw.choice(STRANGE_NUMBERS)
                array = array.astype(np.float64)
                array.flat[draw.randrange(array.size)] = min(max(number, -1e300), 1e300) if number == number else number
        elif what == 4:
            array = -array
        elif what == 5:
            array = np.asfortranarray(array)
        else:
            array = np.resize(array, (draw.randrange(5), draw.randrange(4)))
        arrays[name] = array
    payload = io.BytesIO()
    save = np.savez_compressed if chance(draw, 0.5) else np.savez
    save(payload, **arrays)
    return payload.getvalue()


def damaged_zip(draw: Random) -> bytes:
    """The zip repacked with a damaged member, so that its own checksums fit."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(PAYLOAD)) as old, zipfile.ZipFile(packed, "w", draw.choice((0, 8, 12, 14))) as new:
        for name in old.namelist():
            content = old.read(name)
            if chance(draw, 0.4):
                content = damaged_bytes(content[:128], draw, 3) + content[128:]
            if chance(draw, 0.1):
                shape = draw.choice(("(9223372036854775807,)", "(99999999, 2)", "(-1, 2)", "((", "(10**9,)", "1"))
                content = content.replace(b"'shape': (2, 2)", f"'shape': {shape}".encode(), 1)
            new.writestr(name if chance(draw, 0.95) else draw.choice(("gain", "../gain.npy", "gain.npy")), content)
    return packed.getvalue()


@fuzz("calibration", 12_000)
def test_altered_header(draw: Random, outcomes: Counter[str], path: Path) -> None:
    tried(file_of(damaged_header(draw), PAYLOAD), outcomes, path, apply=chance(draw, 0.003))


@fuzz("calibration", 8_000)
def test_altered_arrays(draw: Random, outcomes: Counter[str], path: Path) -> None:
    tried(file_of(HEADER, damaged_arrays(draw)), outcomes, path, apply=chance(draw, 0.005))


@fuzz("calibration", 6_000)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_altered_zip(draw: Random, outcomes: Counter[str], path: Path) -> None:
    payload = damaged_zip(draw) if chance(draw, 0.6) else damaged_bytes(PAYLOAD, draw)
    tried(file_of(HEADER, payload), outcomes, path)


@fuzz("calibration", 4_000)
def test_altered_bytes(draw: Random, outcomes: Counter[str], path: Path) -> None:
    content = damaged_bytes(CONTENT, draw) if chance(draw, 0.9) else noise(draw)
    if chance(draw, 0.1):
        content = CONTENT.replace(b"header=", b"header=" + b"9" * draw.choice((1, 20, 5000)), 1)
    tried(content, outcomes, path)
