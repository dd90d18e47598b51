"""An engine that inverts, and folders of originals and results."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.batch.kinds.kind import Options
from edge.batch.manifest import MANIFEST
from edge.batch.report import BatchReport
from edge.batch.run import enhance_files
from edge.batch.workers.in_thread import InThread
from edge.engines.engine import Enhanced
from edge.models.profile import Profile
from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.image import Image

MODEL_SHA = "c0ffee" * 10 + "beef"
FPS = 24.0
HOW = ("codec", "keep_damaged", "deidentify", "takes_burned_in")


class InvertingEngine:
    """Implements `edge.batch.piece.BatchEngine`: white minus the picture."""

    profile = "live"
    model_sha256 = MODEL_SHA
    device = "test"

    def __init__(self) -> None:
        self.num_calls = 0
        self.on_call: Callable[[int], None] = lambda num_calls: None
        self.on_open: Callable[[], object] = lambda: None

    def open(self, stop: threading.Event) -> None:
        self.on_open()

    def lend(self) -> None:
        return None

    def enhance(self, image: Image) -> Enhanced:
        assert image.shape == FRAME_SHAPE and image.dtype == np.uint8
        self.num_calls += 1
        self.on_call(self.num_calls)
        return Enhanced(255 - image, {"invert": float(self.num_calls)})

    def close(self) -> None: ...


class Bench:
    """An engine, a folder of originals and an output folder."""

    def __init__(self, folder: Path) -> None:
        self.engine = InvertingEngine()
        self.stop = threading.Event()
        self.originals = folder / "in"
        self.output = folder / "out"
        self.originals.mkdir()
        manifest = {"name": "student", "profile": "live", "version": "1.2", "sha256": MODEL_SHA}
        self.profile = Profile("live", folder, manifest, folder / "model.onnx", None)

    def run(self, *inputs: Path, force: bool = False, resume: bool = False, **more: Any) -> BatchReport:
        given = inputs or (self.originals,)
        how = {name: more.pop(name) for name in HOW if name in more}
        options = {"force": force, "resume": resume, "options": Options(**how), **more}
        workers = InThread(self.engine, self.profile, self.stop)
        return enhance_files(given, self.output, workers, self.profile, stop=self.stop, **options)

    def picture(
        self, name: str = "throat.png", *, level: int = 9, size: tuple[int, int] = (96, 54), column: bool = True
    ) -> Path:
        """Grey with a bright column, which packs fast and shows a mirrored or stretched result."""
        path = self.originals / name
        image = np.full((size[1], size[0], 3), level, np.uint8)
        if column:
            image[:, size[0] // 3] = (20, 120, 220)
        assert cv2.imwrite(str(path), image)
        return path

    def clip(self, name: str = "clip.avi", num_frames: int = 7) -> Path:
        """Frame `i` is grey at 20 + 10 i, so that order and number can be read back."""
        path = self.originals / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), FPS, (96, 54))
        for index in range(num_frames):
            writer.write(np.full((54, 96, 3), 20 + 10 * index, np.uint8))
        writer.release()
        return path

    def written(self) -> list[str]:
        """All but the manifest."""
        found = self.output.iterdir() if self.output.exists() else ()
        return sorted(path.name for path in found if path.name != MANIFEST)

    def sidecar(self, name: str) -> dict:
        return json.loads((self.output / name).read_text())
