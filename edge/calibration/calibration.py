"""What a unit's calibration holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Literal

import numpy as np
from numpy.typing import NDArray

PARTS = ("dark", "flat", "white", "chart", "lens")
LensModel = Literal["radial", "fisheye"]


@dataclass(frozen=True)
class Lens:
    """Intrinsics of the unit's lens at 1920x1080.

    Attributes:
        model: `radial`: OpenCV's radial-tangential model, k1 k2 p1 p2 k3; `fisheye`: its fisheye model, k1 to k4.
        focal_px: fx and fy; centre_px: cx and cy, pixel centres at whole numbers.
        rms_px: reprojection error of the fit.
    """

    model: LensModel
    focal_px: tuple[float, float]
    centre_px: tuple[float, float]
    distortion: tuple[float, ...]
    rms_px: float

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The 3x3 camera matrix."""
        (fx, fy), (cx, cy) = self.focal_px, self.centre_px
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


@dataclass(frozen=True)
class Calibration:
    """What makes one unit show the same throat as every other. A part that was not captured is neutral.

    Linear light is that of the sRGB curve (IEC 61966-2-1), 1 being code 255.

    Attributes:
        unit: serial number.
        camera_mode: size and pixel format that the frames had, as `edge.frames.stages.camera_mode` names it.
        made_at: UTC.
        parts: which of `PARTS` were captured.
        dark: linear light that the sensor shows of none, (3,).
        gain: what fall-off is multiplied with, (rows, columns, 3), at least 1 in the brightest place; cell
            centres are spread evenly over the frame, as cv2.resize takes them.
        white: gains of R, G, B after the fall-off, (3,).
        matrix: (3, 3), white-balanced camera light -> linear sRGB; rows sum to 1.
        hot_px: (N, 2) rows and columns of pixels not to be believed.
        lens: None where the lens was not captured.
        flat: what the flats showed of the smooth field, (270, 480), 1 without dust; empty without flats.
        figures: the solver's residuals, name -> number or text.
        controls: the camera's settings that all sessions had in common, as its driver numbers them.
    """

    unit: str
    camera_mode: str
    made_at: datetime
    tool: str
    parts: tuple[str, ...]
    dark: NDArray[np.float32] = field(default_factory=lambda: np.zeros(3, np.float32))
    gain: NDArray[np.float32] = field(default_factory=lambda: np.ones((1, 1, 3), np.float32))
    white: NDArray[np.float32] = field(default_factory=lambda: np.ones(3, np.float32))
    matrix: NDArray[np.float32] = field(default_factory=lambda: np.eye(3, dtype=np.float32))
    hot_px: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 2), np.int32))
    lens: Lens | None = None
    flat: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    figures: Mapping[str, float | int | str] = field(default_factory=dict)
    controls: Mapping[str, float] = field(default_factory=dict)

    def age_days(self, now: datetime | None = None) -> float:
        return ((now or datetime.now(timezone.utc)) - self.made_at).total_seconds() / 86400
