"""SIGKILL at random moments of everything that writes: each file found afterwards is complete or absent."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import pytest

from edge.basics.whole_files import is_part, lock
from edge.batch.output import SCRATCH
from edge.calibration.file import read_calibration
from edge.models.profile import load_profile
from edge.saving.leftovers import clean_up
from edge.updates.store import ModelStore
from tests.kill import operations
from tests.kill.operations import NUM_CLIP_FRAMES

NUM_KILLS = int(os.environ.get("KILLS", "20"))
"""Of all four together; `make kill` asks for 200."""
SEED = 11
POLL_S = 0.0005


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    """Children come from a server without threads of its own, which has everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.kill.operations"])
    yield context
    forkserver._forkserver._stop()  # other tests of this process count its children
    resource_tracker._resource_tracker._stop()


def parts(folder: Path) -> list[Path]:
    """Temporary files; what a run over files has in its own folder is the next run's to clear."""
    return [path for path in folder.rglob("*") if is_part(path.name) and path.parent.name != SCRATCH]


def kill_once(context: Any, name: str, folder: Path, draw: Random, first: int) -> int:
    """Start the operation, kill it at a drawn moment; how many times it had begun.

    Half of the moments are spread over the whole operation, half lie where a temporary file is there.
    """
    ours, childs = context.Pipe(duplex=False)
    child = context.Process(target=operations.repeat, args=(name, folder, childs, first), daemon=True)
    child.start()
    childs.close()
    wait = threading.Event().wait
    begins = [ours.recv() for _ in range(draw.randint(2, 3))]  # the first one warms up
    took_s = begins[-1] - begins[-2]
    if draw.random() < 0.5:
        wait(draw.uniform(0, 1.2) * took_s)
    else:
        for _ in range(4000):
            if parts(folder):
                break
            wait(POLL_S)
        wait(draw.choice((0, draw.uniform(0, 0.3) * took_s)))
    child.kill()
    child.join()
    assert child.exitcode == -9, f"it ended by itself: {child.exitcode}"
    wait_for_orphans(folder)
    num_begun = len(begins)
    while ours.poll():
        try:
            ours.recv()
        except EOFError:
            break
        num_begun += 1
    ours.close()
    return num_begun


def wait_for_orphans(folder: Path) -> None:
    """An FFmpeg that lost its parent ends at the end of its input, and holds the temporary file's lock until then."""
    for part in parts(folder):
        if part.is_file():  # a model's is a folder, which no FFmpeg holds
            with part.open("rb") as file:
                lock(file, wait=True)


def check_snapshots(folder: Path) -> None:
    """Each picture decodes, and each sidecar vouches for pictures that are there."""
    for path in visible(folder):
        if path.suffix == ".png":
            assert cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR) is not None, path
    check_sidecars(folder)


def check_recording(folder: Path) -> None:
    for path in visible(folder):
        if path.suffix == ".mp4":
            capture = cv2.VideoCapture(str(path))
            assert sum(1 for _ in iter(capture.grab, False)) == NUM_CLIP_FRAMES, path
            capture.release()
    check_sidecars(folder)


def check_sidecars(folder: Path) -> None:
    for sidecar in visible(folder):
        if sidecar.suffix == ".json":
            for file in json.loads(sidecar.read_text())["output"]["files"]:
                content = sidecar.with_name(file["name"]).read_bytes()
                assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"]), sidecar


def check_model(folder: Path) -> None:
    """The profile in use loads, every hash checked."""
    assert load_profile("live", (folder,)).manifest["version"] in "01234"


def check_calibration(folder: Path) -> None:
    assert read_calibration(folder / "unit.calib").gain.shape == (135, 240, 3)


def visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


CHECKS: dict[str, Callable[[Path], None]] = {
    "snapshot": check_snapshots, "recording": check_recording, "model": check_model, "calibration": check_calibration,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKS)
def test_every_file_is_complete_or_absent(name: str, context: Any, tmp_path: Path, record_property: Any) -> None:
    folder, draw = tmp_path / name, Random(f"{SEED} {name}")
    folder.mkdir()
    if name == "recording":
        clip = cv2.VideoWriter(str(folder.with_suffix(".avi")), cv2.VideoWriter_fourcc(*"MJPG"), 24.0, (96, 54))
        for level in range(NUM_CLIP_FRAMES):
            clip.write(np.full((54, 96, 3), 20 + 40 * level, np.uint8))
        clip.release()
    found: Counter[str] = Counter()
    first = 0
    for _ in range(max(1, NUM_KILLS // len(CHECKS))):
        first += kill_once(context, name, folder, draw, first)
        left = parts(folder)
        found["kills"] += 1
        found["in the middle of writing"] += bool(left)
        CHECKS[name](folder)
        if name == "model":
            ModelStore(folder).remove_leftovers()
        else:
            findings = clean_up([folder])
            found["pairs completed at the start"] += len(findings.completed)
            found["pictures without a sidecar"] = len(findings.half)
            assert not findings.failed and not findings.in_use
        assert not parts(folder), "the start left temporary files behind"
        CHECKS[name](folder)
    print(f"{name}: {first} begun; " + ", ".join(f"{count} {what}" for what, count in found.items()))
