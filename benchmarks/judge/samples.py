"""Draws pictures, right answers and faults once, and keeps of each what the output judge looks at."""

from __future__ import annotations

import pickle
import tempfile
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from benchmarks.judge.faults import FAULTS, SHUFFLED_LAYERS, shuffled_dehazer
from benchmarks.judge.pictures import Shot, shots
from edge.engines.cpu import BicubicCpuEngine, GuidedCpuEngine
from edge.engines.guided import Map
from edge.guard.judge import Sample, sampled
from edge.models.profile import Profile, load_profile
from edge.pictures.image import Image

ENGINES = ("live", "live, bicubic")
FAULTS_EVERY = 4
"""Shots; of a shot's frames the first and the third are broken in every way."""
_SCENES_APART = 4
"""Another scene is that of so many shots ago."""


@dataclass(frozen=True)
class Pair:
    """A frame and what was made of it.

    Attributes:
        shot, index: number of the shot, and of the frame in it.
        right: answer of each of `ENGINES`.
        wrong: fault -> answer.
        views: the frame and the answer as small JPEG pictures, to be looked at.
    """

    kind: str
    group: str
    shot: int
    index: int
    raw: Sample
    right: tuple[Sample, Sample]
    views: tuple[bytes, bytes]
    wrong: dict[str, Sample] = field(default_factory=dict)


class _BothEngines(GuidedCpuEngine):
    """Enlarges one answer of the network in both ways."""

    def __init__(self, profile: Profile, dehazer: Path) -> None:
        super().__init__(profile, dehazer, 1)
        self._softer = BicubicCpuEngine(profile, dehazer, 1)
        self.softer: Image = np.empty(0, np.uint8)

    def _upscale(self, image: Image, shrunk: Image, slope: Map, intercept: Map, out: Image | None) -> Image:
        self.softer = self._softer._upscale(image, shrunk, slope, intercept, None)
        return super()._upscale(image, shrunk, slope, intercept, out)


def draw(data: Path, share: float, num_processes: int, path: Path) -> None:
    """Write the pairs of a share of all shots to `path`."""
    parts = [path.with_name(f"{path.name}.part{number}") for number in range(num_processes)]
    context = get_context("spawn")
    workers = [
        context.Process(target=_draw_part, args=(data, share, number, num_processes, part))
        for number, part in enumerate(parts)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise SystemExit(f"a process that draws pictures ended with {worker.exitcode}")
    with path.open("wb") as file:
        for part in parts:
            file.write(part.read_bytes())
            part.unlink()


def read_pairs(path: Path) -> Iterator[Pair]:
    with path.open("rb") as file:
        while True:
            try:
                yield pickle.load(file)
            except EOFError:
                return


def _draw_part(data: Path, share: float, part: int, num_parts: int, path: Path) -> None:
    cv2.setNumThreads(1)
    profile = load_profile("live")
    assert profile.dehazer is not None
    engine = _BothEngines(profile, profile.dehazer)
    scenes: deque[Image] = deque(maxlen=_SCENES_APART)
    with tempfile.TemporaryDirectory() as folder, path.open("wb") as file:
        wrong = [
            GuidedCpuEngine(profile, shuffled_dehazer(profile.dehazer, layer, Path(folder)), 1)
            for layer in SHUFFLED_LAYERS
        ]
        num_done = 0
        for number, shot in enumerate(shots(data, share)):
            if number % num_parts != part:
                continue
            is_broken = shot.kind != "cards" and len(scenes) == _SCENES_APART
            is_broken = is_broken and number // num_parts % FAULTS_EVERY == 0
            for pair, seen, made in _answered(engine, number, shot):
                if is_broken and pair.index in (0, 2):
                    for name, fault in FAULTS.items():
                        pair.wrong[name] = sampled(fault(made, scenes[0]))
                    which = num_done % len(wrong)
                    pair.wrong[f"{SHUFFLED_LAYERS[which]} shuffled"] = sampled(wrong[which].enhance(seen).image)
                pickle.dump(pair, file)
                num_done += 1
            if shot.kind != "cards":
                scenes.append(made)
            if number // num_parts % 50 == 0:
                print(f"part {part}: {number} shots, {num_done} frames of its own", flush=True)


def _answered(engine: _BothEngines, number: int, shot: Shot) -> Iterator[tuple[Pair, Image, Image]]:
    for index, (raw, seen) in enumerate(shot.frames()):
        made = engine.enhance(seen).image
        right = sampled(made), sampled(engine.softer)
        views = _view(raw), _view(made)
        yield Pair(shot.kind, shot.group, number, index, sampled(raw), right, views), seen, made


def _view(image: Image) -> bytes:
    small = cv2.resize(image, (320, 180), interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80])[1])
