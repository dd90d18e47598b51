"""Live guidance: what keeps a frame of a target from being taken, in words; one judge a target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.capture.look import Look
from calib.solving.board import Board, BoardFinder, coverage
from calib.solving.chart import NoChart, find_chart
from calib.solving.dark import MAX_DARK
from calib.solving.lens import MIN_COVERED, MIN_TILTS_DEGREES
from calib.solving.light import MAX_SATURATED
from calib.solving.white import MAX_UNEVEN, middle
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX
from edge.pictures.perceptual_hash import hamming_distance, perceptual_hash

MAX_MOTION = 0.01
MAX_MOTION_IN_USE = 0.06
MIN_SHARPNESS = 1.5
MIN_SHARPNESS_IN_USE = 1.15
MIN_BITS_APART = 13
"""Scenes whose perceptual hashes differ in fewer bits look alike (`trainer.prepare.duplicates`)."""
_NEW_PLACE = 0.003
_NEW_POSE = 0.04
_ENOUGH_COVERED = MIN_COVERED + 0.05
_ENOUGH_TILTS = MIN_TILTS_DEGREES + 10
_TYPICAL_FOCAL_PX = 1000.0


@dataclass(frozen=True)
class Check:
    """One condition: its name, whether it holds, what was measured, and what to do where it does not hold."""

    name: str
    ok: bool
    measured: str
    words: str = ""


@dataclass(frozen=True)
class Advice:
    """What is said of a frame.

    Attributes:
        points: x and y of what was found, of the frame's width and height.
        covered: cells of the view that the board has been in.
        about: what is kept of the frame in `session.json`.
    """

    checks: tuple[Check, ...]
    points: tuple[tuple[float, float], ...] = ()
    covered: tuple[tuple[bool, ...], ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        return all(check.ok for check in self.checks)

    @property
    def words(self) -> str:
        """The first thing to mend; empty when all is right."""
        return next((check.words for check in self.checks if not check.ok), "")

    @property
    def fault(self) -> str:
        """The name of the first check that does not hold; empty when all is right."""
        return next((check.name for check in self.checks if not check.ok), "")


class Judge(Protocol):
    """Judges the frames of one target."""

    def judge(self, look: Look, before: Look | None) -> Advice:
        """Advice on a frame; `before` is the one before it."""
        ...

    def taken(self, look: Look, advice: Advice) -> None:
        """This frame was taken."""
        ...


def _exposure(look: Look, low: float, high: float) -> Check:
    measured = f"brightest part at {look.brightest:.0%} of full scale"
    if look.brightest < low:
        words = f"Too dark: the {measured}, aim for {low:.0%} to {high:.0%}. Raise the exposure or the light."
    else:
        words = f"Too bright: the {measured}, aim for {low:.0%} to {high:.0%}. Lower the exposure or the light."
    return Check("exposure", low <= look.brightest <= high, measured, words)


def _saturation(look: Look) -> Check:
    measured = f"{look.saturated:.2%} of the pixels saturated"
    return Check("saturation", look.saturated <= MAX_SATURATED, measured, f"Saturated: {measured}. Lower the exposure, "
                 "or turn the target so that it does not mirror the light.")  # fmt: skip


def _stillness(look: Look, before: Look | None, limit: float = MAX_MOTION) -> Check:
    moved = look.moved(before)
    return Check("motion", moved <= limit, f"{min(moved, 9.99):.1%} change from frame to frame", "Hold still.")


def _focus(look: Look, least: float = MIN_SHARPNESS) -> Check:
    sharpness = look.sharpness()
    measured = f"sharpness {sharpness:.2f}, at least {least}"
    return Check("sharpness", sharpness >= least, measured, "Out of focus: change the distance, or clean the window.")


class DarkJudge:
    """Cap on, nothing to see."""

    def judge(self, look: Look, before: Look | None) -> Advice:
        measured = f"brightest part at {look.brightest:.0%} of full scale"
        words = f"Light comes in: the {measured}. Put the cap on."
        dark = Check("darkness", look.brightest <= MAX_DARK, measured, words)
        return Advice((dark,))

    def taken(self, look: Look, advice: Advice) -> None:
        return None


class FlatJudge:
    """A plain card fills the view; between two frames it is moved."""

    def __init__(self) -> None:
        self._last: Look | None = None

    def judge(self, look: Look, before: Look | None) -> Advice:
        smooth = cv2.GaussianBlur(look.cells, (0, 0), 6)
        rough = float(np.quantile(np.abs(look.cells / np.maximum(smooth, 1e-3) - 1), 0.9))
        plain = Check("plainness", rough < 0.15, f"{rough:.1%} unevenness beside fall-off",
                      "The card does not fill the view, or is not plain: use a matt white card alone.")  # fmt: skip
        moved = 1.0 if self._last is None else look.moved(self._last)
        place = Check("position", moved > _NEW_PLACE, f"{min(moved, 9.99):.1%} change from the last frame taken",
                      "Move or turn the card a little, then hold it still.")  # fmt: skip
        return Advice((_saturation(look), _exposure(look, 0.2, 0.9), plain, place, _stillness(look, before)))

    def taken(self, look: Look, advice: Advice) -> None:
        self._last = look


class WhiteJudge:
    """A grey card in the middle."""

    def judge(self, look: Look, before: Look | None) -> Advice:
        card = middle(look.cells)
        low, high = np.quantile(card[..., 1], (0.05, 0.95))
        uneven = float((high - low) / max(float(np.median(card[..., 1])), 1e-3))
        even = Check("evenness", uneven < MAX_UNEVEN, f"brightness of the middle spreads by {uneven:.0%}",
                     "Fill the middle of the picture with the grey card alone.")  # fmt: skip
        return Advice((_saturation(look), _exposure(look, 0.12, 0.85), even, _stillness(look, before)))

    def taken(self, look: Look, advice: Advice) -> None:
        return None


class ChartJudge:
    """The 24-patch chart, whole and upright."""

    def judge(self, look: Look, before: Look | None) -> Advice:
        found = find_chart(look.image)
        common = (_exposure(look, 0.1, 0.95), _saturation(look), _stillness(look, before))
        if isinstance(found, NoChart):
            words = f"{found.words[0].upper()}{found.words[1:]}."
            return Advice((*common, Check("chart", False, "not found", words)))
        points = _of_frame(np.concatenate([found.outline, found.centres]))
        return Advice((*common, Check("chart", True, "all 24 patches found"), _focus(look)), points)

    def taken(self, look: Look, advice: Advice) -> None:
        return None


class LensJudge:
    """The ChArUco board in every part of the view, from every side."""

    def __init__(self, wanted: int, earlier: Iterable[Board] = ()) -> None:
        self._wanted = wanted
        self._finder = BoardFinder()
        self._boards: list[Board] = list(earlier)
        self._poses = [_pose(board) for board in self._boards]
        self._seen: Board | None = None

    def judge(self, look: Look, before: Look | None) -> Advice:
        self._seen = board = self._finder.find(look.image)
        covered = coverage(self._boards)
        cells = tuple(tuple(bool(cell) for cell in row) for row in covered)
        common = (_exposure(look, 0.08, 0.95), _saturation(look))
        if board is None:
            words = "The board is not seen: bring it into view, whole or in part, evenly lit."
            return Advice((*common, Check("board", False, "not found", words)), covered=cells)
        found = Check("board", True, f"{len(board.ids)} corners found")
        checks = (*common, found, self._newness(board, covered), _focus(look), _stillness(look, before))
        return Advice(checks, _of_frame(board.corners_px), cells)

    def taken(self, look: Look, advice: Advice) -> None:
        assert self._seen is not None, "a frame is taken only with the board in it"
        self._boards.append(self._seen)
        self._poses.append(_pose(self._seen))

    def _newness(self, board: Board, covered: NDArray[np.bool_]) -> Check:
        """In the first half any new pose; after that what the fit still lacks."""
        pose = _pose(board)
        apart = min((float(np.abs(pose.outline - other.outline).mean()) for other in self._poses), default=1.0)
        measured = f"{covered.mean():.0%} of the view covered"
        if apart < _NEW_POSE:
            return Check("coverage", False, measured, "Taken. Move the board to another place and tilt it another way.")
        if len(self._boards) < self._wanted / 2:
            return Check("coverage", True, measured)
        adds = (coverage([board]) & ~covered).any()
        if covered.mean() < _ENOUGH_COVERED and not adds:
            return Check("coverage", False, measured, f"Bring the board to the {_where_missing(covered)} of the view.")
        tilts = _tilts([*self._poses, pose])
        if tilts < _ENOUGH_TILTS and len(self._boards) >= self._wanted * 0.75:
            return Check("coverage", False, measured, "Tilt the board to another side, by 20 degrees and more.")
        return Check("coverage", True, measured)


class ScenesJudge:
    """Pictures in use, each unlike every other."""

    def __init__(self, earlier: Iterable[int] = ()) -> None:
        self._hashes = list(earlier)

    def judge(self, look: Look, before: Look | None) -> Advice:
        found = perceptual_hash(look.image)
        nearest = min((hamming_distance(found, other) for other in self._hashes), default=64)
        unlike = Check("difference", nearest >= MIN_BITS_APART, f"{nearest} of 64 bits from the nearest taken",
                       "Much like one that is taken: show another place, distance or light.")  # fmt: skip
        lit = _exposure(look, 0.06, 1.0)
        glare = Check("saturation", look.saturated < 0.1, f"{look.saturated:.1%} of the pixels saturated",
                      "Much of the picture is saturated: lower the light.")  # fmt: skip
        still = _stillness(look, before, MAX_MOTION_IN_USE)
        about = {"phash": f"{found:016x}"}
        return Advice((lit, glare, still, unlike, _focus(look, MIN_SHARPNESS_IN_USE)), about=about)

    def taken(self, look: Look, advice: Advice) -> None:
        self._hashes.append(int(advice.about["phash"], 16))


@dataclass(frozen=True)
class _Pose:
    """A board's four outer corners in the frame, of its width, (4, 2), and its normal, roughly."""

    outline: NDArray[np.float64]
    normal: NDArray[np.float64]


def _pose(board: Board) -> _Pose:
    """By an ideal lens of 1000 px: enough to tell one side from another."""
    corners = np.array([[0, 0, 0], [120, 0, 0], [120, 80, 0], [0, 80, 0]], np.float64)
    matrix = np.array([[_TYPICAL_FOCAL_PX, 0, 959.5], [0, _TYPICAL_FOCAL_PX, 539.5], [0, 0, 1]])
    points = board.points_mm.astype(np.float64)
    _, rotation, translation = cv2.solvePnP(points, board.corners_px.astype(np.float64), matrix, np.zeros(4))
    outline, _ = cv2.projectPoints(corners, rotation, translation, matrix, np.zeros(4))
    turned, _ = cv2.Rodrigues(rotation)
    shown = np.asarray(outline, np.float64).reshape(4, 2) / FRAME_WIDTH_PX
    return _Pose(np.clip(shown, -1, 2), np.asarray(turned, np.float64)[:, 2])


def _tilts(poses: list[_Pose]) -> float:
    normals = np.array([pose.normal for pose in poses])
    return float(np.degrees(np.arccos(np.clip(normals @ normals.T, -1, 1).min())))


def _where_missing(covered: NDArray[np.bool_]) -> str:
    """Words for the uncovered cell that is farthest from the middle."""
    rows, columns = covered.shape
    missing = np.argwhere(~covered)
    off = missing - np.array([(rows - 1) / 2, (columns - 1) / 2])
    row, column = missing[int(np.abs(off / [rows, columns]).sum(axis=1).argmax())]
    down = ("upper", "middle", "lower")[int(3 * row // rows)]
    across = ("left", "middle", "right")[int(3 * column // columns)]
    return down if (down, across) == ("middle", "middle") else f"{down} {across}"


def _of_frame(points_px: NDArray[Any]) -> tuple[tuple[float, float], ...]:
    scaled = np.round(points_px / (FRAME_WIDTH_PX, FRAME_HEIGHT_PX), 4)
    return tuple((float(x), float(y)) for x, y in scaled)
