"""unit.calib: what is read makes a correction that works, or it is refused in one line."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest

from edge.calibration.correction import Correction
from edge.calibration.file import read_calibration
from edge.pictures.geometry import FRAME_SHAPE
from tests.fuzz.harness import accepted, chance, fuzz
from tests.fuzz.inputs import CONTENT, HEADER, PAYLOAD, damaged_arrays, file_of
from tests.fuzz.mutations import STRANGE_NUMBERS, STRANGE_TEXTS, damaged_bytes, damaged_text, noise

FRAME = np.full(FRAME_SHAPE, 90, np.uint8)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calibration") / "unit.calib"


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
