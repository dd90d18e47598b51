"""Hard but right pictures for the output judge, as short sequences of frames that belong together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks.judge.units import LENSES, SERIALS, unit_frames
from edge.pictures.files import read_picture
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_SHAPE, FRAME_WIDTH_PX, fit_to_frame
from edge.pictures.image import Image
from edge.sources.demo.render import DemoRenderer
from trainer.data import degradations

REAL_FOLDERS = ("larynx", "throat_research", "smoke_research")


@dataclass(frozen=True)
class Shot:
    """Frames that follow each other.

    Attributes:
        kind: row of the table.
        group: which throat, clip or unit.
        frames: draws them: the camera's, and what the unit's correction makes of it, RGB uint8 (1080, 1920, 3) each.
    """

    kind: str
    group: str
    frames: Callable[[], Iterator[tuple[Image, Image]]]


def shots(data: Path, share: float = 1.0) -> list[Shot]:
    """A share of all shots, well mixed; says which folders of real pictures are missing."""
    found = [*_cards(), *_demo(), *_real(data), *_degraded(data), *_units()]
    order = np.random.default_rng(7).permutation(len(found))
    return [found[number] for number in order[: max(1, round(share * len(found)))]]


def picture_paths(data: Path, folder: str) -> list[Path]:
    paths = sorted(path for path in (data / folder).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not paths:
        print(f"skipped: no pictures in {data / folder}", flush=True)
    return paths


def _demo() -> Iterator[Shot]:
    for seed in range(60):
        group = f"demo {seed}"
        yield Shot("demo, moments", group, _same(_moments, seed))
        if seed % 2 == 0:
            yield Shot("demo, stretch", group, _same(_stretch, seed))


def _moments(seed: int) -> Iterator[Image]:
    """A throat clear, then every 1.1 s of its breath."""
    renderer = DemoRenderer(seed, spread=0.5 + seed % 3)
    yield renderer.truth(21 * (seed % 6))
    for index in range(4):
        yield renderer.degraded(21 * (seed % 6) + 33 * index)


def _stretch(seed: int) -> Iterator[Image]:
    """Ten frames as they follow each other."""
    renderer = DemoRenderer(seed, spread=0.5 + seed % 3)
    for index in range(10):
        yield renderer.degraded(40 * (seed % 5) + index)


def _real(data: Path) -> Iterator[Shot]:
    for folder in REAL_FOLDERS:
        for number, path in enumerate(picture_paths(data, folder)):
            group = re.split(r"_\d+$", path.stem)[0]
            yield Shot(f"real, {path.parent.relative_to(data)}", group, _same(_still, path))
            if number % 12 == 0:
                yield Shot("real, panned", group, _same(_pan, path, number))


def _still(path: Path) -> Iterator[Image]:
    yield fit_to_frame(read_picture(path))


def _pan(path: Path, seed: int) -> Iterator[Image]:
    """A real picture seen by an unsteady hand: a few pixels a frame, each with noise of its own."""
    rng = np.random.default_rng(seed)
    image = fit_to_frame(read_picture(path))
    speed = rng.normal(0, rng.choice([0.3, 2, 8]), 2)
    for index in range(6):
        moved = np.array([[1, 0, speed[0] * index], [0, 1, speed[1] * index]])
        frame = cv2.warpAffine(image, moved, (FRAME_WIDTH_PX, FRAME_HEIGHT_PX), borderMode=cv2.BORDER_REFLECT)
        yield np.clip(frame + 2 * rng.standard_normal(frame.shape, np.float32), 0, 255).astype(np.uint8)


def _degraded(data: Path) -> Iterator[Shot]:
    paths = [*picture_paths(data, "larynx")[::2], *picture_paths(data, "throat_research/hq"),
             *picture_paths(data, "throat_research/mid"), *picture_paths(data, "smoke_research/clear")]  # fmt: skip
    for number, path in enumerate(paths):
        yield Shot("degraded", re.split(r"_\d+$", path.stem)[0], _same(_bad_view, path, number))


def _bad_view(path: Path, seed: int) -> Iterator[Image]:
    yield degrade(fit_to_frame(read_picture(path)), np.random.default_rng(seed))


def degrade(image: Image, rng: np.random.Generator) -> Image:
    """Behind fog, out of focus, dark or bright, with a cast and noise: beyond what the network was trained on."""
    linear = degradations.to_linear(cv2.resize(image, (960, 540), interpolation=cv2.INTER_AREA), 2.2)
    depth = degradations.breath_depth(540, 960, rng, rng.uniform(0.2, 4), rng.choice([0, 0, 0.4, 0.8]))
    air = rng.uniform(0.2, 0.9) * rng.uniform(0.85, 1, 3).astype(np.float32)
    linear = degradations.white_balance_drift(linear * rng.uniform(0.15, 2), *rng.uniform(0.8, 1.25, 2))
    linear = degradations.condensation(linear, depth, air, rng.uniform(0, 0.6), rng.uniform(20, 90))
    linear = degradations.defocus(linear, rng.choice([0, rng.uniform(0, 25)]))
    shown = cv2.resize(degradations.from_linear(linear, 2.2), (FRAME_WIDTH_PX, FRAME_HEIGHT_PX))
    noisy = degradations.sensor_noise(np.asarray(shown, np.float32), rng, rng.uniform(0.5, 12), 0.03)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _cards() -> Iterator[Shot]:
    for level in (0, 8, 64, 128, 200, 255):
        for noise in (0, 3, 15, 40):
            yield Shot("cards", f"card {level} {noise}", _same(_plain_card, level, noise))
    for number in range(8):
        yield Shot("cards", f"pattern {number}", _same(_pattern, number))


def _plain_card(level: int, noise: int) -> Iterator[Image]:
    rng = np.random.default_rng(level)
    for _ in range(3):
        shown = level + noise * rng.standard_normal(FRAME_SHAPE, np.float32)
        yield np.clip(shown, 0, 255).astype(np.uint8)


def _pattern(number: int) -> Iterator[Image]:
    """Ramps, bars, squares and text, as they stand before a camera on a bench; each brighter than the one before."""
    y, x = np.mgrid[:FRAME_HEIGHT_PX, :FRAME_WIDTH_PX].astype(np.float32)
    bars = np.stack([(x // 240 + number) % 8 // 2**bit % 2 for bit in (0, 1, 2)], axis=-1)
    plain = (x / FRAME_WIDTH_PX, y / FRAME_HEIGHT_PX, (x // 60 + y // 60) % 2, (x // 8) % 2,
             np.hypot(x - 960, y - 540) < 400, np.hypot(x - 960, y - 540) / 1102, ((x + y) // 30) % 2)  # fmt: skip
    shape = bars if number == 7 else np.repeat(np.asarray(plain[number], np.float32)[..., None], 3, axis=-1)
    for gain in (60, 150, 235):
        noise = 2 * np.random.default_rng(gain).standard_normal(FRAME_SHAPE, np.float32)
        yield np.clip(shape * gain + 10 + noise, 0, 255).astype(np.uint8)


def _units() -> Iterator[Shot]:
    """Throats of the demo before units with known faults, read twice a moment: two frames, then two of a later one."""
    for number, serial in enumerate(SERIALS):
        for lens in LENSES:
            yield Shot("calibrated unit", f"unit {serial} {lens}", partial(unit_frames, serial, lens, number))


def _same(frames: Callable[..., Iterator[Image]], *args: object) -> Callable[[], Iterator[tuple[Image, Image]]]:
    """Without a correction."""
    return lambda: ((frame, frame) for frame in frames(*args))
