"""The objects before readers that this program does not know: dciodvfy, and dcmtk."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.dicom.examination import Examination, Patient, emergency
from tests.doubles.saved_items import MODEL, SavedItem, frame_of, saved_pair, saved_recording
from tests.doubles.waiting import GUARD_S

DRAWN = {**MODEL, "detail": "synthesised"}
DOE = Examination(Patient("Doe^John", "1", birth_date="19700102", sex="M"))
UMLAUTS = Examination(
    Patient("Müller^Änne", "1", "KLINIK", "19700102", "F"), referring="Weiß^Bo", procedure_id="R1", step_id="S1"
)
JAPANESE = Examination(Patient("Yamada^Tarou=山田^太郎=やまだ^たろう", "1", sex="M"))
NO_BIRTH_DATE = Examination(Patient("Doe^John", "1"))
COURSE = {0.0: frame_of(), 0.4: frame_of(0.5), 0.6: frame_of(model=DRAWN)}

ITEMS: dict[str, Callable[[Path], SavedItem]] = {
    "pair": lambda folder: saved_pair(folder, DOE),
    "synthesised": lambda folder: saved_pair(folder, DOE, model=DRAWN),
    "strength": lambda folder: saved_pair(folder, DOE, strength=0.4),
    "umlauts": lambda folder: saved_pair(folder, UMLAUTS),
    "japanese": lambda folder: saved_pair(folder, JAPANESE),
    "emergency": lambda folder: saved_pair(folder, emergency()),
    "no birth date": lambda folder: saved_pair(folder, NO_BIRTH_DATE),
    "raw alone": lambda folder: saved_pair(folder, DOE, views=("raw",)),
    "recording": lambda folder: saved_recording(folder, DOE),
    "recording of many makings": lambda folder: saved_recording(folder, UMLAUTS, changes=COURSE),
    "recording of an emergency": lambda folder: saved_recording(folder, emergency()),
}

needs_dciodvfy = pytest.mark.skipif(
    shutil.which("dciodvfy") is None, reason="needs dciodvfy: apt-get install dicom3tools"
)
needs_dcmtk = pytest.mark.skipif(shutil.which("dcmj2pnm") is None, reason="needs dcmj2pnm: apt-get install dcmtk")


@needs_dciodvfy
@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
def test_a_validator_finds_nothing(item: Callable[[Path], SavedItem], tmp_path: Path) -> None:
    paths = item(tmp_path).written(tmp_path, step="2.25.99")
    assert paths
    for path in paths:
        done = subprocess.run(
            ["dciodvfy", "-new", str(path)], capture_output=True, text=True, timeout=GUARD_S, check=False
        )
        assert done.returncode == 0
        assert done.stderr.split() in (["VLEndoscopicImage"], ["VideoEndoscopicImage"]), done.stderr


@needs_dcmtk
def test_another_reader_sees_the_same_pixels(tmp_path: Path) -> None:
    item = saved_pair(tmp_path, UMLAUTS)
    for path in item.written(tmp_path):
        subprocess.run(["dcmj2pnm", "--write-png", str(path), str(path) + ".png"], check=True, timeout=GUARD_S)
        found = cv2.cvtColor(cv2.imread(str(path) + ".png"), cv2.COLOR_BGR2RGB)
        assert np.array_equal(found, item.images["raw" if "raw" in path.name else "enhanced"])


@needs_dcmtk
@pytest.mark.parametrize(
    ("item", "said"),
    [("japanese", "[Yamada^Tarou=山田^太郎=やまだ^たろう]"), ("recording", "=MPEG4HighProfile/Level4.1")],
)
def test_another_reader_says_the_same(item: str, said: str, tmp_path: Path) -> None:
    for path in ITEMS[item](tmp_path).written(tmp_path):
        done = subprocess.run(["dcmdump", "-q", str(path)], capture_output=True, text=True, timeout=GUARD_S, check=True)
        assert said in done.stdout
