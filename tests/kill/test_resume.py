"""SIGKILL at random moments of a run over files, then `--resume`: the folder is that of a run without kills."""

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

from edge.batch.manifest import MANIFEST, entries_of
from edge.batch.report import BatchReport
from edge.batch.run import enhance_files
from edge.batch.verify import verify
from edge.batch.workers.processes import Processes
from edge.models.profile import Profile
from tests.doubles.ffmpeg_clips import made
from tests.doubles.files_bench import MODEL_SHA, InvertingEngine
from tests.kill.test_kills import NUM_KILLS, SEED, parts, wait_for_orphans

NUM_WORKERS = 2
NUM_FRAMES = 12
MOST_KILLS = 3
"""Of one run, one after the other."""


def makers(num_pieces: int) -> list[type[InvertingEngine]]:
    return [InvertingEngine] * NUM_WORKERS


def run(originals: Path, output: Path) -> BatchReport:
    manifest = {"name": "student", "profile": "live", "version": "1", "sha256": MODEL_SHA}
    profile = Profile("live", originals, manifest, originals / "model.onnx", None)
    workers = Processes(makers, profile)
    return enhance_files([originals], output, workers, profile, stop=threading.Event(), resume=True)


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.kill.test_resume"])
    yield context
    forkserver._forkserver._stop()  # other tests of this process count its children
    resource_tracker._resource_tracker._stop()


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    """Pictures, one of pages, one that is broken, and a clip with sound: eight results and a failure."""
    folder = tmp_path / "in"
    folder.mkdir()
    moving = ("-f", "lavfi", "-i", f"testsrc2=s=320x180:r=24:d={NUM_FRAMES / 24}", "-f", "lavfi", "-i", "sine=d=0.5")
    made(folder / "b clip.mp4", *moving, "-c:v", "libx264", "-c:a", "aac")
    noise = np.random.default_rng(5).integers(0, 256, (4, 90, 160, 3), np.uint8)
    for name in ("a.png", "c.png", "d.jpg", "e.png"):
        assert cv2.imwrite(str(folder / name), noise[0])
    assert cv2.imwritemulti(str(folder / "pages.tif"), list(noise[1:]))
    (folder / "broken.png").write_bytes((folder / "a.png").read_bytes()[:500])
    return folder


def killed(context: Any, originals: Path, output: Path, when: Any) -> bool:
    """Run it in a process and kill that when `when` says so; whether it still ran then."""
    child = context.Process(target=run, args=(originals, output), daemon=False)
    child.start()
    when(child)
    child.kill()
    child.join()
    assert child.exitcode in (0, -9)
    was_running = child.exitcode == -9  # it may have ended just before the kill
    if output.exists():
        wait_for_orphans(output)
    return was_running


def contents(output: Path) -> dict[str, bytes]:
    """All that is there, whatever its name."""
    return {str(path.relative_to(output)): path.read_bytes() for path in output.rglob("*") if path.is_file()}


def goes_on(originals: Path, output: Path) -> int:
    """Resume; how many results were there before. Nothing is repeated or left out."""
    there = sum(1 for path in output.glob("*.json")) if output.exists() else 0
    report = run(originals, output)
    assert (len(report.done), len(report.skipped), len(report.failed)) == (8 - there, there, 1), report
    assert [*verify(output)] == []
    return there


@pytest.mark.slow  # 12 s of work; tests/edge/batch resumes what was cut in other ways
def test_a_run_killed_after_its_first_result_goes_on(context: Any, originals: Path, tmp_path: Path) -> None:
    def first_result(child: Any) -> None:
        while child.is_alive() and not [*(tmp_path / "out").glob("*.json")]:
            child.join(0.01)

    assert killed(context, originals, tmp_path / "out", first_result)
    list(entries_of(tmp_path / "out" / MANIFEST))  # can be read
    assert goes_on(originals, tmp_path / "out") > 0
    assert run(originals, tmp_path / "whole").exit_code == 1
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.slow
def test_a_run_killed_at_random_moments_gives_the_same_folder(context: Any, originals: Path, tmp_path: Path) -> None:
    draw, found = Random(f"{SEED} resume"), Counter[str]()
    output = tmp_path / "out"
    for name in ("first", "timed"):  # the first one has everything to load
        begin = time.monotonic()
        assert not killed(context, originals, tmp_path / name, lambda child: child.join())
        took_s = time.monotonic() - begin
    whole = contents(tmp_path / "first")
    assert len(whole) == 7 * 3 + 2 + 1 and contents(tmp_path / "timed") == whole
    while found["kills"] < NUM_KILLS:
        for _ in range(draw.randint(1, MOST_KILLS)):
            after_s = draw.uniform(0, 1.05) * took_s
            found["kills"] += killed(context, originals, output, lambda child, after_s=after_s: child.join(after_s))
            found["in the middle of writing"] += bool(output.exists() and parts(output))
        found["results kept"] += goes_on(originals, output)
        found["resumed"] += 1
        assert contents(output) == whole
        shutil.rmtree(output)
    print("resume: " + ", ".join(f"{count} {what}" for what, count in found.items()))
