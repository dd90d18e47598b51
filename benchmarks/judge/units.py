"""Throats of the demo seen by demo units with known faults, and each unit's correction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from functools import cache, partial

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.calibration.blocks import BlockCorrection
from edge.calibration.calibration import Calibration, Lens
from edge.calibration.correction import Correction
from edge.pictures.colour import LINEAR_OF_CODE
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX
from edge.pictures.image import Image
from edge.sources.demo.render import DemoRenderer
from edge.sources.demo.texture import Plane
from edge.sources.demo.unit import LensModel, UnitCamera, UnitTruth, unit_truth

LENSES: tuple[LensModel, ...] = ("radial", "fisheye")
SERIALS = tuple(f"{letter}-{number}" for number, letter in enumerate("ABCDEFGH", 1))

_NEUTRAL = Calibration("A-1", "1920x1080 demo", datetime(2026, 1, 1, tzinfo=timezone.utc), "benchmark", ())


def calibration_of(truth: UnitTruth) -> Calibration:
    """What a perfect solver would find."""
    white = 1 / truth.cast.sum(axis=1)
    camera, k = truth.camera, truth.distortion
    lens = Lens(truth.lens, (camera[0, 0], camera[1, 1]), (camera[0, 2], camera[1, 2]), tuple(k), 0.0)
    return replace(
        _NEUTRAL,
        parts=("dark", "flat", "white", "chart", "lens"),
        dark=truth.dark.astype(np.float32),
        gain=cv2.resize(1 / truth.fall_off(), (240, 135), interpolation=cv2.INTER_AREA).astype(np.float32),
        white=white.astype(np.float32),
        matrix=(np.linalg.inv(truth.cast) / white).astype(np.float32),
        hot_px=truth.hot_px.astype(np.int32),
        lens=lens,
    )


def _throat(image: Image, focal_px: float, x: Plane, y: Plane) -> NDArray[np.float32]:
    """Linear light of a demo picture hung before the camera."""
    linear = np.asarray(LINEAR_OF_CODE, np.float32)[image]
    map_x = (x * focal_px + FRAME_WIDTH_PX / 2).astype(np.float32)
    map_y = (y * focal_px + FRAME_HEIGHT_PX / 2).astype(np.float32)
    seen = cv2.remap(linear, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(seen, np.float32)


def unit_frames(serial: str, lens: LensModel, seed: int) -> Iterator[tuple[Image, Image]]:
    """A unit's frames of a throat, and what its correction makes of each: two readings of each of three moments."""
    camera = UnitCamera(unit_truth(serial, lens=lens))
    correction = Correction(calibration_of(camera.truth), 2)
    renderer = DemoRenderer(seed, spread=1.5)
    for index in (0, 45, 75):
        signal = camera.signal(partial(_throat, renderer.degraded(index), float(camera.truth.camera[0, 0])))
        for number_read in (0, 1):
            frame = camera.frame(signal, number_read)
            yield frame, correction.apply(frame)
    correction.close()


@cache
def block_correction(group: str) -> BlockCorrection | None:
    """What the output judge knows of the unit of a group of pictures, `unit A-1 radial`; None for other groups."""
    if not group.startswith("unit "):
        return None
    _, serial, lens = group.split()
    model: LensModel = "fisheye" if lens == "fisheye" else "radial"
    return BlockCorrection(calibration_of(unit_truth(serial, lens=model)))
