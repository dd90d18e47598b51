"""The frames on which forms of a profile are held against each other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edge.pictures.files import read_picture
from edge.pictures.folder import pictures_below
from edge.pictures.geometry import fit_to_frame
from edge.pictures.image import Image
from edge.sources.demo.source import DemoSource

DEMO_STEP = 150
"""Frames of the demo throat between two samples: fog, focus and view have changed by then."""


VEIL_LEVEL, VEIL_CONTRAST = 200.0, 0.1
"""A bright veil with a tenth of the contrast left: what fog does, and where half precision is weakest."""


class SampleFrames(NamedTuple):
    """Frames, RGB uint8 (1080, 1920, 3), and what a manifest says of them."""

    frames: Sequence[Image]
    about: dict[str, Any]


def sample_frames(pictures: Path | None, count: int) -> SampleFrames:
    """Frames evenly spread over a folder of pictures and its subfolders; the demo throat where none is named.

    Raises:
        InputOutputError: the folder has no picture, or one cannot be read.
    """
    if pictures is None:
        source = DemoSource("demo:", paced=False)
        frames = [source.render(number * DEMO_STEP).degraded for number in range(count)]
        return SampleFrames(frames, {"kind": "demo throat, synthetic", "count": count})
    paths = [pictures / path for path in pictures_below(pictures)[0]]
    chosen = [paths[i * len(paths) // count] for i in range(count)] if len(paths) > count else paths
    digest = hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in chosen))
    frames = [np.ascontiguousarray(fit_to_frame(read_picture(path))) for path in chosen]
    return SampleFrames(frames, {"kind": "pictures", "count": len(frames), "sha256": digest.hexdigest()})


def with_veiled(samples: SampleFrames) -> SampleFrames:
    """The same frames and each of them under a heavy veil."""
    veiled = [np.rint(VEIL_LEVEL + VEIL_CONTRAST * (frame.astype(np.float32) - 128)) for frame in samples.frames]
    frames = [*samples.frames, *(np.clip(frame, 0, 255).astype(np.uint8) for frame in veiled)]
    return SampleFrames(frames, {**samples.about, "veiled_too": True})
