"""The lens of a unit, and the straight view that is made of what it sees."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.calibration.calibration import Lens
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX

_WIDEST = 3.0
"""Where the search for the corrected picture's focal length begins, of the lens's own."""
_NARROWEST = 0.05
"""Where it ends: a fisheye that sees the whole half space shows no focal length at which the picture leaves it."""


def view_focal_px(lens: Lens) -> float:
    """Focal length of the corrected picture: the widest that shows no pixel that the camera did not see.

    It is equal in x and y, so nothing is stretched; the optical axis comes to the picture's middle.
    """
    x, y = np.arange(FRAME_WIDTH_PX, dtype=np.float64), np.arange(FRAME_HEIGHT_PX, dtype=np.float64)
    rim = np.concatenate(
        [np.column_stack([x, np.full_like(x, row)]) for row in (0, FRAME_HEIGHT_PX - 1)]
        + [np.column_stack([np.full_like(y, column), y]) for column in (0, FRAME_WIDTH_PX - 1)]
    )
    offsets = rim - _view_centre()

    def inside(focal_px: float) -> bool:
        seen = projected(lens, offsets / focal_px)
        return bool(((seen >= 0) & (seen <= (FRAME_WIDTH_PX - 1, FRAME_HEIGHT_PX - 1))).all())

    focal_px = _WIDEST * lens.focal_px[0]
    for step in (0.99, 0.9999):
        while focal_px > _NARROWEST * lens.focal_px[0] and inside(focal_px * step):
            focal_px *= step
    return focal_px


def projected(lens: Lens, directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pixels at which the lens shows the directions (x, y, 1): (N, 2) -> (N, 2)."""
    distortion, none = np.array(lens.distortion), np.zeros(3)
    if lens.model == "fisheye":
        seen = cv2.fisheye.distortPoints(directions[:, None], lens.matrix, distortion)
    else:
        rays = np.column_stack([directions, np.ones(len(directions))])
        seen, _ = cv2.projectPoints(rays, none, none, lens.matrix, distortion)
    return np.asarray(seen, np.float64).reshape(-1, 2)


def undistortion(lens: Lens) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each pixel of the corrected picture lies in the camera's: x and y, each (1080, 1920)."""
    focal_px, centre = view_focal_px(lens), _view_centre()
    view = np.array([[focal_px, 0, centre[0]], [0, focal_px, centre[1]], [0, 0, 1]])
    arguments = (lens.matrix, np.array(lens.distortion), np.eye(3), view, (FRAME_WIDTH_PX, FRAME_HEIGHT_PX))
    make = cv2.fisheye.initUndistortRectifyMap if lens.model == "fisheye" else cv2.initUndistortRectifyMap
    x, y = make(*arguments, cv2.CV_32FC1)
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def _view_centre() -> NDArray[np.float64]:
    return np.array([(FRAME_WIDTH_PX - 1) / 2, (FRAME_HEIGHT_PX - 1) / 2])
