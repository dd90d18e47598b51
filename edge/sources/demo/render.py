"""Renders any frame of the demo throat: the canvas in the pose of the moment, then fog, defocus and noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_SHAPE, FRAME_WIDTH_PX
from edge.pictures.image import Image
from edge.sources.demo import optics
from edge.sources.demo.motion import Pose, UvulaSwing, pose_at, strip_affine
from edge.sources.demo.scene import HIGHEST_CODE, Scene, paint

Canvas = NDArray[np.uint8]
"""RGBA, uint8: OpenCV warps four channels more than twice as fast as three. The fourth is not used."""

_STRIP_ROWS = 40
_SLOPE_STEPS = 64
_SLOPE_REACH = 0.15
_RING_SLOPE, _RING_WIDTH = 0.035, 0.030
"""The ring light mirrored in wet tissue: slope of its middle line and width of the lit band."""


@dataclass(frozen=True)
class DemoFrame:
    """One moment of the demo, twice.

    Attributes:
        degraded: as the camera sees it, RGB uint8 (1080, 1920, 3).
        truth: the same moment without fog, defocus and noise.
    """

    degraded: Image
    truth: Image


class Glints:
    """The highlights on wet tissue: they wander over it as the hand moves the light."""

    def __init__(self, scene: Scene, canvas: Canvas) -> None:
        self._pixels = canvas.reshape(-1, 4).view(np.uint32).reshape(-1)
        self._index = scene.glint_index
        dry = np.ascontiguousarray(self._pixels[self._index]).view(np.uint8).astype(np.int16)
        self._dry = dry
        gain = np.repeat(scene.glint_gain, 4)
        self._room = np.asarray((HIGHEST_CODE - dry) * gain, np.int16)
        step = np.clip((scene.glint_slope / _SLOPE_REACH + 1) * (_SLOPE_STEPS / 2), 0, _SLOPE_STEPS - 1).astype(
            np.int64
        )
        self._cell = step[:, 1] * _SLOPE_STEPS + step[:, 0]
        axis = ((np.arange(_SLOPE_STEPS, dtype=np.float32) + 0.5) / (_SLOPE_STEPS / 2) - 1) * np.float32(_SLOPE_REACH)
        self._slope_x, self._slope_y = np.meshgrid(axis, axis)

    def draw(self, pose: Pose) -> None:
        """Rewrite the glinting pixels of the canvas for this pose."""
        x = self._slope_x + np.float32(pose.shift_x_px * 0.0014)
        y = self._slope_y + np.float32(pose.shift_y_px * 0.0014 + pose.palate_px * 0.002)
        off = (np.hypot(x, y) - np.float32(_RING_SLOPE)) / np.float32(_RING_WIDTH)
        bright = np.rint(128 * np.exp(-(off**4))).astype(np.uint8)
        glow = (bright.ravel().astype(np.uint32) * np.uint32(0x01010101))[self._cell].view(np.uint8)
        wet = np.multiply(self._room, glow, dtype=np.int16, casting="unsafe")
        wet >>= 7
        wet += self._dry
        self._pixels[self._index] = wet.astype(np.uint8).view(np.uint32)


class DemoRenderer:
    """Frame n of a seed is always the same pixels, whichever frames were rendered before.

    Args:
        seed: the person, and how hand, breath and focus go.
        fps: frames per second of the moments.
        spread: how far other seeds differ from seed 0; 1 is what is common.
    """

    def __init__(self, seed: int, fps: float = 30.0, spread: float = 1.0) -> None:
        self._fps = fps
        self._seed = seed
        scene = paint(seed, spread)
        self._sharp = np.asarray(cv2.cvtColor(scene.canvas, cv2.COLOR_RGB2RGBA), np.uint8)
        self._glints = Glints(scene, self._sharp)
        self._uvula = UvulaSwing(scene)
        self._uvula_at_rest = self._sharp[self._uvula.box].copy()
        self._phase = float(np.random.default_rng((seed, 0x90)).uniform(0, 2 * math.pi))
        self._glints.draw(pose_at(0, self._phase))
        self._at_rest = self._sharp.copy()
        self._blurred: list[Canvas] = []
        self._mixed = np.empty_like(self._sharp)
        self._cut = np.empty((_STRIP_ROWS, FRAME_WIDTH_PX, 4), np.uint8)
        self._noise = optics.Noise(seed, FRAME_SHAPE)
        self._fog = optics.Fog(seed, scene.canvas)

    def truth(self, index: int) -> Image:
        """The clean frame."""
        pose = self._pose(index)
        return self._cut_out(self._posed(pose, 0.0), pose, lambda strip, top: None)

    def degraded(self, index: int) -> Image:
        """The frame as the camera sees it."""
        pose, time_s = self._pose(index), index / self._fps
        canvas = self._posed(pose, optics.defocus_at(time_s, self._phase))
        transmission = self._fog.transmission(time_s)
        sheet = optics.FogSheet(self._fog, transmission)
        place = self._noise.place(index)

        def degrade(strip: Image, top: int) -> None:
            sheet.lay(strip, top)
            self._noise.add(strip, top, place)

        return self._cut_out(canvas, pose, degrade)

    def _pose(self, index: int) -> Pose:
        return pose_at(index / self._fps, self._phase)

    def _posed(self, pose: Pose, defocus_px: float) -> Canvas:
        """The canvas with glints and uvula as in the pose, out of focus by a disc of this radius."""
        self._sharp[self._uvula.box] = self._uvula_at_rest
        self._glints.draw(pose)
        canvas = self._out_of_focus(defocus_px)
        self._uvula.bend(canvas, pose.uvula_px)
        return canvas

    def _cut_out(self, canvas: Canvas, pose: Pose, finish: Callable[[Image, int], None]) -> Image:
        """The frame at a pose, in strips that stay in the cache until `finish` has done with them."""
        image = np.empty(FRAME_SHAPE, np.uint8)
        size = (FRAME_WIDTH_PX, _STRIP_ROWS)
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        for top in range(0, FRAME_HEIGHT_PX, _STRIP_ROWS):
            matrix = strip_affine(pose, top, _STRIP_ROWS)
            cv2.warpAffine(canvas, matrix, size, dst=self._cut, flags=how, borderMode=cv2.BORDER_REPLICATE)
            strip = image[top : top + _STRIP_ROWS]
            cv2.cvtColor(self._cut, cv2.COLOR_RGBA2RGB, dst=strip)
            finish(strip, top)
        return image

    def _out_of_focus(self, radius_px: float) -> Canvas:
        """The canvas defocused by a disc: a mixture of the two nearest blurred beforehand."""
        if radius_px < 0.1:
            return self._sharp
        if not self._blurred:
            self._blurred = [optics.defocused(self._at_rest, radius) for radius in optics.DEFOCUS_PX[1:]]
        levels = [self._sharp, *self._blurred]
        radii = optics.DEFOCUS_PX
        upper = next((i for i, radius in enumerate(radii) if radius >= radius_px), len(radii) - 1)
        share = min(1.0, (radius_px - radii[upper - 1]) / (radii[upper] - radii[upper - 1]))
        cv2.addWeighted(levels[upper - 1], 1 - share, levels[upper], share, 0, dst=self._mixed)
        return self._mixed
