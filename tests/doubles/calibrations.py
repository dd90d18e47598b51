"""Calibrations that need no session: one that changes nothing, and what a perfect solver finds of a demo unit."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import cv2
import numpy as np

from edge.calibration.calibration import Calibration, Lens
from edge.sources.demo.unit import UnitTruth

NEUTRAL = Calibration("A-1", "1920x1080 demo", datetime(2026, 1, 1, tzinfo=timezone.utc), "test", ())


def calibration_of(truth: UnitTruth) -> Calibration:
    """What a perfect solver would find."""
    gain = cv2.resize(1 / truth.fall_off(), (240, 135), interpolation=cv2.INTER_AREA)
    white = 1 / truth.cast.sum(axis=1)
    matrix = np.linalg.inv(truth.cast) / white
    camera = truth.camera
    lens = Lens(truth.lens, (camera[0, 0], camera[1, 1]), (camera[0, 2], camera[1, 2]), tuple(truth.distortion), 0.0)
    return replace(
        NEUTRAL,
        parts=("dark", "flat", "white", "chart", "lens"),
        dark=truth.dark.astype(np.float32),
        gain=gain.astype(np.float32),
        white=white.astype(np.float32),
        matrix=matrix.astype(np.float32),
        hot_px=truth.hot_px.astype(np.int32),
        lens=lens,
    )
