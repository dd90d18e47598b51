"""The camera of the campaign: a few frames of the demo throat, stamped with a time code, and breakable."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.basics.errors import CameraLost, DeviceMissing
from edge.frames.frame import Frame
from edge.pictures.image import Image
from edge.sources.judgement import FrameJudge
from edge.sources.pace import FrameFitter
from tests.faults.injected.switches import Switch
from tests.faults.watched.timecode import OTHER, PLAIN, now_code, write_code

log = logging.getLogger(__name__)

FRAMES_VARIABLE = "EDGE_FAULTS_FRAMES"
NUM_FRAMES = 16
"""Divides 4096, so that the code's number tells which of them it is."""
SILENCE_S = 2.0
"""As `edge.sources.camera` has it: after so long without a picture the camera counts as lost."""


def make_frames(path: Path, fps: float = 10.0) -> None:
    """Render a fogged stretch of the demo, there and back again, so that each frame is near the one before."""
    from edge.sources.demo.render import DemoRenderer

    renderer = DemoRenderer(3, fps)
    half = [renderer.degraded(12 + index) for index in range(NUM_FRAMES // 2 + 1)]
    frames = [*half, *half[-2:0:-1]]
    np.save(path, np.stack(frames))


def thumb(image: Image) -> np.ndarray:
    """The middle of a picture, which neither banner nor code covers, 48x16: float32 (16, 48, 3)."""
    height, width = image.shape[:2]
    middle = image[round(0.34 * height) : round(0.88 * height), round(0.05 * width) : round(0.95 * width)]
    return cv2.resize(middle, (48, 16), interpolation=cv2.INTER_AREA).astype(np.float32)


class FaultyCamera:
    """Implements `edge.frames.stages.Source`. What it does stands in the switch `source`, `mode`:

    ok; gone; silent (no picture comes); slow (2 a second); repeats (one picture again and again, told as new);
    garbage (noise); small (1280x720). What `edge.sources.camera` does against faults is done here by the same parts.
    """

    paced = True
    camera_mode = "1920x1080 campaign"

    def __init__(self, uri: str, fps: float, judge: FrameJudge | None = None) -> None:
        self._judge = judge or FrameJudge()
        self.uri, self.fps = uri, fps
        self._switch = Switch("source")
        if self._switch.get().get("mode") == "gone":
            raise DeviceMissing(f"{uri}: no such camera")
        self._frames = np.load(os.environ[FRAMES_VARIABLE], mmap_mode="r")
        self._closed = threading.Event()
        self._fitter = FrameFitter(uri, log)
        self._noise = np.random.default_rng(0)
        self._seq = 0
        self._next_s = time.monotonic()
        self._last: Image | None = None

    def read(self) -> Frame | None:
        silent_since = time.monotonic()
        while not self._closed.is_set():
            order = self._switch.get()
            mode = order.get("mode", "ok")
            if mode == "gone":
                raise CameraLost(f"{self.uri}: the camera went away")
            if mode == "silent":
                if time.monotonic() - silent_since > SILENCE_S:
                    raise CameraLost(f"{self.uri}: no picture from the camera for {SILENCE_S:.0f} s")
                self._closed.wait(0.02)
                continue
            left_s = self._next_s - time.monotonic()
            if left_s > 0:
                self._closed.wait(min(left_s, 0.05))
                continue
            period_s = 0.5 if mode == "slow" else 1 / self.fps
            self._next_s = max(self._next_s + period_s, time.monotonic())
            frame = self._frame(mode)
            return self._judge.accept(self.uri, frame, frame.t_capture_ns)
        return None

    def _frame(self, mode: str) -> Frame:
        self._seq += 1
        t_capture_ns = time.monotonic_ns()
        if mode == "repeats" and self._last is not None:
            return Frame(self._last.copy(), self._seq, t_capture_ns)
        if mode == "garbage":
            tile = self._noise.integers(0, 256, (270, 480, 3), np.uint8)
            image: Any = np.tile(tile, (4, 4, 1))
        else:
            image = np.array(self._frames[self._seq % NUM_FRAMES])
        write_code(image, now_code(self._seq, OTHER if mode == "garbage" else PLAIN))
        if mode == "small":
            image = self._fitter.fitted(cv2.resize(image, (1280, 720), interpolation=cv2.INTER_AREA))
        self._last = image
        return Frame(image, self._seq, t_capture_ns)

    def close(self) -> None:
        self._closed.set()
