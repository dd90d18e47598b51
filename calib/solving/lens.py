"""The lens: intrinsics and distortion from pictures of the board, the model chosen by what it was not fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.solving.board import MIN_CORNERS, Board, coverage
from edge.basics.errors import InputOutputError
from edge.calibration.calibration import Lens, LensModel
from edge.calibration.lens import projected
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX

MIN_VIEWS = 8
MIN_COVERED = 0.6
MIN_TILTS_DEGREES = 20.0
MAX_RMS_PX = 1.0
_FOLDS = 4
_SIZE = (FRAME_WIDTH_PX, FRAME_HEIGHT_PX)
_UNTIL = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-8)
_OUTLIER, _LEAST_OUTLIER_PX = 6.0, 0.5
"""A corner this many medians off, and half a pixel, was misread: glare, dust, an edge for a corner."""
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class LensFit:
    """A fitted lens.

    Attributes:
        held_out_px: model -> reprojection error on pictures that it was not fitted to.
        corners_px: every corner used, (N, 2); errors_px: where it was less where the model puts it, (N, 2).
        tilts_degrees: angle between the two most different sides that the board was seen from.
    """

    lens: Lens
    held_out_px: dict[str, float]
    corners_px: NDArray[np.float32]
    errors_px: NDArray[np.float64]
    covered: NDArray[np.bool_]
    tilts_degrees: float


def solve_lens(boards: list[Board], name: str = "lens") -> LensFit:
    """Fit both models, each judged on the views of the other folds, and keep the better.

    Raises:
        InputOutputError: too few views, too little of the view covered, or the board seen from one side only.
    """
    if len(boards) < MIN_VIEWS:
        raise InputOutputError(f"{name}: the board is found in {len(boards)} pictures, expected at least {MIN_VIEWS}; "
                               "capture it again")  # fmt: skip
    covered = coverage(boards)
    if covered.mean() < MIN_COVERED:
        raise InputOutputError(f"{name}: the board covered {covered.mean():.0%} of the view, expected at least "
                               f"{MIN_COVERED:.0%}; capture it again with the board in every corner")  # fmt: skip
    held_out = {model: _held_out_px(model, boards) for model in ("radial", "fisheye")}
    model: LensModel = "radial" if held_out["radial"] <= held_out["fisheye"] else "fisheye"
    boards = _without_outliers(boards, _errors(boards, *_fitted(model, boards)))
    lens, poses = _fitted(model, boards)
    tilts = _tilts_degrees(poses)
    if tilts < MIN_TILTS_DEGREES:
        raise InputOutputError(f"{name}: the board was seen from one side only: its tilts differ by {tilts:.0f} "
                               f"degrees, expected at least {MIN_TILTS_DEGREES:.0f}; tilt it to every side and "
                               "capture it again")  # fmt: skip
    if lens.rms_px > MAX_RMS_PX:
        raise InputOutputError(f"{name}: no lens model fits: {lens.rms_px:.2f} px rms, expected under {MAX_RMS_PX}; "
                               "is the board flat, and printed to scale? capture it again")  # fmt: skip
    errors = _errors(boards, lens, poses)
    corners = np.concatenate([board.corners_px for board in boards])
    return LensFit(lens, held_out, corners, np.concatenate(errors), covered, tilts)


def _errors(boards: list[Board], lens: Lens, poses: list[tuple[Doubles, Doubles]]) -> list[Doubles]:
    """Where the corners of each board were seen less where the model puts them, px."""
    return [
        board.corners_px - projected(lens, directions_of(board.points_mm, *pose))
        for board, pose in zip(boards, poses, strict=True)
    ]


def _without_outliers(boards: list[Board], errors: list[Doubles]) -> list[Board]:
    lengths = [np.linalg.norm(error, axis=1) for error in errors]
    limit = max(_LEAST_OUTLIER_PX, _OUTLIER * float(np.median(np.concatenate(lengths))))
    kept = [length < limit for length in lengths]
    return [
        Board(board.corners_px[keep], board.ids[keep], board.points_mm[keep])
        for board, keep in zip(boards, kept, strict=True)
        if np.count_nonzero(keep) >= MIN_CORNERS
    ]


def _fitted(model: str, boards: list[Board]) -> tuple[Lens, list[tuple[Doubles, Doubles]]]:
    """The lens, and rotation and translation of each board."""
    points = [board.points_mm.reshape(1, -1, 3).astype(np.float64) for board in boards]
    corners = [board.corners_px.reshape(1, -1, 2).astype(np.float64) for board in boards]
    guess: Any = np.array([[1000.0, 0, _SIZE[0] / 2 - 0.5], [0, 1000.0, _SIZE[1] / 2 - 0.5], [0, 0, 1]])
    if model == "fisheye":
        where: Any = cv2 if hasattr(cv2, "CALIB_FIX_SKEW") else cv2.fisheye  # OpenCV 5 moved the names
        flags = where.CALIB_RECOMPUTE_EXTRINSIC | where.CALIB_FIX_SKEW
        found = cv2.fisheye.calibrate(points, corners, _SIZE, guess, np.zeros(4), flags=flags, criteria=_UNTIL)
    else:
        flat = [one.astype(np.float32) for one in points]
        seen = [one.astype(np.float32) for one in corners]
        found = cv2.calibrateCamera(flat, seen, _SIZE, guess, np.zeros(5), flags=cv2.CALIB_USE_INTRINSIC_GUESS)
    rms, matrix, distortion, rotations, translations = found
    camera = np.asarray(matrix, np.float64)
    lens = Lens(
        "fisheye" if model == "fisheye" else "radial",
        (float(camera[0, 0]), float(camera[1, 1])),
        (float(camera[0, 2]), float(camera[1, 2])),
        tuple(float(value) for value in np.ravel(distortion)),
        float(rms),
    )
    poses = [
        (np.ravel(rotation).astype(np.float64), np.ravel(translation).astype(np.float64))
        for rotation, translation in zip(rotations, translations, strict=True)
    ]
    return lens, poses


def _held_out_px(model: str, boards: list[Board]) -> float:
    """Root mean square error on views that were left out; infinite where the model does not fit at all.

    The pose of a left-out view is solved from every other of its corners, the rest are judged.
    """
    squares: list[Doubles] = []
    for fold in range(_FOLDS):
        kept = [board for number, board in enumerate(boards) if number % _FOLDS != fold]
        try:
            lens, _ = _fitted(model, kept)
        except cv2.error:
            return float("inf")
        for board in boards[fold::_FOLDS]:
            error = _left_out_error(lens, board)
            if error is not None:
                squares.append(np.square(error).sum(axis=1))
    return float(np.sqrt(np.concatenate(squares).mean())) if squares else float("inf")


def _left_out_error(lens: Lens, board: Board) -> Doubles | None:
    corners, distortion = board.corners_px.astype(np.float64).reshape(-1, 1, 2), np.array(lens.distortion)
    undo = cv2.fisheye.undistortPoints if lens.model == "fisheye" else cv2.undistortPoints
    ideal = np.asarray(undo(corners, lens.matrix, distortion), np.float64)
    points = np.ascontiguousarray(board.points_mm[::2], np.float64)
    seen = np.ascontiguousarray(ideal.reshape(-1, 2)[::2])
    solved, rotation, translation = cv2.solvePnP(points, seen, np.eye(3), np.zeros(4))
    if not solved:
        return None
    pose = np.ravel(rotation).astype(np.float64), np.ravel(translation).astype(np.float64)
    return board.corners_px[1::2] - projected(lens, directions_of(board.points_mm[1::2], *pose))


def directions_of(points_mm: NDArray[np.float32], rotation: Doubles, translation: Doubles) -> Doubles:
    """Directions (x, y, 1) in which the camera sees points of a posed board, (N, 2)."""
    turned, _ = cv2.Rodrigues(rotation)
    seen = points_mm.astype(np.float64) @ np.asarray(turned, np.float64).T + translation
    return np.asarray(seen[:, :2] / seen[:, 2:], np.float64)


def _tilts_degrees(poses: list[tuple[Doubles, Doubles]]) -> float:
    normals = np.array([np.asarray(cv2.Rodrigues(rotation)[0], np.float64)[:, 2] for rotation, _ in poses])
    return float(np.degrees(np.arccos(np.clip(normals @ normals.T, -1, 1).min())))
