"""The demo's calibration bench: a unit with known faults that looks at one target, as `edge-calib` would capture it."""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np
from numpy.typing import NDArray

from edge.frames.frame import Frame
from edge.pictures.image import Image
from edge.sources.demo.targets import target_scenes
from edge.sources.demo.unit import UnitCamera
from edge.sources.pace import FrameClock

HOLD_S = 1.5
HOLD_FRAMES = 3
"""How long each position is held: seconds by a camera's clock, frames where each is given when asked."""


class BenchSource:
    """Plays a unit before a target; the target is held still, then put elsewhere.

    Args:
        uri: as the user wrote it.
        camera: the unit.
        target: one of `edge.sources.demo.targets.TARGETS`.
        exposure: factor on the light; 4 saturates, 0.1 is too dark.
    """

    camera_mode = "1920x1080 demo"

    def __init__(
        self, uri: str, camera: UnitCamera, target: str, *, exposure: float = 1.0, fps: float = 30.0, paced: bool = True
    ) -> None:
        self.uri = uri
        self.fps = fps
        self.paced = paced
        self.truth = camera.truth
        self._exposure = exposure
        self._camera = camera
        self._scenes = target_scenes(target, self.truth.lens == "fisheye")
        still = max(1, round(HOLD_S * fps)) if paced else HOLD_FRAMES
        self._frames_each = 1 if target == "throat" else still
        self._clock = FrameClock(fps)
        self._closed = threading.Event()
        self._indices = itertools.count()
        self._signal: tuple[int, NDArray[np.float32]] | None = None

    def read(self) -> Frame | None:
        """See `edge.frames.stages.Source.read`."""
        index = self._clock.wait_next() if self.paced else next(self._indices)
        if index is None or self._closed.is_set():
            return None
        return Frame(self.render(index), index, time.monotonic_ns())

    def render(self, index: int) -> Image:
        """Frame `index`, always the same pixels."""
        position = index // self._frames_each
        if self._signal is None or self._signal[0] != position:
            self._signal = position, self._camera.signal(self._scenes(position), self._exposure)
        return self._camera.frame(self._signal[1], index)

    def close(self) -> None:
        """See `edge.frames.stages.Source.close`."""
        self._closed.set()
        self._clock.close()
