"""A camera unit of the demo with known faults: dark level, fall-off, colour cast, distortion, hot pixels, dust, noise.

Light at the sensor is `dark + hot + dust * fall_off * (cast @ scene)`, all in linear light with 1 as full scale;
the scene is seen through the lens. Noise has a read part and a shot part; codes are sRGB, 8 bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.colour import FULL_STEP, codes_from_steps
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_SHAPE, FRAME_WIDTH_PX
from edge.pictures.image import Image
from edge.sources.demo.texture import Plane, plane

LensModel = Literal["radial", "fisheye"]
Doubles = NDArray[np.float64]
Scene = Callable[[Plane, Plane], NDArray[np.float32]]
"""Linear light (H, W, 3) seen in the directions (x, y, 1) of an ideal camera, x and y of shape (H, W)."""

_NUM_HOT = 80
_NUM_HOT_MAX_LIGHT = 0.6
_LEAST_HOT_LIGHT = 0.03
_SHOT = 1e-4
_TYPICAL_CAST = np.array([[0.64, 0.12, 0.02], [0.09, 0.83, 0.08], [0.01, 0.14, 0.47]])
_ROOM_Y, _ROOM_X = 192, 320
_GRID_PX = 8
_INVERSE_STEPS = 60
_INVERSE_TOLERANCE = 1e-15
_DUST_REACH = 2.2
"""In radii: beyond it exp(-distance**4) no longer changes a float32."""


@dataclass(frozen=True)
class Dust:
    """A soft spot on the window: it takes `depth` of the light at its middle; a droplet gives some, depth < 0."""

    x_px: float
    y_px: float
    radius_px: float
    depth: float


@dataclass(frozen=True)
class UnitTruth:
    """What is wrong with a unit, exactly.

    Attributes:
        dark: linear light that the sensor shows of no light, (3,).
        cast: (3, 3), sensor colour of linear sRGB light.
        corner: light that is left in the farthest corner, of 1 in the brightest place.
        bright_px: x and y of the brightest place.
        camera: (3, 3) intrinsics, px; distortion: OpenCV's k1 k2 p1 p2 k3, or fisheye's k1 to k4.
        hot_px: (N, 2) rows and columns; hot_light: (N, 3) linear light that they add.
        read_noise: standard deviation of every reading, of full scale.
    """

    serial: str
    lens: LensModel
    dark: Doubles
    cast: Doubles
    corner: float
    bright_px: tuple[float, float]
    camera: Doubles
    distortion: Doubles
    hot_px: NDArray[np.int64]
    hot_light: NDArray[np.float32]
    dust: tuple[Dust, ...]
    read_noise: float

    def fall_off(self) -> NDArray[np.float32]:
        """Light that reaches each pixel, (H, W, 3), 1 at the brightest; a little warmer to the rim."""
        y, x = np.mgrid[:FRAME_HEIGHT_PX, :FRAME_WIDTH_PX].astype(np.float32)
        squared = (x - self.bright_px[0]) ** 2 + (y - self.bright_px[1]) ** 2
        farthest = max(squared[0, 0], squared[0, -1], squared[-1, 0], squared[-1, -1])
        power = np.array([1.96, 2.0, 2.03], np.float32)
        spread = self.corner**-0.5 - 1
        return plane((1 + np.float32(spread) * squared / farthest)[..., None] ** -power)

    def dust_map(self) -> Plane:
        """Light that the dust lets pass, (H, W)."""
        passed = np.ones(FRAME_SHAPE[:2], np.float32)
        for spot in self.dust:
            reach = _DUST_REACH * spot.radius_px
            top, left = max(int(spot.y_px - reach), 0), max(int(spot.x_px - reach), 0)
            around = passed[top : int(spot.y_px + reach) + 2, left : int(spot.x_px + reach) + 2]
            y, x = np.indices(around.shape, np.float32)
            off_y, off_x = y + np.float32(top) - np.float32(spot.y_px), x + np.float32(left) - np.float32(spot.x_px)
            distance = np.hypot(off_x, off_y) / np.float32(spot.radius_px)
            around *= 1 - np.float32(spot.depth) * np.exp(-(distance**4))
        return passed


def unit_truth(
    serial: str, *, lens: LensModel = "radial", num_dust: int = 8, read_noise: float = 0.01, corner: float = 0.25
) -> UnitTruth:
    """The unit of a serial number, always the same; more dust leaves the first spots where they are."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(serial.encode()).digest()[:8], "big"))
    dark = rng.uniform(0.025, 0.04, 3)
    cast = _TYPICAL_CAST * rng.uniform(0.93, 1.07, (3, 3))
    middle = np.array([FRAME_WIDTH_PX, FRAME_HEIGHT_PX]) / 2 - 0.5
    bright_px = middle + rng.uniform(-60, 60, 2)
    wide = lens == "fisheye"
    focal_px = (780 if wide else 1150) * rng.uniform(0.95, 1.05)
    centre = middle + rng.uniform(-15, 15, 2)
    camera = np.array([[focal_px, 0, centre[0]], [0, focal_px * rng.uniform(0.998, 1.002), centre[1]], [0, 0, 1]])
    bend = rng.uniform(0.85, 1.15)
    radial = np.array([-0.22 * bend, 0.05 * bend, *rng.uniform(-5e-4, 5e-4, 2), 0.0])
    distortion = np.array([0.05, -0.02, 0.004, 0.0]) * bend if wide else radial
    places = rng.choice(FRAME_HEIGHT_PX * FRAME_WIDTH_PX, _NUM_HOT, replace=False)
    strength = rng.uniform(_LEAST_HOT_LIGHT, _NUM_HOT_MAX_LIGHT, (_NUM_HOT, 1))
    share = rng.dirichlet([0.6, 0.6, 0.6], _NUM_HOT)
    hot_light = (strength * share / share.max(axis=1, keepdims=True)).astype(np.float32)
    spots = np.random.default_rng(int(rng.integers(2**32)))
    dust = []
    for number in range(num_dust):
        x_px, y_px = spots.uniform(0.06, 0.94) * FRAME_WIDTH_PX, spots.uniform(0.08, 0.92) * FRAME_HEIGHT_PX
        depth = spots.uniform(0.10, 0.25) * (-0.6 if number % 4 == 3 else 1)
        dust.append(Dust(x_px, y_px, spots.uniform(7, 20), depth))
    return UnitTruth(
        serial, lens, dark, cast, corner, (float(bright_px[0]), float(bright_px[1])), camera, distortion,
        np.stack(np.unravel_index(places, FRAME_SHAPE[:2]), axis=-1), hot_light, tuple(dust), read_noise,
    )  # fmt: skip


def ideal_directions(truth: UnitTruth) -> tuple[Plane, Plane]:
    """Where each pixel of the distorted frame looks: x and y of the direction (x, y, 1), each (H, W).

    Solved on a grid of 8 px and linear in between: less than 0.01 px off, in a fisheye's corners 0.1.
    (OpenCV's cubic is off by 0.4, since it bends straight ramps.)
    """
    width, height = FRAME_WIDTH_PX // _GRID_PX + 5, FRAME_HEIGHT_PX // _GRID_PX + 5
    y, x = np.mgrid[:height, :width].astype(np.float64)
    # cv2.resize puts the centre of cell i at 8 i + 3.5; two cells of margin keep its border out of the frame.
    points = np.stack([(x - 2) * _GRID_PX + 3.5, (y - 2) * _GRID_PX + 3.5], axis=-1).reshape(-1, 1, 2)
    if truth.lens == "fisheye":
        solved = cv2.fisheye.undistortPoints(points, truth.camera, truth.distortion)
    else:
        solved = _undistorted(points, truth.camera, truth.distortion)
    grid = np.asarray(solved, np.float32).reshape(height, width, 2)
    size = (width * _GRID_PX, height * _GRID_PX)
    full = cv2.resize(grid, size, interpolation=cv2.INTER_LINEAR)
    cut = full[2 * _GRID_PX : 2 * _GRID_PX + FRAME_HEIGHT_PX, 2 * _GRID_PX : 2 * _GRID_PX + FRAME_WIDTH_PX]
    return plane(np.ascontiguousarray(cut[..., 0])), plane(np.ascontiguousarray(cut[..., 1]))


def _undistorted(points: Doubles, camera: Doubles, distortion: Doubles) -> Doubles:
    """Directions that project to the points; OpenCV's own inverse stops after five steps, some 0.1 px short."""
    wanted = (points.reshape(-1, 2) - camera[:2, 2]) / (camera[0, 0], camera[1, 1])
    still = np.zeros(3)
    x = wanted.copy()
    for _ in range(_INVERSE_STEPS):
        rays = np.column_stack([x, np.ones(len(x))])
        seen, _ = cv2.projectPoints(rays, still, still, np.eye(3), distortion)
        off = wanted - np.asarray(seen, np.float64).reshape(-1, 2)
        x += off
        if np.abs(off).max() < _INVERSE_TOLERANCE:
            break
    return np.asarray(x, np.float64)


@dataclass
class UnitCamera:
    """Turns scenes into the frames that a unit would give."""

    truth: UnitTruth
    directions: tuple[Plane, Plane] = field(init=False)

    def __post_init__(self) -> None:
        truth = self.truth
        self.directions = ideal_directions(truth)
        self._passed = truth.fall_off() * truth.dust_map()[..., None]
        self._cast = truth.cast.astype(np.float32)
        rng = np.random.default_rng(0x4015E)
        shape = (FRAME_HEIGHT_PX + _ROOM_Y, FRAME_WIDTH_PX + _ROOM_X, 3)
        self._tile = rng.standard_normal(shape, np.float32)

    def signal(self, scene: Scene | None, exposure: float = 1.0) -> NDArray[np.float32]:
        """What the sensor would read of a scene without noise, (H, W, 3); None is a capped lens."""
        light = np.zeros(FRAME_SHAPE, np.float32)
        if scene is not None:
            light = plane(cv2.transform(scene(*self.directions), self._cast)) * self._passed * np.float32(exposure)
        light += self.truth.dark.astype(np.float32)
        light[self.truth.hot_px[:, 0], self.truth.hot_px[:, 1]] += self.truth.hot_light
        return light

    def frame(self, signal: NDArray[np.float32], index: int) -> Image:
        """A reading of the signal; `index` draws the noise, the same one the same noise."""
        row, column = (int(n) for n in np.random.default_rng((index, 0x9)).integers((0, 0), (_ROOM_Y, _ROOM_X)))
        noise = self._tile[row : row + FRAME_HEIGHT_PX, column : column + FRAME_WIDTH_PX]
        spread = cv2.sqrt(cv2.addWeighted(signal, _SHOT, signal, 0, self.truth.read_noise**2))
        reading = cv2.multiply(noise, spread)
        steps = cv2.addWeighted(signal, FULL_STEP, reading, FULL_STEP, 0, dtype=cv2.CV_16U)
        return codes_from_steps(np.asarray(steps, np.uint16))
