"""Drops that merge, and show the scene upside down."""

from dataclasses import replace

import numpy as np
import pytest

from trainer.data.fogs import dew
from trainer.data.fogs.dew import Dew, merged

FILM = Dew(radius=0.02, coverage=0.5, spread=0.3, view=8.0, opacity=1.0, rim=0.0, glint=0.0, defocus=0.3, seed=5)


@pytest.fixture
def one_drop(monkeypatch):
    """Puts one drop of 20 px into the middle of 270x480."""
    monkeypatch.setattr(dew, "merged", lambda drops: np.array([[240, 135, 20]], np.float32))
    return replace(FILM, view=5.0, defocus=0.02)


@pytest.mark.parametrize("axis", [0, 1], ids=["upside down", "left and right"])
def test_a_drop_shows_the_scene_turned_round(one_drop, axis):
    ramp = np.linspace(0, 1, (270, 480)[axis], dtype=np.float32)
    scene = np.repeat(
        np.moveaxis(np.broadcast_to(ramp, (*(480, 270)[axis : axis + 1], len(ramp))), -1, axis)[..., None], 3, 2
    )
    out = one_drop.apply(np.ascontiguousarray(scene))[..., 0]
    inside = out[135 - 12 : 135 + 12, 240 - 12 : 240 + 12]
    slope = np.diff(inside, axis=axis).mean()
    assert slope == pytest.approx(-5 * (ramp[1] - ramp[0]), rel=0.2)
    np.testing.assert_allclose(out[:, :180], scene[:, :180, 0], atol=1e-3)


def test_a_rim_is_darker_than_the_middle(one_drop):
    out = replace(one_drop, rim=0.5).apply(np.full((270, 480, 3), 0.5, np.float32))[135, :, 0]
    assert out[240] == pytest.approx(0.5, abs=0.01) and out[240 + 18] < 0.4


def test_the_lamps_glint_is_added_where_drops_are(one_drop):
    out = replace(one_drop, glint=0.3).apply(np.zeros((270, 480, 3), np.float32))[..., 0]
    assert out[135, 240] == pytest.approx(0.3, abs=0.01) and out[10, 10] == 0


def test_merging_keeps_the_volume_and_leaves_fewer_larger_drops():
    rng = np.random.default_rng(3)
    drops = np.hstack([rng.random((400, 2)) * (240, 136), rng.uniform(1, 5, (400, 1))]).astype(np.float32)
    left = merged(drops)
    assert (left[:, 2] ** 3).sum() == pytest.approx((drops[:, 2] ** 3).sum(), rel=1e-4)
    assert len(left) < 0.8 * len(drops) and left[:, 2].mean() > drops[:, 2].mean()


def test_two_touching_drops_become_one_at_their_centre_of_mass():
    left = merged(np.array([[10, 10, 3], [14, 10, 3], [60, 60, 2]], np.float32))
    np.testing.assert_allclose(left, [[12, 10, 3 * 2 ** (1 / 3)], [60, 60, 2]], rtol=1e-5)


def test_drops_that_do_not_touch_stay():
    apart = np.array([[20, 20, 4], [40, 40, 3]], np.float32)
    np.testing.assert_array_equal(merged(apart), apart)


def test_coverage_is_the_share_of_the_window_before_merging():
    sizes = [len(replace(FILM, coverage=c, spread=0.0, radius=0.01).drops(270, 480)) for c in (0.1, 0.4)]
    assert sizes[1] > 2 * sizes[0]
