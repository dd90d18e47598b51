"""What a calibration may hold: anything else would make a wrong picture, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge.basics.texts import is_moment
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX

if TYPE_CHECKING:
    from edge.calibration.calibration import Calibration, Lens

MAX_MATRIX = 3.9
"""Largest sum of absolute values in a row of the colour matrix."""
MAX_GAIN = 1000.0
"""Of fall-off and of white; a unit's own are below 10."""
MAX_SIDE = 4096
MIN_FOCAL_PX, MAX_FOCAL_PX = 100, 20_000
MAX_DISTORTION = 100
_NUM_DISTORTION = {"radial": 5, "fisheye": 4}


def refuse_senseless(calibration: Calibration) -> None:
    """Raises ValueError, which names the part, where a calibration cannot be applied to frames."""
    for name in ("unit", "camera_mode", "tool"):
        if not isinstance(getattr(calibration, name), str) or "\0" in getattr(calibration, name):
            raise ValueError(f"{name} is no text")
    if not all(isinstance(part, str) for part in calibration.parts):
        raise ValueError("parts are no texts")
    if not is_moment(calibration.made_at.isoformat()):
        raise ValueError("made_at has no time zone, or another age's year")
    figures = calibration.figures
    if not isinstance(figures, dict) or not all(isinstance(value, (int, float, str)) for value in figures.values()):
        raise ValueError("figures are no numbers and texts")
    controls = calibration.controls
    if not isinstance(controls, dict) or not all(_is_number(value) for value in controls.values()):
        raise ValueError("controls are no numbers")
    _check_light(calibration)
    hot_px = calibration.hot_px
    if hot_px.ndim != 2 or hot_px.shape[1] != 2:
        raise ValueError("hot_px are no rows and columns")
    if hot_px.size and not ((hot_px >= 0) & (hot_px < (FRAME_HEIGHT_PX, FRAME_WIDTH_PX))).all():
        raise ValueError("hot_px lie outside the frame")
    if calibration.flat.ndim != 2 or not np.isfinite(calibration.flat).all():
        raise ValueError("flat is no picture")
    if calibration.lens is not None:
        _check_lens(calibration.lens)


def _check_light(calibration: Calibration) -> None:
    shapes = {"dark": (3,), "white": (3,), "matrix": (3, 3)}
    for name, shape in shapes.items():
        part = getattr(calibration, name)
        if part.shape != shape or not np.isfinite(part).all():
            raise ValueError(f"{name} is no {' x '.join(map(str, shape))} numbers")
    gain, white = calibration.gain, calibration.white
    if gain.ndim != 3 or gain.shape[2] != 3 or not gain.size or max(gain.shape) > MAX_SIDE:
        raise ValueError("gain is no grid of three channels")
    for name, part in (("gain", gain), ("white", white)):
        if not (np.isfinite(part).all() and part.min() > 1 / MAX_GAIN and part.max() < MAX_GAIN):
            raise ValueError(f"{name} is out of range")
    if not ((calibration.dark > -1) & (calibration.dark < 0.9)).all():
        raise ValueError("dark is out of range")
    if np.abs(calibration.matrix).sum(axis=1).max() > MAX_MATRIX:
        raise ValueError(f"matrix has a row above {MAX_MATRIX}")


def _check_lens(lens: Lens) -> None:
    if lens.model not in _NUM_DISTORTION:
        raise ValueError(f"lens.model is {lens.model!r}, expected {' or '.join(_NUM_DISTORTION)}")
    if len(lens.distortion) != _NUM_DISTORTION[lens.model]:
        raise ValueError(f"{len(lens.distortion)} coefficients of a {lens.model} lens")
    numbers = (*lens.focal_px, *lens.centre_px, *lens.distortion, lens.rms_px)
    if not all(map(_is_number, numbers)):
        raise ValueError("the lens has something that is no number of a lens")
    if not all(MIN_FOCAL_PX <= focal_px <= MAX_FOCAL_PX for focal_px in lens.focal_px):
        raise ValueError(f"the lens has a focal length outside {MIN_FOCAL_PX} to {MAX_FOCAL_PX} px")
    if not (0 <= lens.centre_px[0] < FRAME_WIDTH_PX and 0 <= lens.centre_px[1] < FRAME_HEIGHT_PX):
        raise ValueError("the lens has its centre outside the frame")
    if max(map(abs, lens.distortion)) > MAX_DISTORTION:
        raise ValueError(f"the lens has a coefficient above {MAX_DISTORTION}")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e6
