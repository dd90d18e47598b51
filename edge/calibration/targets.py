"""The printed targets of a calibration: the 24-patch colour chart, the ChArUco board, and what is known of them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

CHART_ROWS, CHART_COLUMNS = 4, 6
CHART_NAMES = (
    "dark skin", "light skin", "blue sky", "foliage", "blue flower", "bluish green",
    "orange", "purplish blue", "moderate red", "purple", "yellow green", "orange yellow",
    "blue", "green", "red", "yellow", "magenta", "cyan",
    "white", "neutral 8", "neutral 6.5", "neutral 5", "neutral 3.5", "black",
)  # fmt: skip
CHART_CODES: NDArray[np.uint8] = np.array(
    [
        (115, 82, 68), (194, 150, 130), (98, 122, 157), (87, 108, 67), (133, 128, 177), (103, 189, 170),
        (214, 126, 44), (80, 91, 166), (193, 90, 99), (94, 60, 108), (157, 188, 64), (224, 163, 46),
        (56, 61, 150), (70, 148, 73), (175, 54, 60), (231, 199, 31), (187, 86, 149), (8, 133, 161),
        (243, 243, 242), (200, 200, 200), (160, 160, 160), (122, 122, 121), (85, 85, 85), (52, 52, 52),
    ],
    np.uint8,
)  # fmt: skip
"""sRGB codes of the ColorChecker Classic, row by row from dark skin to black, as its maker X-Rite prints them."""

NUM_NEUTRALS = 6
"""The last row of the chart, white to black."""

BOARD_COLUMNS, BOARD_ROWS = 12, 8
SQUARE_MM, MARKER_MM = 10.0, 6.8
"""The board: 12 x 8 squares of 10 mm, markers of 6.8 mm from the dictionary 4x4_100."""


def charuco_board() -> cv2.aruco.CharucoBoard:
    """The board that `edge-calib capture lens` expects; lengths in mm."""
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_100)
    return cv2.aruco.CharucoBoard((BOARD_COLUMNS, BOARD_ROWS), SQUARE_MM, MARKER_MM, dictionary)


def board_picture(px_per_mm: float = 10.0, margin_mm: float = 10.0) -> NDArray[np.uint8]:
    """The board as grey uint8, black on white with a white rim, to print or to render."""
    size_px = (
        round((BOARD_COLUMNS * SQUARE_MM + 2 * margin_mm) * px_per_mm),
        round((BOARD_ROWS * SQUARE_MM + 2 * margin_mm) * px_per_mm),
    )
    drawn = charuco_board().generateImage(size_px, marginSize=round(margin_mm * px_per_mm))
    return np.asarray(drawn, np.uint8)
