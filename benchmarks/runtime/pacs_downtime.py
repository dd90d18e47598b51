"""`python -m benchmarks.runtime.pacs_downtime`: an Orthanc that is away for ten minutes while the unit's power fails.

100 pairs of 1920x1080 in five patient sessions, sent with the unit's own time-outs and waits by a process that is
killed again and again: before the PACS goes, while it is away, and after it is back. Needs Debian's orthanc.
"""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pydicom

from edge.pacs.waiting.queue import Queue
from firmware_bridge.command_line import Parser
from tests.doubles.orthanc import Orthanc, free_port
from tests.doubles.pacs_store import add_pair, pixels, session
from tests.paths import REPOSITORY

NUM_SESSIONS = 5


def started(folder: Path, config: dict[str, object]) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "tests.doubles.pacs_child", str(folder), json.dumps(config)]
    with (folder / "child.log").open("ab") as log:
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        return subprocess.Popen(words, cwd=REPOSITORY, stdout=log, stderr=log, env=environment)


def counts(folder: Path) -> dict[str, int]:
    with closing(Queue(folder / "pacs")) as queue:
        return {state: number for state, number in queue.counts().items() if number}


def told(began_s: float, folder: Path, what: str) -> None:
    print(f"{time.monotonic() - began_s:7.0f} s  {what:40} {counts(folder)}", flush=True)


def main() -> None:
    parser = Parser(prog="python -m benchmarks.runtime.pacs_downtime", description=__doc__)
    parser.add_argument("--away-s", type=float, default=600.0, help="how long the PACS is away")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--power-cuts", type=int, default=10, help="while it is away")
    given = parser.parse_args()
    chance, port = random.Random(1), free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        items = [add_pair(folder / "pictures", n, session(n % NUM_SESSIONS), size=1080) for n in range(given.pairs)]
        orthanc = Orthanc(folder / "orthanc", own=("EDGE-ENHANCE", port)).start()
        config: dict[str, object] = {"port": orthanc.dicom_port, "listen": f"127.0.0.1:{port}"}
        began_s = time.monotonic()
        child = started(folder, config)
        while counts(folder).get("sent", 0) < given.pairs // 2:
            time.sleep(0.2)
        orthanc.stop()
        told(began_s, folder, "PACS away")
        away_s, number = time.monotonic(), 0
        while time.monotonic() - away_s < given.away_s:
            time.sleep(chance.uniform(0.5, 1.5) * given.away_s / given.power_cuts)
            child.kill()
            child.wait()
            number += 1
            told(began_s, folder, f"power cut {number}")
            child = started(folder, config)
        orthanc.start()
        told(began_s, folder, "PACS back")
        for _ in range(2):
            time.sleep(chance.uniform(10.0, 20.0))
            child.kill()
            child.wait()
            told(began_s, folder, "power cut after it is back")
            child = started(folder, config)
        while counts(folder) != {"committed": 2 * given.pairs}:
            time.sleep(0.5)
        told(began_s, folder, "all are there and kept")
        found = orthanc.instances()
        same = 0
        for uid in found:
            dataset = pydicom.dcmread(io.BytesIO(orthanc.file(uid)))
            item = items[dataset.InstanceNumber if dataset.ContentTime != "080000.000000" else 0]
            view = "raw" if dataset.ImageType[0] == "ORIGINAL" else "enhanced"
            same += bool(np.array_equal(dataset.pixel_array, pixels(folder / "pictures", item, view)))
        print(f"{len(found)} of {2 * given.pairs} objects in the PACS, {same} with the pixels that were stored")
        child.kill()
        child.wait()
        orthanc.stop()


if __name__ == "__main__":
    main()
