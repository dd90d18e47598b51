"""What a picture gained."""

import math

import numpy as np
import pytest

from trainer.judging.fogs.gains import at_best_exposure, gained, mean_gain
from trainer.judging.metrics import psnr


@pytest.fixture(scope="module")
def truth(tissue):
    return np.clip(tissue(64, 96, 3), 5, 200)


def brighter(picture, factor):
    return np.clip(np.rint(picture * factor), 0, 255).astype(np.uint8)


def test_a_result_that_differs_only_in_exposure_is_perfect_at_its_best(truth):
    dark = brighter(truth, 0.6)
    assert psnr(at_best_exposure(dark, truth), truth) > 48 > 25 > psnr(dark, truth)


def test_gain_counts_from_the_input_and_its_best_from_the_inputs_best(truth):
    noise = np.random.default_rng(1).normal(0, 12, truth.shape)
    foggy = np.clip(truth * 0.7 + 60 + noise, 0, 255).astype(np.uint8)
    result = brighter(np.clip(truth + noise / 2, 0, 255), 0.7)
    gain = gained(foggy, result, truth)
    assert gain.input_psnr == psnr(foggy, truth)
    assert gain.psnr == pytest.approx(psnr(result, truth) - psnr(foggy, truth))
    assert gain.best > gain.psnr + 3
    assert gain.lightness < -5 and gain.worse == 1 and math.isnan(gain.lpips)


def test_what_was_left_alone_gains_nothing(truth):
    foggy = brighter(truth, 1.2)
    gain = gained(foggy, foggy, truth)
    assert (gain.psnr, gain.best, gain.worse) == (0, 0, 0) and gain.lightness > 3


@pytest.mark.parametrize(("amount", "worse"), [(1.0, 0.0), (1.02, 0.0), (1.2, 1.0)], ids=["same", "0.2 dB", "1.6 dB"])
def test_worse_begins_at_a_third_of_a_decibel(truth, amount, worse):
    error = np.random.default_rng(2).normal(0, 10, truth.shape)
    foggy, result = (np.clip(np.rint(truth + error * a), 0, 255).astype(np.uint8) for a in (1.0, amount))
    assert gained(foggy, result, truth).worse == worse


def test_the_mean_of_worse_is_a_share(truth):
    bad = brighter(truth, 0.5)
    gains = [gained(truth - 3, picture, truth) for picture in (truth - 3, bad, bad, bad)]
    assert mean_gain(gains).worse == 0.75
    assert gained(bad, truth - 1, truth, lambda a, b: 0.25).lpips == 0.25
