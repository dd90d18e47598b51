"""Random parts of pictures."""

import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from trainer.data.views import check_fits, random_crop, random_view


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def ramp():
    """Red grows with x, green with y."""
    y, x = np.mgrid[0:120, 0:240]
    return np.stack([x, y, 0 * x], 2).astype(np.uint8)


@pytest.mark.parametrize("shape", [(120, 240), (240, 120), (50, 50)])
def test_a_view_has_the_wanted_size(shape):
    assert random_view(np.zeros((*shape, 3), np.uint8), rng(), (64, 36), 0.3).shape == (36, 64, 3)


def test_views_keep_the_aspect_and_stay_within_the_smallest(ramp):
    for seed in range(40):
        view = random_view(ramp, rng(seed), (48, 27), 0.5).astype(int)
        width = abs(view[0, -1, 0] - view[0, 0, 0]) * 48 / 47
        height = (view[-1, 0, 1] - view[0, 0, 1]) * 27 / 26
        assert 0.5 * 120 * 16 / 9 - 3 < width <= 120 * 16 / 9 + 3
        assert height == pytest.approx(width * 9 / 16, abs=3)


def test_half_of_the_views_are_mirrored_and_none_upside_down(ramp):
    views = [random_view(ramp, rng(seed), (48, 27)).astype(int) for seed in range(200)]
    assert 70 < sum(view[0, 0, 0] > view[0, -1, 0] for view in views) < 130
    assert all(view[-1, 0, 1] > view[0, 0, 1] for view in views)


def test_turns_only_where_they_are_plausible(ramp):
    turned = [random_view(ramp, rng(seed), (48, 27), turns=True).astype(int) for seed in range(40)]
    assert any(view[-1, 0, 1] < view[0, 0, 1] for view in turned)


def test_a_crop_keeps_its_pixels(ramp):
    crop = random_crop(ramp, rng(3), 32).astype(int)
    assert crop.shape == (32, 32, 3)
    assert set(np.abs(np.diff(crop[..., 0], axis=1)).ravel()) == {1}
    assert set(np.diff(crop[..., 1], axis=0).ravel()) == {1}


def test_a_crop_as_large_as_the_picture():
    picture = np.arange(75, dtype=np.uint8).reshape(5, 5, 3)
    assert sorted(random_crop(picture, rng(), 5).ravel()) == sorted(picture.ravel())


@pytest.mark.parametrize("size", [(63, 100), (100, 35)])
def test_too_small(size):
    with pytest.raises(InputOutputError, match=rf"a\.png: {size[0]}x{size[1]} px, smaller than isr\.crop 64x36"):
        check_fits(size, (64, 36), "a.png", "isr.crop")


def test_just_large_enough():
    check_fits((64, 36), (64, 36), "a.png", "isr.crop")
