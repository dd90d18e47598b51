"""Koschmieder's law."""

from dataclasses import replace

import numpy as np
import pytest

from trainer.data.fogs.airlight import Airlight

VEIL = Airlight(depth=0.8, clearing=0.0, level=0.7, tint=(1.0, 0.95, 0.9), relative=False, falloff=0.0, seed=3)


def constant(value):
    return np.full((34, 60, 3), value, np.float32)


def test_contrast_falls_by_the_transmission_whatever_the_airlight():
    ratios = []
    for veil in (VEIL, replace(VEIL, level=0.2), replace(VEIL, tint=(0.8, 1.0, 0.8))):
        contrast = veil.apply(constant(0.5)) - veil.apply(constant(0.1))
        ratios.append(contrast / 0.4)
    np.testing.assert_allclose(ratios[0], ratios[1], atol=1e-5)
    np.testing.assert_allclose(ratios[0], ratios[2], atol=1e-5)
    assert np.exp(-0.8) - 1e-5 <= ratios[0].min() < ratios[0].max() < 1


def test_transmission_is_exponential_in_the_depth():
    through = [np.log(veil.apply(constant(1)) - veil.apply(constant(0))) for veil in (VEIL, replace(VEIL, depth=1.6))]
    np.testing.assert_allclose(through[1], 2 * through[0], rtol=1e-3, atol=1e-5)


def test_a_thick_veil_is_its_airlight_and_a_scene_of_that_colour_does_not_change():
    light = np.array([0.7, 0.665, 0.63], np.float32)
    np.testing.assert_allclose(replace(VEIL, depth=60.0).apply(constant(0.1)).mean((0, 1)), light, rtol=0.02)
    of_its_colour = np.broadcast_to(light, (34, 60, 3)).astype(np.float32)
    np.testing.assert_allclose(VEIL.apply(of_its_colour), of_its_colour, atol=1e-6)


def test_a_relative_airlight_doubles_with_the_scene_and_an_absolute_one_does_not(tissue):
    scene = (tissue(34, 60, 1) / np.float32(512)).astype(np.float32)
    relative = replace(VEIL, relative=True)
    np.testing.assert_allclose(relative.apply(2 * scene), 2 * relative.apply(scene), rtol=1e-4, atol=1e-5)
    assert np.abs(VEIL.apply(2 * scene) - 2 * VEIL.apply(scene)).mean() > 0.05


def test_a_relative_airlight_is_brighter_on_the_brighter_side():
    scene = constant(0.05)
    scene[:, 30:] = 0.6
    veil = replace(VEIL, relative=True, depth=60.0).apply(scene).mean((0, 2))
    assert veil[-1] > 1.5 * veil[0]


def test_both_dim_and_bright_both_kinds_are_drawn():
    drawn = [Airlight.draw(np.random.default_rng(seed)) for seed in range(200)]
    absolute = [veil.level for veil in drawn if not veil.relative]
    assert min(absolute) < 0.1 and max(absolute) > 0.85
    assert 0.25 < np.mean([veil.relative for veil in drawn]) < 0.55


def test_depth_is_clear_inside_the_clearing():
    veil = replace(VEIL, clearing=0.8)
    far = np.abs(veil.apply(constant(0.1)) - 0.1).max(2)
    assert far.min() < 1e-4 < 0.05 < far.max()


@pytest.mark.parametrize("falloff", [0.3, 0.7])
def test_the_lamps_veil_is_dimmer_in_the_corner(falloff):
    veil = replace(VEIL, depth=60.0, falloff=falloff).apply(constant(0.0))[..., 0]
    assert veil[0, 0] / veil[17, 30] == pytest.approx(1 / (1 + falloff**2) ** 2, rel=0.05)
