"""The 24-patch chart: where it is in a picture, and which colours its patches show."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.solving.light import Light, light_of
from edge.calibration.targets import CHART_CODES, CHART_COLUMNS, CHART_ROWS, NUM_NEUTRALS
from edge.pictures.image import Image

Points = NDArray[np.float64]
_NUM_PATCHES = CHART_ROWS * CHART_COLUMNS
_LEAST_FOUND = 15
"""Patches of 24 that must be seen as squares; the others are where the lattice says."""
_EDGE_STEPS = (6, 9, 13, 18)
"""Steps of code that count as an edge, each tried."""
_LEAST_AREA, _MOST_AREA = 0.0008, 0.02
"""Of the frame."""
_HALF_SAMPLED = 0.24
"""Half the side of what is measured of a patch, of the lattice's step."""
_SAMPLES = 24
_LIKE_REFERENCE = 0.75


@dataclass(frozen=True)
class FoundChart:
    """A chart in a picture.

    Attributes:
        centres: of the patches in the order of `edge.calibration.targets.CHART_NAMES`, x and y in px, (24, 2).
        to_frame: homography from lattice units (column, row) to px.
    """

    centres: Points
    to_frame: Points

    @property
    def outline(self) -> Points:
        """Corners of the chart, px, (4, 2)."""
        right, bottom = CHART_COLUMNS - 0.5, CHART_ROWS - 0.5
        return _mapped(self.to_frame, np.array([[-0.5, -0.5], [right, -0.5], [right, bottom], [-0.5, bottom]]))


@dataclass(frozen=True)
class NoChart:
    """Why no chart can be used; `words` say it to a person."""

    words: str


def find_chart(image: Image) -> FoundChart | NoChart:
    """Find the chart, whole and upright.

    Patches are what strong edges leave whole and nearly square; their centres make a lattice of 6 x 4, and the
    reference colours say which way up it is. Fall-off should have been corrected.

    Args:
        image: RGB uint8.
    """
    cells: dict[tuple[int, int], Points] = {}
    for step in _EDGE_STEPS:
        found = _lattice(_square_centres(image, step))
        if len(found) > len(cells):
            cells = found
    if len(cells) < _LEAST_FOUND:
        words = "no chart with 24 patches is seen" if len(cells) < 6 else f"only {len(cells)} of 24 patches are seen"
        return NoChart(f"{words}: bring the whole chart into view, level and evenly lit")
    keys = np.array(list(cells))
    low, high = keys.min(axis=0), keys.max(axis=0)
    columns, rows = (high - low + 1).tolist()
    if sorted((columns, rows)) != [CHART_ROWS, CHART_COLUMNS]:
        return NoChart(f"the chart is partly out of view: {columns} x {rows} patches are seen, expected 6 x 4")
    to_frame, _ = cv2.findHomography((keys - low).astype(np.float64), np.array(list(cells.values())), cv2.RANSAC, 4.0)
    return _oriented(light_of(image), np.asarray(to_frame, np.float64), columns, rows)


def _oriented(light: Light, to_frame: Points, columns: int, rows: int) -> FoundChart | NoChart:
    """Name the patches: of the four turns the one whose colours are the reference's."""
    reference = light_of(CHART_CODES[None])[0]
    upright = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    half = np.array([[-1.0, 0, columns - 1], [0, -1, rows - 1], [0, 0, 1]])
    quarter = np.array([[0.0, 1, 0], [-1, 0, rows - 1], [0, 0, 1]])
    turns = {"upright": upright, "upside down": half}
    if columns != CHART_COLUMNS:
        turns = {"turned to its side": quarter, "turned to its other side": half @ quarter}
    best = ("", -1.0, to_frame)
    for words, turn in turns.items():
        candidate = to_frame @ turn
        likeness = _likeness(measured_patches(light, candidate), reference)
        if likeness > best[1]:
            best = (words, likeness, candidate)
    words, likeness, found = best
    if likeness < _LIKE_REFERENCE:
        return NoChart(f"its colours are not those of the 24-patch chart (likeness {likeness:.2f}, expected at least "
                       f"{_LIKE_REFERENCE}): use the ColorChecker Classic, evenly lit")  # fmt: skip
    if words != "upright":
        return NoChart(f"the chart is {words}: turn it so that dark skin is at the upper left, white at the lower left")
    centres = _mapped(found, _lattice_centres())
    height, width = light.shape[:2]
    margin = 0.5 * np.linalg.norm(centres[1] - centres[0])
    if (centres < margin).any() or (centres > np.array([width, height]) - margin).any():
        return NoChart("the chart is partly out of view: bring it whole into the picture")
    return FoundChart(centres, found)


def _likeness(measured: Light, reference: Light) -> float:
    """Correlation of the logarithms of all patches and channels, each channel about its mean."""
    logs = [np.log(np.maximum(values, 1e-3)) for values in (measured, reference)]
    a, b = (values - values.mean(axis=0) for values in logs)
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-12))


def measured_patches(light: Light, to_frame: Points) -> Light:
    """Median light of the middle of each patch, (24, 3)."""
    ticks = np.linspace(-_HALF_SAMPLED, _HALF_SAMPLED, _SAMPLES)
    offsets = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(1, -1, 2)
    places = _mapped(to_frame, (_lattice_centres()[:, None] + offsets).reshape(-1, 2)).astype(np.float32)
    places = places.reshape(_NUM_PATCHES, -1, 2)
    sampled = cv2.remap(light, places[..., 0], places[..., 1], cv2.INTER_LINEAR, None, cv2.BORDER_CONSTANT)
    return np.asarray(np.median(np.asarray(sampled, np.float32), axis=1), np.float32)


def neutrals_fall(measured: Light) -> bool:
    """Whether the grey row darkens from white to black, as it must on an evenly lit chart."""
    greys = measured[-NUM_NEUTRALS:, 1]
    return bool((np.diff(greys) < 0).all())


def _lattice_centres() -> Points:
    rows, columns = np.divmod(np.arange(_NUM_PATCHES), CHART_COLUMNS)
    return np.asarray(np.column_stack([columns, rows]), np.float64)


def _mapped(homography: Points, points: Points) -> Points:
    mapped = cv2.perspectiveTransform(points[None].astype(np.float64), homography)
    return np.asarray(mapped, np.float64).reshape(-1, 2)


def _square_centres(image: Image, step: int) -> Points:
    """Centres of the nearly square, even regions, (N, 2) px."""
    half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    smooth = cv2.medianBlur(cv2.GaussianBlur(half, (0, 0), 1.5), 5)
    kernel = np.ones((5, 5), np.uint8)
    edges = cv2.morphologyEx(smooth, cv2.MORPH_GRADIENT, kernel).max(axis=2)
    even = (edges <= step).astype(np.uint8)
    _, labels, stats, centres = cv2.connectedComponentsWithStats(even, connectivity=4)
    found = []
    for label in range(1, len(stats)):
        left, top, width, height, area = (int(value) for value in stats[label])
        if not _LEAST_AREA < area / even.size < _MOST_AREA or max(width, height) > 2 * min(width, height):
            continue
        part = (labels[top : top + height, left : left + width] == label).astype(np.uint8)
        contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        _, (side_a, side_b), _ = cv2.minAreaRect(max(contours, key=len))
        filled = area / max((side_a + 1) * (side_b + 1), 1)
        if filled > 0.8 and max(side_a, side_b) < 1.35 * min(side_a, side_b):
            found.append(centres[label] * 2 + 0.5)
    return np.array(found).reshape(-1, 2)


def _lattice(centres: Points) -> dict[tuple[int, int], Points]:
    """The largest set of centres that step to each other by two fixed vectors: (column, row) -> px."""
    best: dict[tuple[int, int], Points] = {}
    for start in range(len(centres)):
        offsets = centres - centres[start]
        lengths = np.linalg.norm(offsets, axis=1)
        lengths[start] = np.inf
        if not np.isfinite(lengths).any():
            return best
        right = offsets[int(lengths.argmin())]
        if abs(right[1]) > abs(right[0]):
            right = np.array([right[1], -right[0]])
        right = right if right[0] > 0 else -right
        grown = _grown(centres, start, right)
        if len(grown) > len(best):
            best = grown
    return best


def _grown(centres: Points, start: int, right: Points) -> dict[tuple[int, int], Points]:
    """The lattice around one centre; each step starts from where the last one landed, so perspective is followed."""
    down = np.array([-right[1], right[0]])
    steps = {(1, 0): right, (-1, 0): -right, (0, 1): down, (0, -1): -down}
    reach = 0.25 * np.linalg.norm(right)
    cells = {(0, 0): centres[start]}
    queue = deque([(0, 0)])
    while queue:
        column, row = queue.popleft()
        for (dx, dy), step in steps.items():
            key = (column + dx, row + dy)
            if key in cells:
                continue
            off = np.linalg.norm(centres - (cells[column, row] + step), axis=1)
            if off.min() < reach:
                cells[key] = centres[int(off.argmin())]
                queue.append(key)
    return cells
