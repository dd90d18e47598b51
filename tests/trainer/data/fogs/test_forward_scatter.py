"""Light leaves its pixel, arrives elsewhere, and is not lost."""

from dataclasses import replace

import numpy as np
import pytest

from trainer.data.fogs.forward_scatter import ForwardScatter

FILM = ForwardScatter(share=1.0, unevenness=0.0, narrowest=8 / 480, tail=0.7, seed=2)


def point(height, width):
    scene = np.zeros((height, width, 3), np.float32)
    scene[height // 2, width // 2] = 1
    return scene


@pytest.mark.parametrize("size", [(136, 240), (135, 241), (270, 480)], ids=str)
@pytest.mark.parametrize("unevenness", [0.0, 0.7])
def test_no_light_is_lost(size, unevenness, tissue):
    scene = (tissue(*size, 2) / np.float32(255)).astype(np.float32)
    out = replace(FILM, unevenness=unevenness).apply(scene)
    np.testing.assert_allclose(out.sum((0, 1), np.float64), scene.sum((0, 1), np.float64), rtol=1e-5)
    assert out.std() < 0.9 * scene.std()


def test_a_lamp_in_the_corner_keeps_its_light():
    scene = np.zeros((136, 240, 3), np.float32)
    scene[0, 0] = 1
    np.testing.assert_allclose(FILM.apply(scene).sum((0, 1)), 1, rtol=1e-4)


def test_the_share_that_stays_is_what_the_point_keeps():
    assert replace(FILM, share=0.4).apply(point(136, 240))[68, 120, 0] == pytest.approx(0.6, abs=0.01)


def test_tails_are_heavier_than_one_gaussians():
    """Kurtosis of the profile: 3 for a Gaussian."""
    profile = FILM.apply(point(270, 480))[..., 0].sum(0)
    place = np.arange(480) - 240
    second, fourth = ((profile * place**n).sum() / profile.sum() for n in (2, 4))
    assert fourth / second**2 > 4


def test_a_flatter_tail_reaches_further():
    reach = []
    for tail in (1.5, 0.0):
        profile = replace(FILM, tail=tail).apply(point(270, 480))[..., 0].sum(0)
        reach.append(profile[np.abs(np.arange(480) - 240) > 60].sum())
    assert reach[1] > 1.5 * reach[0]


def test_weights_add_up_to_one_between_8_and_200_px_of_480():
    for seed in range(50):
        sigmas, weights = ForwardScatter.draw(np.random.default_rng(seed)).weights()
        assert sum(weights) == pytest.approx(1)
        assert 8 / 480 - 1e-9 <= min(sigmas) < max(sigmas) <= 200 / 480 + 1e-9


def test_one_colour_stays_as_it_is():
    scene = np.full((68, 120, 3), (0.4, 0.2, 0.1), np.float32)
    np.testing.assert_allclose(FILM.apply(scene), scene, rtol=1e-3)
