"""How the synthetic throat moves before the camera: the hand, the breath, the uvula, the tongue."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX
from edge.sources.demo.scene import MARGIN_PX, Scene
from edge.sources.demo.texture import Plane, plane

BREATH_S = 4.0


@dataclass(frozen=True)
class Pose:
    """Where everything is at one moment.

    Attributes:
        shift_x_px, shift_y_px: of the hand.
        turn: of the hand, radians; zoom: 1 is the rest position.
        uvula_px, tongue_px, palate_px: sideways swing, lift, lift.
    """

    shift_x_px: float
    shift_y_px: float
    turn: float
    zoom: float
    uvula_px: float
    tongue_px: float
    palate_px: float


def _drift(time_s: float, phase: float, *periods_s: float) -> float:
    """A smooth wander in [-1, 1]: sines whose periods share no small multiple."""
    waves = (math.sin(2 * math.pi * time_s / period + phase * (i + 1.7)) for i, period in enumerate(periods_s))
    return sum(waves) / len(periods_s)


def pose_at(time_s: float, phase: float) -> Pose:
    """The pose at a moment; phase (0 to 2 pi) belongs to the seed."""
    breath = math.sin(2 * math.pi * time_s / BREATH_S)
    return Pose(
        shift_x_px=26 * _drift(time_s, phase, 7.3, 3.1, 11.9),
        shift_y_px=16 * _drift(time_s, phase + 2, 6.1, 2.7, 9.7) + 3 * breath,
        turn=0.011 * _drift(time_s, phase + 4, 8.9, 5.3),
        zoom=1 + 0.012 * _drift(time_s, phase + 5, 10.3, 6.7) + 0.002 * breath,
        uvula_px=9 * _drift(time_s, phase + 1, 1.9, 3.7) + 2 * breath,
        tongue_px=9 * _drift(time_s, phase + 3, 5.9, 8.3) + 3 * breath,
        palate_px=4 * breath,
    )


def strip_affine(pose: Pose, top: int, rows: int) -> Plane:
    """Maps pixels of a strip of frame rows to the canvas: a 2x3 matrix for `cv2.WARP_INVERSE_MAP`.

    Turn and zoom are the same everywhere; lift and parallax depend on the row, linearly within a strip, so
    that strips join without a step.
    """
    cos, sin = math.cos(pose.turn) / pose.zoom, math.sin(pose.turn) / pose.zoom
    (x0, y0), (x1, y1) = _offset(pose, top), _offset(pose, top + rows)
    from_middle = top - FRAME_HEIGHT_PX / 2
    left = FRAME_WIDTH_PX / 2
    return np.array(
        [
            [cos, -sin + (x1 - x0) / rows, -cos * left - sin * from_middle + x0 + left + MARGIN_PX],
            [
                sin,
                cos + (y1 - y0) / rows,
                -sin * left + cos * from_middle + y0 + FRAME_HEIGHT_PX / 2 + MARGIN_PX,
            ],
        ],
        np.float32,
    )


def _offset(pose: Pose, row: int) -> tuple[float, float]:
    """What the pose adds to the canvas position of a frame row, beyond turn and zoom."""
    tongue = _rise((row - 620) / 330)
    palate = 1 - _rise((row - 150) / 330)
    near = 0.92 + 0.25 * tongue + 0.05 * palate
    return (
        -pose.shift_x_px * near,
        -pose.shift_y_px * near + pose.tongue_px * tongue + pose.palate_px * palate,
    )


def _rise(share: float) -> float:
    """0 up to 0, 1 from 1 on, a cubic between."""
    t = min(1.0, max(0.0, share))
    return t * t * (3 - 2 * t)


class UvulaSwing:
    """Bends the canvas around the uvula sideways."""

    def __init__(self, scene: Scene) -> None:
        self.box = scene.uvula_box
        height, width = scene.uvula_swing.shape
        self._swing = scene.uvula_swing
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        self._x, self._y = plane(x), plane(y)

    def bend(self, canvas: NDArray[np.uint8], swing_px: float) -> None:
        """Move the uvula's tip by swing_px to the right, in place."""
        region = canvas[self.box]
        map_x = self._x - np.float32(swing_px) * self._swing
        region[:] = cv2.remap(region, map_x, self._y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
