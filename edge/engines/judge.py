"""Whether what an engine gave can be shown: it is held to the raw picture that it was made of.

Every eighth pixel of every eighth row is looked at, and means of 5x5 of these (40 px of the frame). That much
displacement is allowed everywhere, since a calibrated unit's lens is corrected on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frame import Image

_STEP_PX = 8
_WIDTH, _HEIGHT = 48, 27
_TILE_X, _TILE_Y = 8, 9
_SHIFT = 1
_HIGH_PASS = 9


@dataclass(frozen=True)
class JudgeLimits:
    """Limits, in levels of 255 where nothing else is said; `benchmarks/output_limits.py` measures them.

    Attributes:
        flat: spread of blocks under which a picture is one flat colour.
        shown: spread of the raw blocks from which a flat answer is wrong.
        texture: spread of a raw tile, its trend taken off, from which its structure can be compared.
        likeness: correlation of a tile with the raw one under which it is foreign.
        foreign: share of the comparable tiles that may be foreign.
        colour: how far the mean colour may leave the direction of the raw one, in shares of R, G and B.
        rough: mean step between samples 8 px apart that is noise where it is also `rough_gain` times the raw one's.
        moved: mean change of the raw blocks that an engine cannot answer by the same picture.
        same: change of the answer, of the raw one's change, under which it is the same picture.
    """

    flat: float = 1.0
    shown: float = 4.0
    texture: float = 2.0
    likeness: float = 0.4
    foreign: float = 0.3
    colour: float = 0.12
    rough: float = 30.0
    rough_gain: float = 5.0
    moved: float = 0.5
    same: float = 0.05


@dataclass(frozen=True)
class Statistics:
    """What a pair is judged by; see `JudgeLimits`. `foreign` and `num_tiles` count comparable tiles."""

    raw_spread: float
    spread: float
    level: float
    foreign: float
    num_tiles: int
    colour: float
    raw_rough: float
    rough: float
    moved: float
    change: float


class _Sample:
    """A picture's samples, its block means (27, 48, 3) and its luma without trend."""

    def __init__(self, image: Image) -> None:
        samples = np.ascontiguousarray(image[_STEP_PX // 2 :: _STEP_PX, _STEP_PX // 2 :: _STEP_PX])
        self.rough = cv2.norm(samples[:, 1:], samples[:, :-1], cv2.NORM_L1) / samples[:, 1:].size
        blocks = cv2.resize(samples.astype(np.float32), (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
        self.blocks: NDArray[Any] = blocks
        luma = cv2.transform(blocks, np.array([[0.299, 0.587, 0.114]], np.float32))
        self.spread = float(cv2.meanStdDev(luma)[1][0, 0])
        self.luma = luma - cv2.blur(luma, (_HIGH_PASS, _HIGH_PASS))
        self.mean = np.array(cv2.mean(blocks)[:3])


class OutputJudge:
    """Holds each enhanced picture to the raw one it was made of. For one thread; it remembers the pair before."""

    def __init__(self, limits: JudgeLimits | None = None) -> None:
        self.limits = limits or JudgeLimits()
        self._before: tuple[_Sample, _Sample] | None = None

    def fault(self, raw: Image, enhanced: Image) -> str:
        """What is wrong, in a few words; empty where nothing is.

        Args:
            raw, enhanced: RGB uint8 (1080, 1920, 3).
        """
        return self.verdict(self.measure(raw, enhanced))

    def forget(self) -> None:
        """Forget the pair before: another engine answers from now on."""
        self._before = None

    def measure(self, raw: Image, enhanced: Image) -> Statistics:
        """The statistics of a pair, RGB uint8 (1080, 1920, 3) each; the pair is then the one before."""
        before, after = _Sample(raw), _Sample(enhanced)
        moved = change = 0.0
        if self._before is not None:
            size = before.blocks.size
            moved = cv2.norm(before.blocks, self._before[0].blocks, cv2.NORM_L1) / size
            change = cv2.norm(after.blocks, self._before[1].blocks, cv2.NORM_L1) / size
        self._before = before, after
        foreign, num_tiles = self._foreign(before, after)
        return Statistics(
            before.spread, after.spread, float(after.mean.mean()), foreign, num_tiles,
            _off_colour(before.mean, after.mean), before.rough, after.rough, moved, change,
        )  # fmt: skip

    def verdict(self, found: Statistics) -> str:
        """What the statistics say, in a few words; empty where nothing is wrong."""
        limits = self.limits
        if found.spread < limits.flat and found.raw_spread > limits.shown:
            return "black" if found.level < 8 else "constant"
        if found.rough > limits.rough and found.rough > limits.rough_gain * found.raw_rough:
            return "it is noise"
        if found.moved > limits.moved and found.change < limits.same * found.moved and found.raw_spread > limits.shown:
            return "the same picture as before"
        if found.num_tiles >= 4 and found.foreign > limits.foreign:
            return "its structure is not the camera's"
        if found.colour > limits.colour:
            return "its colours are not the camera's"
        return ""

    def _foreign(self, before: _Sample, after: _Sample) -> tuple[float, int]:
        """Share of the comparable tiles that are foreign, and how many tiles are comparable."""
        num_tiles = foreign = 0
        for top in range(0, _HEIGHT, _TILE_Y):
            for left in range(0, _WIDTH, _TILE_X):
                tile = after.luma[top : top + _TILE_Y, left : left + _TILE_X]
                raw = before.luma[top : top + _TILE_Y, left : left + _TILE_X]
                if float(raw.std()) < self.limits.texture:
                    continue
                num_tiles += 1
                room = before.luma[
                    max(0, top - _SHIFT) : top + _TILE_Y + _SHIFT, max(0, left - _SHIFT) : left + _TILE_X + _SHIFT
                ]
                if (
                    float(tile.std()) < 0.5
                    or float(cv2.matchTemplate(room, tile, cv2.TM_CCOEFF_NORMED).max()) < self.limits.likeness
                ):
                    foreign += 1
        return foreign / max(1, num_tiles), num_tiles


def _off_colour(raw: NDArray[Any], enhanced: NDArray[Any]) -> float:
    """How far the mean colour leaves the ray from grey through the raw one: haze goes and it may only get stronger."""
    if raw.sum() < 24 or enhanced.sum() < 24:
        return 0.0
    before, after = raw / raw.sum() - 1 / 3, enhanced / enhanced.sum() - 1 / 3
    along = max(0.0, float(before @ after)) / max(float(before @ before), 1e-6)
    return float(np.linalg.norm(after - along * before))
