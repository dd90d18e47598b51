"""What the unit does to its disk, over and over until somebody kills it; run in a process of its own."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from edge.batch.run import enhance_files
from edge.batch.workers.in_thread import InThread
from edge.calibration.calibration import Calibration
from edge.calibration.file import write_calibration
from edge.frames.frame import Frame, FramePair
from edge.health.news import Board, NotSaved, Saved
from edge.health.record import Health
from edge.health.state import EngineFacts
from edge.models.bundle import BUNDLE_NAME, BundledFile, contents_bytes
from edge.models.bundle_file import opened_bundle
from edge.models.profile import Profile
from edge.pictures.image import Image
from edge.saving.saver import PairSaver
from edge.updates.store import ModelStore
from tests.doubles.files_bench import MODEL_SHA, InvertingEngine

NUM_CLIP_FRAMES = 5
_KEYS = ("name", "version", "input", "output", "networks", "training", "metrics", "licence", "made_at")
_NOISE: Image = np.random.default_rng(3).integers(0, 256, (270, 480, 3), np.uint8)

Step = Callable[[int], None]


def snapshot(folder: Path) -> Step:
    """Saves a pair, as the button on the camera head does."""
    done = threading.Semaphore(0)
    failed: list[str] = []

    def on_failed(news: NotSaved) -> None:
        failed.append(news.reason)
        done.release()

    board = Board()
    health = Health(board)
    health.set_source("demo:")
    health.set_engine(EngineFacts("live", MODEL_SHA, "test"))
    board.read(Saved, lambda news: done.release())
    board.read(NotSaved, on_failed)
    saver = PairSaver(folder, health, board)
    saver.start()

    def step(number: int) -> None:
        raw = Frame(np.roll(_NOISE, number, axis=1), number, time.monotonic_ns())
        saver.save(FramePair(raw, raw.enhanced(255 - raw.image, "live", {})))
        done.acquire()
        assert not failed, failed

    return step


def recording(folder: Path) -> Step:
    """Makes the same clip anew, over the one that is there. The clip lies beside the folder."""
    manifest = {"name": "student", "profile": "live", "version": "1", "sha256": MODEL_SHA}
    profile = Profile("live", folder, manifest, folder / "model.onnx", None)
    clip, stop = folder.with_suffix(".avi"), threading.Event()
    workers = InThread(InvertingEngine(), profile, stop)
    return lambda number: _all_done(enhance_files([clip], folder, workers, profile, stop=stop, force=True))


def _all_done(report: Any) -> None:
    assert report.exit_code == 0, report


def model(folder: Path) -> Step:
    """Installs one bundle after the other, as `edge-enhance model install` does after its proof."""
    store, bundle = ModelStore(folder), folder.with_suffix(f".bundle{time.monotonic_ns()}")

    def step(number: int) -> None:
        content = bundle_bytes(str(number % 5))
        bundle.write_bytes(content)
        with store.locked(), opened_bundle(bundle) as opened:
            name, _ = store.take(opened, sha256(content).hexdigest(), lambda part: None)
            store.use("live", name)
            store.prune()

    return step


def bundle_bytes(version: str) -> bytes:
    """A profile whose graph is no ONNX, which nobody looks at here, and large enough that writing it takes its time."""
    graph = f"graph {version}".encode() * 40_000
    manifest = {**dict.fromkeys(_KEYS, "-"), "profile": "live", "version": version, "sha256": sha256(graph).hexdigest()}
    files = {"model.json": json.dumps(manifest).encode(), "model.onnx": graph}
    about = {name: BundledFile(len(content), sha256(content).hexdigest()) for name, content in files.items()}
    members = {BUNDLE_NAME: contents_bytes("live", version, sha256(graph).hexdigest(), about), **files}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def calibration(folder: Path) -> Step:
    """Saves the unit's calibration, over the one that is there."""
    gain = np.random.default_rng(1).uniform(1, 2, (135, 240, 3)).astype(np.float32)
    solved = Calibration(
        "A-1", "1920x1080 MJPG", datetime(2026, 3, 1, tzinfo=timezone.utc), "test", ("flat",), gain=gain
    )
    return lambda number: write_calibration(folder / "unit.calib", replace(solved, figures={"number": number}))


OPERATIONS: dict[str, Callable[[Path], Step]] = {
    "snapshot": snapshot, "recording": recording, "model": model, "calibration": calibration,
}  # fmt: skip


def repeat(name: str, folder: Path, begun: Any, first: int) -> None:
    """Do it until killed; sends the time before each one."""
    step = OPERATIONS[name](folder)
    number = first
    while True:
        begun.send(time.monotonic())
        step(number)
        number += 1
