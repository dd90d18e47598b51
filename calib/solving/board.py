"""The ChArUco board in a picture: which corners are seen, and which parts of the view have been covered."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.calibration.targets import charuco_board
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX
from edge.pictures.image import Image

MIN_CORNERS = 20
COVER_COLUMNS, COVER_ROWS = 8, 5


@dataclass(frozen=True)
class Board:
    """Corners of one picture.

    Attributes:
        corners_px: x and y, (N, 2); ids: their numbers on the board, (N,).
        points_mm: where they are on the board, z = 0, (N, 3).
    """

    corners_px: NDArray[np.float32]
    ids: NDArray[np.int32]
    points_mm: NDArray[np.float32]


class BoardFinder:
    """Finds the board of `edge.calibration.targets.charuco_board`."""

    def __init__(self) -> None:
        self._board = charuco_board()
        self._detector = cv2.aruco.CharucoDetector(self._board)
        self._all_mm = np.asarray(self._board.getChessboardCorners(), np.float32)

    def find(self, image: Image) -> Board | None:
        """The board's corners to a fraction of a pixel; None where too few are seen."""
        grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
        corners, ids, _, _ = self._detector.detectBoard(grey)
        if ids is None or len(ids) < MIN_CORNERS:
            return None
        numbers = np.asarray(ids, np.int32).ravel()
        until = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-3)
        places = np.asarray(corners, np.float32).reshape(-1, 1, 2).copy()
        refined = cv2.cornerSubPix(grey, places, (4, 4), (-1, -1), until)
        return Board(np.asarray(refined, np.float32).reshape(-1, 2), numbers, self._all_mm[numbers])


def coverage(boards: list[Board]) -> NDArray[np.bool_]:
    """Which cells of the view held a corner in any picture, (5, 8)."""
    covered = np.zeros((COVER_ROWS, COVER_COLUMNS), np.bool_)
    for board in boards:
        columns = np.clip(board.corners_px[:, 0] * COVER_COLUMNS / FRAME_WIDTH_PX, 0, COVER_COLUMNS - 1).astype(int)
        rows = np.clip(board.corners_px[:, 1] * COVER_ROWS / FRAME_HEIGHT_PX, 0, COVER_ROWS - 1).astype(int)
        covered[rows, columns] = True
    return covered
