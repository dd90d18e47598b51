"""Orthanc is down and back, and the sender is killed at random moments: each object arrives once and is kept."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pydicom
import pytest

from edge.pacs.waiting.queue import Queue
from tests.doubles.orthanc import Orthanc, needs_orthanc
from tests.doubles.pacs_store import add_pair, pixels, session
from tests.doubles.ports import free_port
from tests.doubles.waiting import wait_until
from tests.paths import REPOSITORY

pytestmark = [needs_orthanc, pytest.mark.slow]

NUM_PAIRS, NUM_SESSIONS, NUM_KILLS = 100, 5, 24
DOWN = range(8, 16)
"""During these kills the PACS is down."""
SEED = 20260504


class Child:
    """The process that has the sender; `cut` is a power cut to it."""

    def __init__(self, folder: Path, config: dict[str, object]) -> None:
        self._words = [sys.executable, "-m", "tests.doubles.pacs_child", str(folder), json.dumps(config)]
        self._log = folder / "child.log"
        self._log.touch()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
            self._process = subprocess.Popen(self._words, cwd=REPOSITORY, stdout=log, stderr=log, env=environment)

    def has_done(self) -> int:
        """Lines of its log: objects that it sent, and what it met with."""
        return self._log.read_bytes().count(b"\n")

    def cut(self) -> None:
        if self._process is not None:
            assert self._process.poll() is None, self._log.read_text()[-2000:]
            self._process.kill()
            self._process.wait()
            self._process = None


def counts(folder: Path) -> dict[str, int]:
    with closing(Queue(folder / "pacs")) as queue:
        return {state: count for state, count in queue.counts().items() if count}


def test_200_of_200_arrive_once_and_are_kept(tmp_path: Path) -> None:
    chance, port = random.Random(SEED), free_port()
    items = [add_pair(tmp_path / "pictures", number, session(number % NUM_SESSIONS)) for number in range(NUM_PAIRS)]
    orthanc = Orthanc(tmp_path / "orthanc", own=("EDGE-ENHANCE", port))
    config = {"port": orthanc.dicom_port, "listen": f"127.0.0.1:{port}", "timeout_s": 120, "wait_s": 0.5}
    child = Child(tmp_path, {**config, "ask_again_s": 3.0})
    with orthanc:
        for number in range(NUM_KILLS):
            if number == DOWN.start:
                orthanc.stop()
            if number == DOWN.stop:
                orthanc.start()
            before, more = child.has_done(), chance.randint(0, 6)
            child.start()
            wait_until(lambda before=before, more=more: child.has_done() > before + more)
            time.sleep(chance.uniform(0.0, 0.15))  # an object takes a twentieth of a second
            child.cut()
        child.start()
        wait_until(lambda: counts(tmp_path) == {"committed": 2 * NUM_PAIRS})
        child.cut()
        found = [pydicom.dcmread(io.BytesIO(orthanc.file(uid))) for uid in orthanc.instances()]
    assert len(found) == 2 * NUM_PAIRS
    assert len({one.SOPInstanceUID for one in found}) == 2 * NUM_PAIRS
    assert len({one.StudyInstanceUID for one in found}) == NUM_SESSIONS
    by_number = {(one.InstanceNumber, one.ImageType[0]): one for one in found}
    for number, item in list(enumerate(items))[1:]:
        for kind, view in (("ORIGINAL", "raw"), ("DERIVED", "enhanced")):
            sent = by_number[number, kind]
            assert np.array_equal(sent.pixel_array, pixels(tmp_path / "pictures", item, view))
            assert sent.PatientID == f"ID-{number % NUM_SESSIONS}"
