"""Ridges along the stroke, light spread and bent across it."""

from dataclasses import replace

import numpy as np
import pytest

from trainer.data.fogs.wiped_streaks import WipedStreaks

FILM = WipedStreaks(depth=1.2, angle_rad=0.0, num_ridges=30, bend=0.0, reach=0.08, veil=0.0, seed=4)


def extent(plane):
    """Deviation of the light's place along x and y, in pixels."""
    y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
    total = plane.sum()
    return [np.sqrt((plane * (p - (plane * p).sum() / total) ** 2).sum() / total) for p in (x, y)]


@pytest.mark.parametrize(
    ("angle", "along_x"), [(0.0, False), (np.pi / 2, True)], ids=["stroke level", "stroke upright"]
)
def test_a_lamp_becomes_a_line_across_the_stroke(angle, along_x):
    scene = np.zeros((136, 240, 3), np.float32)
    scene[66:70, 118:122] = 1
    x, y = extent(replace(FILM, angle_rad=angle).apply(scene)[..., 0])
    assert (x > 3 * y) if along_x else (y > 3 * x)


@pytest.mark.parametrize(("angle", "axis"), [(0.0, 1), (np.pi / 2, 0)], ids=["stroke level", "stroke upright"])
def test_ridges_run_along_the_stroke(angle, axis):
    thickness = replace(FILM, angle_rad=angle).thickness(240, 240)
    along, across = (np.abs(np.diff(thickness, axis=a)).mean() for a in (axis, 1 - axis))
    assert across > 4 * along


def test_bending_moves_edges_along_the_stroke_and_leaves_edges_across_it():
    bending = replace(FILM, depth=0.0, bend=0.01)
    upper, left = np.zeros((2, 136, 240, 3), np.float32)
    upper[:68], left[:, :120] = 1, 1
    moved_upper, moved_left = (np.abs(bending.apply(scene) - scene).sum() for scene in (upper, left))
    assert moved_upper > 5 * moved_left
    assert moved_upper > 20


def test_the_veil_is_grey_and_of_the_scenes_own_brightness():
    scene = np.full((68, 120, 3), (0.6, 0.2, 0.1), np.float32)
    out = replace(FILM, veil=1.0, depth=40.0).apply(scene)
    np.testing.assert_allclose(out.reshape(-1, 3).mean(0), 0.3, atol=0.03)
