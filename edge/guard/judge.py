"""Whether what an engine gave can be shown: it is held to the raw picture that it was made of.

Blocks of 40x40 px are compared, from every eighth row of both frames themselves: the shrunken picture that the engine
works on is made by what is judged, and reducing it to blocks would cost as much. Their detail (what differs from the
blocks around, so that fog, which is smooth, does not count) has to be the raw picture's. Displacement of a block is
allowed everywhere, since a calibrated unit's lens is corrected on the way.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import mul
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.calibration.blocks import BLOCKS, BlockCorrection
from edge.engines.sampling import block_means, every_eighth_point
from edge.pictures.image import Image

REGIONS = (3, 4)
"""Rows and columns of the regions that are compared each for itself."""
_LEAST_REGIONS = 4
_SHIFT = 1
"""Blocks of displacement that are allowed."""
_AROUND, _WINDOW = 3, 5
"""Detail is what differs from the mean of so many blocks squared; its contrast is made even over so many."""
_STILL_POWER = np.float32(2.0**2)
"""Contrast that is not made larger, in levels squared: sensor noise stays small."""
_PLANES = np.array([[0.299, 0.587, 0.114], [1, 0, -1]], np.float32)
"""Luma, and red less blue."""
_BLACK, _DARK, _LIT = 1, 8, 40
_FAINT = 0.5
_NOISE = 2
"""Levels by which a point may differ without having moved."""
_NUM_RECENT = 4


@dataclass(frozen=True)
class JudgeLimits:
    """Limits, in levels of 255 where nothing else is said; `benchmarks/judge/__main__.py` measures them.

    Attributes:
        flat: spread of blocks under which a picture is one flat colour.
        shown: spread of the raw blocks from which a flat answer is wrong.
        dark: mean level, of the raw one's, under which an answer is black.
        holes: share of the blocks that may be black where the raw picture is lit.
        rough: mean step between samples 8 px apart that is noise where it is also `rough_gain` times the raw one's.
        gain: detail, of the raw picture's and half a level, that cannot have been in it.
        detail: of a raw region, from which it can be compared.
        likeness: correlation of detail, mean of the worse half of the comparable regions, under which it is foreign.
        colour_detail: of red less blue in the raw picture, from which it can be compared.
        colour_likeness: correlation of the detail of red less blue under which colours are foreign.
        colourful: how far the raw mean colour is from grey, in shares of R, G and B, from which it can be compared.
        colour: how far the mean colour may leave the direction of the raw one, in the same shares.
        moved: change of a raw block, since its answer last changed, that an engine cannot answer by the same block.
        frozen: share of the blocks that may be the same in spite of that; of the points, where all of them are.
    """

    flat: float = 1.0
    shown: float = 4.0
    dark: float = 0.05
    holes: float = 0.05
    rough: float = 30.0
    rough_gain: float = 2.5
    gain: float = 6.0
    detail: float = 2.0
    likeness: float = 0.4
    colour_detail: float = 1.0
    colour_likeness: float = 0.1
    colourful: float = 0.05
    colour: float = 0.08
    moved: float = 3.0
    frozen: float = 0.05


@dataclass(frozen=True)
class Statistics:
    """What a pair is judged by; see `JudgeLimits`. NaN where a pair has too little to compare."""

    raw_spread: float
    spread: float
    raw_level: float
    level: float
    holes: float
    raw_rough: float
    rough: float
    gain: float
    likeness: float
    colour_likeness: float
    colour: float
    frozen: float


class Sample(NamedTuple):
    """What is looked at of a picture.

    Attributes:
        blocks: means of 40x40 px, from every eighth row, uint8 (27, 48, 3).
        rough: mean step between samples 8 px apart.
        points: these samples themselves, uint8 (68, 240, 3); None where they were not kept.
    """

    blocks: Image
    rough: float
    points: Image | None = None


def sampled(image: Image) -> Sample:
    """Of a frame, RGB uint8 (1080, 1920, 3)."""
    points = every_eighth_point(image)
    rough = cv2.norm(points[:, 1:], points[:, :-1], cv2.NORM_L1) / points[:, 1:].size
    return Sample(block_means(image), rough, points)


class _Detail:
    """A picture's detail in luma and red less blue.

    Attributes:
        even: with its contrast made even, (27, 48, 2).
        power, even_power: mean square in each region, before and after that, (3, 4, 2).
        colour_power, even_colour_power: mean square of the second plane, before and after that.
        level: root mean square of luma's detail; spread: standard deviation of luma.
    """

    def __init__(self, blocks: Image) -> None:
        planes = cv2.transform(blocks.astype(np.float32), _PLANES)
        detail = cv2.subtract(planes, cv2.blur(planes, (_AROUND, _AROUND)))
        power = cv2.multiply(detail, detail)
        contrast = cv2.sqrt(np.asarray(cv2.blur(power, (_WINDOW, _WINDOW)) + _STILL_POWER))
        self.even = cv2.divide(detail, contrast)
        even_power = cv2.multiply(self.even, self.even)
        self.power, self.even_power = _by_region(power), _by_region(even_power)
        luma_power, self.colour_power, *_ = cv2.mean(power)
        self.even_colour_power = cv2.mean(even_power)[1]
        self.level = math.sqrt(luma_power)
        self.spread = float(cv2.meanStdDev(planes)[1][0, 0])


class OutputJudge:
    """Holds each enhanced picture to the raw one it was made of. For one thread; it remembers the pair before.

    Attributes:
        correction: what the engine does to the raw picture first; None where it does not correct.
        is_view_known: False where it corrects, but nobody knows how: structure and colours are not compared then.
    """

    def __init__(self, limits: JudgeLimits | None = None) -> None:
        self.limits = limits or JudgeLimits()
        self.correction: BlockCorrection | None = None
        self.is_view_known = True
        self._recent: deque[tuple[Image, Image]] = deque(maxlen=_NUM_RECENT)
        self._before: Image | None = None
        self._moved_from: Image | None = None

    def fault(self, raw: Image, enhanced: Image) -> str:
        """What is wrong, in a few words; empty where nothing is.

        Args:
            raw, enhanced: RGB uint8 (1080, 1920, 3).
        """
        return self.verdict(self.measure(raw, enhanced))

    def forget(self) -> None:
        """Forget the pairs before: another engine answers from now on."""
        self._before = self._moved_from = None
        self._recent.clear()

    def look_through(self, correction: BlockCorrection | None, is_known: bool = True) -> None:
        """What the engine does to the raw picture first, and whether that is known."""
        self.correction, self.is_view_known = correction, is_known

    def measure(self, raw: Image, enhanced: Image) -> Statistics:
        """The statistics of a pair, RGB uint8 (1080, 1920, 3) each; the pair is then the one before."""
        return self.compare(sampled(raw), sampled(enhanced))

    def compare(self, raw: Sample, enhanced: Sample) -> Statistics:
        """The same of what was kept of a pair."""
        frozen = max(self._frozen(raw.blocks, enhanced.blocks), self._given_again(raw.points, enhanced.points))
        seen = raw.blocks if self.correction is None else self.correction.apply(raw.blocks)
        before, after = _Detail(seen), _Detail(enhanced.blocks)
        raw_mean, mean = cv2.mean(seen)[:3], cv2.mean(enhanced.blocks)[:3]
        likeness = colour_likeness = colour = math.nan
        if self.is_view_known:
            likeness, colour_likeness = self._likeness(before, after)
            colour = _off_colour(raw_mean, mean, self.limits.colourful)
        went_black = cv2.bitwise_and(_all_within(enhanced.blocks, 0, _BLACK), _all_within(seen, _LIT + 1, 255))
        return Statistics(
            before.spread, after.spread, sum(raw_mean) / 3, sum(mean) / 3,
            cv2.countNonZero(went_black) / went_black.size, raw.rough, enhanced.rough,
            after.level / (before.level + _FAINT), likeness, colour_likeness, colour, frozen,
        )  # fmt: skip

    def verdict(self, found: Statistics) -> str:
        """What the statistics say, in a few words; empty where nothing is wrong."""
        limits = self.limits
        if found.spread < limits.flat and found.raw_spread > limits.shown:
            return "black" if found.level < _DARK else "constant"
        if found.level < limits.dark * found.raw_level and found.raw_level > _LIT:
            return "black"
        if found.rough > limits.rough and found.rough > limits.rough_gain * found.raw_rough:
            return "it is noise"
        if found.frozen > limits.frozen:
            return "the same picture as before"
        if found.holes > limits.holes:
            return "black in places"
        if found.gain > limits.gain:
            return "it shows what the camera does not"
        if found.likeness < limits.likeness:
            return "its structure is not the camera's"
        if found.colour > limits.colour or found.colour_likeness < limits.colour_likeness:
            return "its colours are not the camera's"
        return ""

    def _likeness(self, before: _Detail, after: _Detail) -> tuple[float, float]:
        """Of structure, and of colours; NaN each where there is too little to compare."""
        room = cv2.copyMakeBorder(before.even, _SHIFT, _SHIFT, _SHIFT, _SHIFT, cv2.BORDER_CONSTANT)
        places = [(top, left) for top in range(2 * _SHIFT + 1) for left in range(2 * _SHIFT + 1)]
        products = [
            _by_region(cv2.multiply(room[top : top + BLOCKS[0], left : left + BLOCKS[1]], after.even))
            for top, left in places
        ]
        structure = colours = math.nan
        is_shown = before.power[..., 0] > self.limits.detail**2
        if np.count_nonzero(is_shown) >= _LEAST_REGIONS:
            best = reduce(np.maximum, products)[..., 0]
            norm = np.sqrt(np.maximum(before.even_power * after.even_power, 1e-12))[..., 0]
            found = sorted((best / norm)[is_shown].tolist())
            worse = found[: (len(found) + 1) // 2]
            structure = sum(worse) / len(worse)
        if before.colour_power > self.limits.colour_detail**2:
            whole = max((cv2.mean(product)[1] for product in products), key=abs)
            colours = whole / math.sqrt(max(before.even_colour_power * after.even_colour_power, 1e-12))
        return structure, colours

    def _given_again(self, raw: Image | None, answer: Image | None) -> float:
        """Share of the points that moved in the raw picture while the answer is one of the last ones to the pixel.

        Noise alone moves the raw picture, and every answer to it with it; so this sees what changes too little for
        `_frozen`, be it an older answer.
        """
        if raw is None or answer is None:
            return 0.0
        found = 0.0
        for old_raw, old_answer in self._recent:
            if np.array_equal(answer, old_answer):
                moved = cv2.inRange(cv2.absdiff(raw, old_raw), (0, 0, 0, 0), (_NOISE, _NOISE, _NOISE, 0)) == 0
                can_change = cv2.inRange(answer, (_BLACK + 1,) * 3, (254 - _BLACK,) * 3) != 0
                found = max(found, float(np.count_nonzero(moved & can_change)) / moved.size)
        self._recent.append((raw, answer))
        return found

    def _frozen(self, raw: Image, answer: Image) -> float:
        """Share of the blocks that are the same as before though the raw ones moved since they last changed."""
        if self._before is None or self._moved_from is None:
            self._before, self._moved_from = answer, raw.copy()
            return 0.0
        is_same = _all_within(cv2.absdiff(answer, self._before), 0, 0)
        self._before = answer
        cv2.copyTo(raw, cv2.bitwise_not(is_same), self._moved_from)
        is_still = _all_within(cv2.absdiff(raw, self._moved_from), 0, self.limits.moved)
        is_saturated = _all_within(cv2.min(answer, cv2.bitwise_not(answer)), 0, _BLACK)
        can_change = cv2.bitwise_not(cv2.bitwise_or(is_still, is_saturated))
        return cv2.countNonZero(cv2.bitwise_and(is_same, can_change)) / is_same.size


def _by_region(planes: NDArray[Any]) -> NDArray[Any]:
    """Means over the regions: (27, 48, n) -> (3, 4, n)."""
    return np.asarray(cv2.resize(planes, (REGIONS[1], REGIONS[0]), interpolation=cv2.INTER_AREA))


def _all_within(blocks: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    """255 where every channel lies in the range, else 0: (27, 48, 3) -> (27, 48)."""
    return cv2.inRange(blocks, (low, low, low, 0), (high, high, high, 0))


def _off_colour(raw: Sequence[float], enhanced: Sequence[float], colourful: float) -> float:
    """How far the mean colour leaves the ray from grey through the raw one: haze goes and it may only get stronger.

    NaN where the raw one is too grey to tell a direction.
    """
    if min(sum(raw), sum(enhanced)) < 3 * _DARK:
        return math.nan
    before, after = ([part / sum(one) - 1 / 3 for part in one] for one in (raw, enhanced))
    if math.hypot(*before) < colourful:
        return math.nan
    along = max(0.0, sum(map(mul, before, after))) / sum(map(mul, before, before))
    return math.hypot(*(new - along * old for old, new in zip(before, after, strict=True)))
