"""Damaged DICOM files: shown, or refused in one line that names the file; whatever happens, within seconds."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from random import Random

import cv2
import pydicom
import pytest

from edge.basics.errors import EdgeError
from edge.batch.run import enhance_files
from edge.batch.workers.in_thread import InThread
from edge.dicom.reading.file import opened_dicom
from edge.dicom.reading.process import Limits, ReaderProcess
from edge.models.profile import Profile
from tests.doubles.dicom_objects import BUNDLED, packed, throat, vl_object, written
from tests.doubles.files_bench import MODEL_SHA, InvertingEngine
from tests.fuzz.harness import accepted, chance, fuzz
from tests.fuzz.mutations import STRANGE_NUMBERS, damaged_bytes

NAMES = (
    "SC_rgb_rle_2frame.dcm", "SC_rgb_rle_16bit_2frame.dcm", "SC_rgb_jpeg_gdcm.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "SC_rgb_gdcm_KY.dcm", "JPEG2000.dcm", "JPGExtended.dcm", "image_dfl.dcm", "SC_rgb_small_odd_big_endian.dcm",
    "SC_ybr_full_422_uncompressed.dcm", "rtstruct.dcm", "DICOMDIR", "chrH32.dcm",
)  # fmt: skip
SHAPE = (
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "PlanarConfiguration",
)  # fmt: skip
MOST_FRAMES = 8
"""More than any sample has; one can be made to say truly that it has more, smaller ones."""
PROFILE = {"name": "student", "profile": "live", "version": "1.2"}


@cache
def samples(folder: Path) -> tuple[bytes, ...]:
    jpg = cv2.imencode(".jpg", throat())[1].tobytes()
    deep = pydicom.Dataset()
    for _ in range(40):
        outer = pydicom.Dataset()
        outer.ReferencedStudySequence = [deep]
        deep = outer
    made = [
        packed(vl_object(throat(), NumberOfFrames=2), [jpg, jpg], "1.2.840.10008.1.2.4.50", "YBR_FULL_422"),
        vl_object([throat()[..., 0], throat()[..., 1]], WindowCenter="90", WindowWidth="100"),
        vl_object(throat(), ReferencedStudySequence=[deep], PixelAspectRatio=["4", "3"]),
    ]
    contents = [written(one, folder / "sample.dcm").read_bytes() for one in made]
    return (*contents, *(next(BUNDLED.rglob(name)).read_bytes() for name in NAMES))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dicom")


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderProcess]:
    with closing(ReaderProcess(Limits(seconds=30, memory_bytes=1 << 30))) as process:
        yield process


def mutated(draw: Random, content: bytes, path: Path) -> bytes:
    """Bytes changed anywhere, in the header alone, or numbers of the shape changed to strange ones."""
    if chance(draw, 0.3):
        path.write_bytes(content)
        dataset = pydicom.dcmread(path, force=True)
        for keyword in draw.sample(SHAPE, draw.randint(1, 2)):
            value = draw.choice((*STRANGE_NUMBERS[:9], draw.randrange(1, 200)))
            setattr(dataset, keyword, int(value) & 0xFFFF if keyword != "NumberOfFrames" else int(value))
        dataset.save_as(path)
        return path.read_bytes()
    if chance(draw, 0.5):
        return damaged_bytes(content[:1500], draw) + content[1500:]
    return damaged_bytes(content, draw)


def num_sound(outcomes: Counter[str], path: Path, reader: ReaderProcess) -> int:
    """How many frames can be read, each for itself; -1 where there are too many to try."""
    found = accepted(outcomes, path, lambda: opened_dicom(path, reader))
    if found is None:
        return 0
    with found:
        num_frames = found.facts.num_frames
        frames = (accepted(outcomes, path, partial(found.frame, n)) for n in range(1, min(num_frames, MOST_FRAMES) + 1))
        num_read = sum(frame is not None and bool(frame.record()) for frame in frames)
    return num_read if num_frames <= MOST_FRAMES else -1


@pytest.mark.filterwarnings("ignore::UserWarning")
@fuzz("dicom", 1000)
def test_dicom_files(draw: Random, outcomes: Counter[str], folder: Path, reader: ReaderProcess) -> None:
    path = folder / "throat.dcm"
    path.write_bytes(mutated(draw, draw.choice(samples(folder)), path))
    expected = num_sound(outcomes, path, reader)
    if expected < 0:
        return
    made = results(path, folder)
    assert len(made) == expected
    assert all(pydicom.dcmread(one).SOPInstanceUID for one in made)


def results(path: Path, folder: Path) -> list[Path]:
    """What a run over files makes of it."""
    output = folder / "out"
    shutil.rmtree(output, ignore_errors=True)
    engine = InvertingEngine()
    profile = Profile("live", folder, {**PROFILE, "sha256": MODEL_SHA}, folder / "model.onnx", None)
    stop = threading.Event()
    with contextlib.suppress(EdgeError):
        enhance_files([path], output, InThread(engine, profile, stop), profile, stop=stop)
    return [*output.glob("*.dcm")] if output.exists() else []
