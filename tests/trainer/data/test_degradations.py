"""Each degradation does what its equation says."""

import numpy as np
import pytest

from trainer.data import degradations as d


@pytest.fixture
def linear():
    return np.random.default_rng(1).random((54, 96, 3), np.float32)


def test_tone_curve_goes_there_and_back():
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, 2)
    assert np.abs(d.from_linear(d.to_linear(image, 2.2), 2.2) - image).max() < 0.01


def test_falloff_follows_its_law(linear):
    flat = np.ones_like(linear)
    fallen = d.illumination_falloff(flat, 0.5)
    assert fallen[0, 0, 0] == pytest.approx(1 / 1.25**2, rel=0.02)
    assert fallen[27, 48, 0] == pytest.approx(1, abs=0.001)


def test_condensation_without_scatter_is_koschmieder(linear):
    depth = np.full((54, 96, 1), 0.7, np.float32)
    airlight = np.array([0.5, 0.6, 0.7], np.float32)
    t = np.exp(-0.7)
    assert np.allclose(d.condensation(linear, depth, airlight, 0, 40), t * linear + (1 - t) * airlight, atol=1e-5)


def test_condensation_that_scatters_all_light_forward_keeps_the_mean(linear):
    depth = np.full((54, 96, 1), 3.0, np.float32)
    out = d.condensation(linear, depth, np.zeros(3, np.float32), 1.0, 40)
    assert out.mean() == pytest.approx(linear.mean(), rel=0.01)
    assert out.std() < 0.3 * linear.std()


def test_no_condensation_changes_nothing(linear):
    out = d.condensation(linear, np.zeros((54, 96, 1), np.float32), np.ones(3, np.float32), 0.3, 40)
    assert np.allclose(out, linear, atol=1e-6)


def test_breath_clears_from_a_point():
    depth = d.breath_depth(54, 96, np.random.default_rng(2), 1.5, 0.6)
    assert depth.min() == 0
    assert 0.5 < depth.max() <= 1.5
    assert d.breath_depth(54, 96, np.random.default_rng(2), 1.5, 0.0).min() > 0


@pytest.mark.parametrize("radius", [2.0, 5.5])
def test_disc_has_unit_sum_and_its_area(radius):
    kernel = d.disc_kernel(radius)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert 1 / kernel.max() == pytest.approx(np.pi * radius**2, rel=0.1)


@pytest.mark.parametrize(
    "blur", [lambda x: d.defocus(x, 60), lambda x: d.motion_blur(x, 80, 0.5)], ids=["defocus", "motion"]
)
def test_blur_keeps_the_light_and_takes_the_detail(linear, blur):
    out = blur(linear)
    assert out.mean() == pytest.approx(linear.mean(), rel=0.02)
    assert out.std() < 0.7 * linear.std()


def test_motion_blurs_along_its_direction():
    line = np.zeros((54, 96, 3), np.float32)
    line[:, 48] = 1
    assert d.motion_blur(line, 100, np.pi / 2)[27, 48, 0] > 0.95
    assert d.motion_blur(line, 100, 0.0)[27, 48, 0] < 0.5


def test_noise_has_the_variance_of_its_model():
    flat = np.full((300, 300, 3), 100, np.float32)
    noisy = d.sensor_noise(flat, np.random.default_rng(3), read=1.5, shot=0.02)
    assert noisy.var() == pytest.approx(0.02 * 100 + 1.5**2, rel=0.03)


def test_drift_scales_red_and_blue(linear):
    out = d.white_balance_drift(linear, 1.1, 0.9)
    assert np.allclose(out / linear, [1.1, 1.0, 0.9], atol=1e-4)


def test_droplets_touch_a_part(linear):
    wet = d.droplets(np.tile(linear, (4, 4, 1)), np.random.default_rng(4), 3)
    changed = np.abs(wet - np.tile(linear, (4, 4, 1))).max(2) > 1e-3
    assert 0.001 < changed.mean() < 0.6
