"""Run by the program of before, in a process of its own: leaves on a unit what its parts write, and dies over some.

    python leave.py STATE_FOLDER

Names of modules are those of the commit that `tests.update.unit` takes it from. What dies does so as by a power cut:
at the rename of a finished file, or while one is written.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from edge.artifact import SHIPPED, load_artifact
from edge.engines.plan import Gpu, engine_key, packed_picture, plan_path, write_plan
from edge.frame import Frame, FramePair
from edge.model_store import ModelStore
from edge.saver import PairSaver
from export.bundle import write_bundle

from edge.calibration import Calibration, write_calibration

GUARD_S = 300
NOISE = np.random.default_rng(3).integers(0, 256, (270, 480, 3), np.uint8)
SHA256 = load_artifact("live").sha256


def save_pair(folder: Path, seq: int) -> None:
    """A raw and an enhanced picture with their sidecar, as the button on the camera head saves them."""
    done = threading.Semaphore(0)
    failed: list[str] = []
    saver = PairSaver(folder, lambda: "demo:", lambda: {"sha256": SHA256}, lambda name: done.release(), failed.append)
    saver.start()
    raw = Frame(np.roll(NOISE, seq, axis=1), seq, time.monotonic_ns())
    saver.save(FramePair(raw, raw.enhanced(255 - raw.image, "live", {})))
    if not done.acquire(timeout=GUARD_S) or failed:
        raise SystemExit(f"not saved: {failed}")


def bundle_of(work: Path, version: str) -> Path:
    """The shipped profile under another version."""
    folder = work / version / "live"
    shutil.copytree(SHIPPED / "live", folder)
    manifest = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**manifest, "version": version}))
    bundle = work / f"{version}.bundle"
    write_bundle(load_artifact("live", (work / version,)), bundle)
    return bundle


def install(store: ModelStore, bundle: Path) -> None:
    """As `edge-enhance model install` does once the model is proven."""
    with store.locked():
        _, name, _ = store.take(bundle, hashlib.sha256(bundle.read_bytes()).hexdigest(), lambda part, contents: None)
        store.use("live", name)
        store.prune()


def apart(work: Callable[[], None]) -> int:
    """Do it in a child, and tell how that ended. This process itself starts no thread: a fork takes none along."""
    if (child := os.fork()) == 0:
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def power_cut(work: Callable[[], None], owner: object, name: str, at: int) -> None:
    """Do it in a child that ends at call number `at` of a function, before that call does anything."""

    def cut_short() -> None:
        before, calls = getattr(owner, name), iter(range(1, at + 1))

        def cut(*args: object) -> object:
            if next(calls) == at:
                os._exit(9)
            return before(*args)

        setattr(owner, name, cut)
        work()

    if apart(cut_short) != 9:
        raise SystemExit(f"call {at} of {name} never came")


def main(state: Path) -> None:
    pictures, engines, work = state / "pictures", state / "engines", state.with_name("work")
    pictures.mkdir(parents=True)
    engines.mkdir()
    if apart(lambda: save_pair(pictures, 1)):
        raise SystemExit("the first pair is not saved")
    power_cut(lambda: save_pair(pictures, 2), Path, "replace", 1)  # three whole files, none with its last name
    power_cut(lambda: save_pair(pictures, 3), Path, "replace", 3)  # only the sidecar lacks its own
    power_cut(lambda: save_pair(pictures, 4), os, "fsync", 2)  # no sidecar yet
    store = ModelStore(state / "models")
    bundles = [bundle_of(work, version) for version in ("2.0", "3.0", "4.0")]
    install(store, bundles[0])
    install(store, bundles[1])
    power_cut(lambda: install(store, bundles[2]), os, "fsync", 3)  # while its second file is unpacked
    solved = Calibration(
        "A-1",
        "1920x1080 files",
        datetime(2026, 3, 1, tzinfo=timezone.utc),
        "edge-calib",
        ("flat",),
        gain=np.linspace(1, 1.2, 9 * 16 * 3, dtype=np.float32).reshape(9, 16, 3),
    )
    write_calibration(state / "unit.calib", solved)
    leave_plan(engines)
    shutil.rmtree(work)


def leave_plan(folder: Path) -> None:
    """What `edge-export engine` wrote beside a plan; the plan itself, which takes a GPU to build, is made up."""
    gpu = Gpu("Orin", (8, 7), 8, integrated=True)
    key = engine_key(SHA256, "fp16", "TensorRT 10.3", gpu)
    sidecar = {
        "profile": "live",
        "key": key,
        "precision": "fp16",
        "runtime": "TensorRT 10.3",
        "gpu": gpu.facts(),
        "model_sha256": SHA256,
        "graph_sha256": SHA256,
        "golden": {"min_psnr_db": 45.0, "frame": packed_picture(NOISE), "enhanced": packed_picture(255 - NOISE)},
    }
    write_plan(plan_path(folder, "live", key), NOISE.tobytes(), sidecar)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
