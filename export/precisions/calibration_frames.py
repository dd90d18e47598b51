"""The frames from which int8 takes its ranges: a unit's own session, a folder of pictures, a clip or the demo."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from edge.basics.errors import InputOutputError, UsageError
from edge.basics.progress import progress
from edge.pictures.files import read_picture
from edge.pictures.folder import pictures_below
from edge.pictures.geometry import fit_to_frame
from edge.pictures.image import Image
from edge.sources.demo.source import DemoSource
from edge.sources.open import open_source
from export.precisions.calibration_set import MIN_FRAMES, SESSION_NAME, CalibrationSet

DEMO = "demo:"
DEMO_STEP = 75
"""Frames of the demo between two that are taken: fog and view have changed by then."""
MAX_FRAMES = 256
"""Taken evenly of a folder or a clip that has more: each costs a run of the network."""
MAX_READ = 9_000
"""Of a clip, from its beginning: five minutes at 30 a second."""
EXPECTED = "a session of edge-calib capture --for int8, a folder of pictures, a clip, or demo:"


class CalibrationFrames(Protocol):
    """Frames, RGB uint8 (1080, 1920, 3), and what a manifest says of them."""

    about: dict[str, Any]

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Image]: ...


def calibration_frames(named: str) -> CalibrationFrames:
    """Open what `--calibration` names; every set has at least 64 different frames.

    Raises:
        UsageError: `demo:` with a chart instead of the throat.
        InputOutputError: nothing is there, it cannot be read, or has too few frames.
    """
    if named.startswith(DEMO):
        return DemoFrames(named)
    path = Path(named).expanduser()
    if path.is_dir():
        return CalibrationSet(path) if (path / SESSION_NAME).exists() else PictureFrames(path)
    if path.is_file():
        return ClipFrames(path)
    raise InputOutputError(f"--calibration {named}: no such file or folder; expected {EXPECTED}")


class DemoFrames:
    """Moments of the synthetic throat, apart in time."""

    def __init__(self, named: str) -> None:
        source = open_source(named, live=False)
        if not isinstance(source, DemoSource):
            raise UsageError(f"--calibration {named}: shows a chart; int8 needs scenes, as demo: or demo:?seed=3 gives")
        self._source = source
        self.about = {"kind": "demo throat, synthetic", "source": named, "frames": MIN_FRAMES}

    def __len__(self) -> int:
        return MIN_FRAMES

    def __iter__(self) -> Iterator[Image]:
        return (self._source.render(number * DEMO_STEP).degraded for number in range(MIN_FRAMES))


class PictureFrames:
    """Pictures of any kind below a folder."""

    def __init__(self, folder: Path) -> None:
        found = [folder / path for path in pictures_below(folder)[0]]
        by_hash = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in _spread(found, MAX_FRAMES)}
        _refuse_few(len(by_hash), f"{folder}: {{}} different pictures")
        self._paths = sorted(by_hash.values())
        self.about = {"kind": "pictures", "frames": len(by_hash), "sha256": _joined(sorted(by_hash))}

    def __len__(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[Image]:
        return (np.ascontiguousarray(fit_to_frame(read_picture(path))) for path in self._paths)


class ClipFrames:
    """Frames of a clip, evenly taken from its first minutes; it is read twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        hashes = [hashlib.sha256(frame).hexdigest() for frame in self._all()]
        first = {digest: number for number, digest in reversed(list(enumerate(hashes)))}
        _refuse_few(len(first), f"{path}: {{}} different frames")
        self._numbers = set(_spread(sorted(first.values()), MAX_FRAMES))
        taken = [hashes[number] for number in sorted(self._numbers)]
        self.about = {"kind": "clip", "frames": len(taken), "sha256": _joined(taken)}

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Image]:
        return (frame for number, frame in enumerate(self._all()) if number in self._numbers)

    def _all(self) -> Iterator[Image]:
        with closing(open_source(str(self._path), live=False)) as source, progress("clip", 1, "pass") as tick:
            for _ in range(MAX_READ):
                frame = source.read()
                if frame is None:
                    break
                yield frame.image
            tick()


def _spread(found: list[Any], most: int) -> list[Any]:
    """At most so many, evenly taken."""
    return found if len(found) <= most else [found[i * len(found) // most] for i in range(most)]


def _joined(hashes: list[str]) -> str:
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def _refuse_few(count: int, what: str) -> None:
    if count < MIN_FRAMES:
        raise InputOutputError(f"{what.format(count)}, expected at least {MIN_FRAMES}; give more, or {EXPECTED}")
