"""Exposure and white balance answer to the fog; the rest of the camera does what its name says."""

from dataclasses import replace

import numpy as np
import pytest

from trainer.data.camera import GAIN_RANGE, Camera


@pytest.fixture
def clear(tissue):
    return (tissue(68, 120, 2) / np.float32(255)).astype(np.float32) ** 2.2 * 0.6


@pytest.fixture
def foggy(clear):
    return 0.7 * clear + 0.3 * np.array([0.4, 0.45, 0.5], np.float32)


def test_an_exposure_that_holds_keeps_the_mean(clear, foggy):
    assert foggy.mean() > 1.5 * clear.mean()
    seen = foggy * Camera(exposure_hold=1.0).gains(clear, foggy)
    assert seen.mean() == pytest.approx(clear.mean(), rel=0.01)


def test_a_fixed_exposure_lets_the_fog_brighten_the_picture(clear, foggy):
    np.testing.assert_allclose(Camera().gains(clear, foggy), 1, rtol=1e-6)


def test_half_a_hold_takes_back_half_the_stops(clear, foggy):
    gains = [Camera(exposure_hold=hold).gains(clear, foggy)[0] for hold in (0.5, 1.0)]
    assert np.log2(gains[0]) == pytest.approx(np.log2(gains[1]) / 2, rel=1e-4)


def test_metering_the_middle_answers_to_fog_in_the_middle():
    clear = np.full((90, 160, 3), 0.2, np.float32)
    foggy = clear.copy()
    foggy[30:60, 50:110] = 0.6
    even, middle = (Camera(exposure_hold=1.0, metering=m).gains(clear, foggy)[0] for m in (0.0, 1.0))
    assert middle < 0.9 * even


def test_the_loop_runs_out_of_gain_in_the_dark(clear):
    assert Camera(exposure_hold=1.0).gains(clear, clear * 1e-3)[0] == pytest.approx(1.8, rel=0.01)


def test_a_white_balance_that_holds_keeps_the_mean_hue_and_no_more(clear, foggy):
    seen = foggy * Camera(white_hold=1.0).gains(clear, foggy)
    before, after = (light.mean((0, 1)) / light.mean() for light in (clear, seen))
    np.testing.assert_allclose(after, before, rtol=0.01)
    assert seen.mean() == pytest.approx(foggy.mean(), rel=0.01)


@pytest.mark.parametrize("contrast", [0.0, 0.5])
@pytest.mark.parametrize("gamma", [1.3, 2.6])
def test_the_tone_curve_goes_there_and_back(gamma, contrast):
    camera = Camera(gamma=gamma, contrast=contrast)
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, 2)
    assert np.abs(camera.picture(camera.light(ramp)).astype(int) - ramp).max() <= 1


def test_the_s_darkens_shadows_and_brightens_lights():
    light = np.array([0.05, 0.6], np.float32).reshape(1, 2, 1).repeat(3, 2)
    plain, bent = (Camera(contrast=c).picture(light)[0, :, 0].astype(int) for c in (0.0, 0.5))
    assert bent[0] < plain[0] - 3 and bent[1] > plain[1] + 3


def test_noise_is_the_sensors(clear):
    grey = np.full((200, 200, 3), 0.3, np.float32)
    noise = np.random.default_rng(1)
    picture = Camera(read=2.0, shot=0.05).picture(grey, noise).astype(float)
    assert picture.var() == pytest.approx(0.05 * picture.mean() + 4 + 1 / 12, rel=0.05)


def test_noise_reduction_takes_noise_and_leaves_an_edge():
    light = np.full((80, 80, 3), 0.1, np.float32)
    light[:, 40:] = 0.7
    noisy, calm = (
        Camera(read=2.0, denoise=strength).picture(light, np.random.default_rng(2)).astype(float)
        for strength in (0, 12)
    )
    assert calm[:, :36].std() < 0.6 * noisy[:, :36].std()
    assert calm[:, 42].mean() - calm[:, 37].mean() > 0.95 * (noisy[:, 42:].mean() - noisy[:, :37].mean())


def test_sharpening_overshoots_at_an_edge():
    light = np.full((40, 40, 3), 0.1, np.float32)
    light[:, 20:] = 0.4
    plain, sharp = (Camera(sharpen=amount).picture(light)[20, :, 0].astype(int) for amount in (0.0, 0.5))
    assert sharp.max() > plain.max() + 5 and sharp.min() < plain.min() - 5 and sharp[0] == plain[0]


def test_jpeg_leaves_its_blocks(clear):
    plain, packed = (Camera(jpeg_quality=quality).picture(clear).astype(int) for quality in (0, 40))
    change = np.abs(packed - plain)
    assert packed.shape == plain.shape and 0.3 < change.mean() < 8


def test_a_truth_is_seen_with_the_same_curve_and_nothing_else(clear):
    camera = Camera(gamma=1.7, contrast=0.3, read=2.0, denoise=8.0, sharpen=0.4, jpeg_quality=60)
    assert camera.perfect() == Camera(gamma=1.7, contrast=0.3)
    truth = camera.perfect().picture(clear, np.random.default_rng(1))
    np.testing.assert_array_equal(truth, replace(camera.perfect()).picture(clear))


def test_exposure_is_fixed_in_nearly_half_of_the_cameras_and_held_wholly_in_three_of_ten():
    holds = np.array([Camera.draw(np.random.default_rng(seed)).exposure_hold for seed in range(800)])
    assert (holds == 0).mean() == pytest.approx(0.45, abs=0.06)
    assert (holds == 1).mean() == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize("level", [65.0, 75.0, 115.0])
def test_an_exposure_that_settles_brings_a_scene_to_its_level(clear, level):
    camera = Camera(gamma=2.2)
    settled = clear * camera.settling(clear, level)
    assert abs(camera.picture(clear).mean() - level) > 10
    assert camera.picture(settled).mean() == pytest.approx(level, abs=5)


def test_a_scene_that_is_too_dark_settles_as_far_as_the_gain_goes(clear):
    assert Camera().settling(clear * 1e-3, 103.0) == pytest.approx(GAIN_RANGE[1])
