"""SIGKILL at random moments of a batch with a clip, then `--resume`: the files are those of a run without kills."""

from __future__ import annotations

import multiprocessing
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import pytest

from edge.batch.run import enhance_files
from edge.batch.workers.in_thread import InThread
from edge.models.profile import Profile
from tests.doubles.ffmpeg_clips import made
from tests.doubles.files_bench import MODEL_SHA, InvertingEngine
from tests.kill.test_kills import NUM_KILLS, SEED, parts, visible, wait_for_orphans

NUM_CASES = max(2, NUM_KILLS // 4)
NUM_FRAMES = 12
MOST_KILLS = 3
"""Of one batch, one after the other."""


def resume(originals: Path, output: Path) -> None:
    manifest = {"name": "student", "profile": "live", "version": "1", "sha256": MODEL_SHA}
    profile = Profile("live", originals, manifest, originals / "model.onnx", None)
    stop = threading.Event()
    workers = InThread(InvertingEngine(), profile, stop)
    report = enhance_files([originals], output, workers, profile, stop=stop, resume=True)
    assert report.exit_code == 0, report


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.kill.test_resume"])
    yield context
    forkserver._forkserver._stop()  # other tests of this process count its children
    resource_tracker._resource_tracker._stop()


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    moving = ("-f", "lavfi", "-i", f"testsrc2=s=320x180:r=24:d={NUM_FRAMES / 24}", "-f", "lavfi", "-i", "sine=d=0.5")
    made(folder / "b clip.mp4", *moving, "-c:v", "libx264", "-c:a", "aac")
    for name in ("a.png", "c.png"):
        assert cv2.imwrite(str(folder / name), np.full((90, 160, 3), 90, np.uint8))
    return folder


def killed(context: Any, originals: Path, output: Path, after_s: float) -> bool:
    """Run the batch in a process and kill it; whether it still ran then."""
    child = context.Process(target=resume, args=(originals, output), daemon=True)
    child.start()
    child.join(after_s)
    was_running = child.is_alive()
    child.kill()
    child.join()
    assert child.exitcode == (-9 if was_running else 0)
    if output.exists():
        wait_for_orphans(output)
    return was_running


def contents(output: Path) -> dict[str, bytes]:
    """All but the sidecars, which hold times."""
    return {path.name: path.read_bytes() for path in visible(output) if path.suffix != ".json"}


@pytest.mark.slow
def test_a_batch_killed_and_resumed_gives_the_same_files(context: Any, originals: Path, tmp_path: Path) -> None:
    draw, found = Random(f"{SEED} resume"), Counter[str]()
    resume(originals, tmp_path / "whole")
    whole = contents(tmp_path / "whole")
    assert len(whole) == 5
    for name in ("first", "timed"):  # the first one has everything to load
        begin = time.monotonic()
        assert not killed(context, originals, tmp_path / name, 600)
        took_s = time.monotonic() - begin
        assert contents(tmp_path / name) == whole
    while found["kills"] < NUM_CASES:
        output = tmp_path / "out"
        for _ in range(draw.randint(1, MOST_KILLS)):
            found["kills"] += killed(context, originals, output, draw.uniform(0, 1.05) * took_s)
            found["in the middle of writing"] += bool(output.exists() and parts(output))
        found["resumed"] += 1
        resume(originals, output)
        assert contents(output) == whole and not parts(output)
        assert {path.name for path in visible(output)} == {path.name for path in visible(tmp_path / "whole")}
        shutil.rmtree(output)
    print("resume: " + ", ".join(f"{count} {what}" for what, count in found.items()))
