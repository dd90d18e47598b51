"""What a unit of the demo looks at: each calibration target in a row of positions, and the demo throat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.calibration.targets import CHART_CODES, CHART_COLUMNS, CHART_ROWS, board_picture
from edge.pictures.colour import linear_from_srgb
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX
from edge.pictures.image import Image
from edge.sources.demo.render import DemoRenderer
from edge.sources.demo.texture import Plane, plane
from edge.sources.demo.unit import Scene

TARGETS = ("dark", "flat", "white", "chart", "lens", "scenes", "throat")
"""`scenes` shows throats from many places, each held still; `throat` is one throat that moves as in use."""
GREY_CARD = 0.45
WHITE_CARD = 0.62
_PATCH_MM, _GAP_MM, _RIM_MM = 12.0, 2.0, 4.0
_PX_PER_MM = 8.0
_THROATS = 8
IDEAL_FOCAL_PX = 1000.0


@dataclass(frozen=True)
class Board:
    """A flat printed thing.

    Attributes:
        light: linear light (H, W, 3) with `px_per_mm` pixels a mm.
        ground: light of what lies around it.
    """

    light: NDArray[np.float32]
    ground: float

    def seen(self, rotation: NDArray[np.float64], at_mm: NDArray[np.float64]) -> Scene:
        """The scene with the board's middle at `at_mm`, turned by a rotation vector."""
        turned, _ = cv2.Rodrigues(rotation)
        height, width = self.light.shape[:2]
        to_mm = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, _PX_PER_MM]]) / _PX_PER_MM
        to_view = np.column_stack([turned[:, 0], turned[:, 1], at_mm]) @ to_mm
        to_px = np.linalg.inv(to_view).astype(np.float32)

        def scene(x: Plane, y: Plane) -> NDArray[np.float32]:
            u, v, w = (plane(row[0] * x + row[1] * y + row[2]) for row in to_px)
            ground = (self.ground,) * 3
            return plane(cv2.remap(self.light, u / w, v / w, cv2.INTER_LINEAR, None, cv2.BORDER_CONSTANT, ground))

        return scene


def _blurred(light: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    return plane(cv2.GaussianBlur(light, (0, 0), sigma_px))


def chart_board() -> Board:
    """The 24-patch chart: patches of 12 mm on black card."""
    width = CHART_COLUMNS * (_PATCH_MM + _GAP_MM) + 2 * _RIM_MM
    height = CHART_ROWS * (_PATCH_MM + _GAP_MM) + 2 * _RIM_MM
    light = np.full((round(height * _PX_PER_MM), round(width * _PX_PER_MM), 3), 0.012, np.float32)
    for number, colour in enumerate(linear_from_srgb(CHART_CODES)):
        row, column = divmod(number, CHART_COLUMNS)
        top, left = (round((_RIM_MM + _GAP_MM / 2 + n * (_PATCH_MM + _GAP_MM)) * _PX_PER_MM) for n in (row, column))
        side = round(_PATCH_MM * _PX_PER_MM)
        light[top : top + side, left : left + side] = colour
    return Board(_blurred(light, 1.0), 0.2)


def charuco() -> Board:
    """The board for the lens, printed with a contrast as paper has it."""
    grey = linear_from_srgb(board_picture(_PX_PER_MM)) * np.float32(0.60) + np.float32(0.03)
    return Board(_blurred(np.repeat(grey[..., None], 3, axis=2), 1.2), 0.2)


def _card(albedo: float, position: int) -> Scene:
    """A matt card that fills the view: a little tilted, fibres, and a faint mirror of the light that moves with it."""
    rng = np.random.default_rng((position, 0xCA4D))
    tilt = rng.uniform(-0.05, 0.05, 2)
    shine_x, shine_y = rng.uniform(-0.5, 0.5), rng.uniform(-0.3, 0.3)
    fibres = _blurred(rng.standard_normal((FRAME_HEIGHT_PX, FRAME_WIDTH_PX), np.float32), 2.0) * np.float32(0.06)

    def scene(x: Plane, y: Plane) -> NDArray[np.float32]:
        shine = 0.25 * np.exp(-((x - shine_x) ** 2 + (y - shine_y) ** 2) / (2 * 0.03**2))
        light = albedo * (1 + tilt[0] * x + tilt[1] * y) * (1 + fibres + shine)
        return np.repeat(plane(light)[..., None], 3, axis=2)

    return scene


def _grey_card(position: int) -> Scene:
    """The grey card in the middle of a dark bench."""
    card = _card(GREY_CARD, 100 + position)

    def scene(x: Plane, y: Plane) -> NDArray[np.float32]:
        outside = (np.abs(x) > 0.52) | (np.abs(y) > 0.34)
        return plane(np.where(outside[..., None], np.float32(0.08), card(x, y)))

    return scene


def _lens_pose(number: int, wide: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotation vector and place of the board: every part of the view, every side of it."""
    rng = np.random.default_rng((number, 0x1E45))
    column, row = number % 4, number // 4 % 3
    across, down = (column - 1.5) * 0.27 + rng.uniform(-0.05, 0.05), (row - 1) * 0.19 + rng.uniform(-0.03, 0.03)
    far_mm = rng.uniform(135, 175)
    if wide:
        across, down, far_mm = across * 1.9, down * 1.9, far_mm * 0.62
    rotation = np.array([rng.uniform(0.2, 0.5) * rng.choice([-1, 1]), rng.uniform(0.2, 0.5) * rng.choice([-1, 1]), 0])
    rotation[2] = rng.uniform(-0.3, 0.3)
    return rotation, np.array([across * far_mm, down * far_mm, far_mm])


class Throat:
    """Demo throats in use, each moment from another place."""

    def __init__(self) -> None:
        self._seed = -1
        self._renderer: DemoRenderer | None = None

    def in_use(self, index: int) -> Scene:
        """The first throat at a frame's moment, upright."""
        return throat_scene(self._renderer_of(0).degraded(index))

    def seen(self, position: int) -> Scene:
        """A throat from a place of its own."""
        rng = np.random.default_rng((position, 0x5CE))
        picture = self._renderer_of(position // _THROATS).degraded(37 * position)
        middle = (rng.uniform(-350, 350), rng.uniform(-200, 200))
        return throat_scene(picture, rng.uniform(-180, 180), rng.uniform(0.7, 1.6), middle)

    def _renderer_of(self, seed: int) -> DemoRenderer:
        if self._renderer is None or seed != self._seed:
            self._seed, self._renderer = seed, DemoRenderer(seed)
        return self._renderer


def throat_scene(
    picture: Image, turn_degrees: float = 0.0, zoom: float = 1.0, shift_px: tuple[float, float] = (0.0, 0.0)
) -> Scene:
    """A picture as an ideal camera sees it whose focal length is 1000 px, turned, zoomed and shifted."""
    light = linear_from_srgb(picture)
    affine = np.asarray(cv2.getRotationMatrix2D((0, 0), turn_degrees, 1 / zoom), np.float32) * IDEAL_FOCAL_PX
    middle = (FRAME_WIDTH_PX / 2 - 0.5 + shift_px[0], FRAME_HEIGHT_PX / 2 - 0.5 + shift_px[1])

    def scene(x: Plane, y: Plane) -> NDArray[np.float32]:
        u = affine[0, 0] * x + affine[0, 1] * y + np.float32(middle[0])
        v = affine[1, 0] * x + affine[1, 1] * y + np.float32(middle[1])
        return plane(cv2.remap(light, plane(u), plane(v), cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT))

    return scene


def target_scenes(target: str, wide: bool = False) -> Callable[[int], Scene | None]:
    """Position -> scene of one of `TARGETS`; None where the lens is capped. A wide lens is filled too."""
    if target == "dark":
        return lambda position: None
    if target == "flat":
        return lambda position: _card(WHITE_CARD, position)
    if target == "white":
        return _grey_card
    if target in ("scenes", "throat"):
        throat = Throat()
        return throat.seen if target == "scenes" else throat.in_use
    board = chart_board() if target == "chart" else charuco()
    if target == "lens":
        return lambda position: board.seen(*_lens_pose(position, wide))

    def chart_at(position: int) -> Scene:
        rng = np.random.default_rng((position, 0xC4A7))
        rotation = np.array([*rng.uniform(-0.06, 0.06, 2), rng.uniform(-0.08, 0.08)])
        return board.seen(rotation, np.array([*rng.uniform(-4, 4, 2), 105.0]))

    return chart_at
