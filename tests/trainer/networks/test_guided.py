"""What the guided step promises, whatever the dehazer."""

import cv2
import numpy as np
import pytest
import torch

from trainer.data.degradations import condensation, from_linear, to_linear
from trainer.judging.judged import picture_from_tensor, tensor_from_picture
from trainer.judging.metrics import psnr
from trainer.networks import guided


@pytest.fixture(scope="module")
def truth(tissue):
    return tissue(288, 512, 3)


def fogged(truth, depth):
    haze = np.full((*truth.shape[:2], 1), depth, np.float32)
    linear = condensation(to_linear(truth, 2.2), haze, np.full(3, 0.6, np.float32), 0.0, 1.0)
    return np.rint(from_linear(linear, 2.2)).astype(np.uint8)


@pytest.mark.parametrize("depth", [0.1, 0.5, 1.0])
def test_guided_beats_bicubic_with_a_perfect_dehazer(truth, depth):
    levels = tensor_from_picture(fogged(truth, depth))
    perfect = guided.shrink(tensor_from_picture(truth))
    small = picture_from_tensor(perfect)
    bicubic = cv2.resize(small, (512, 288), interpolation=cv2.INTER_CUBIC)
    assert psnr(picture_from_tensor(guided.guided_x4(levels, perfect)), truth) > psnr(bicubic, truth) + 3


def test_a_clean_picture_passes_untouched(truth):
    levels = tensor_from_picture(truth)
    out = guided.guided_x4(levels, guided.shrink(levels), torch.ones(1, 3, 72, 128))
    assert torch.equal(out, levels)


def test_noise_is_not_amplified():
    """A flat, noisy picture whose contrast a dehazer would triple: the noise stays what it was."""
    rng = np.random.default_rng(4)
    noisy = np.clip(np.rint(128 + rng.normal(0, 1, (288, 512, 3))), 0, 255).astype(np.uint8)
    levels = tensor_from_picture(noisy)
    gain = torch.full((1, 3, 72, 128), 3.0)
    out = guided.guided_x4(levels, torch.full((1, 3, 72, 128), 90.0), gain)
    assert out.std() < 1.03 * levels.std()
    assert abs(out.mean() - 90) < 1


def test_detail_is_amplified_by_the_gain(truth):
    levels = tensor_from_picture(truth) / 2 + 60
    gain = torch.full((1, 3, 72, 128), 2.0)
    dehazed = guided.shrink(levels) * 2 - 120
    out = guided.guided_x4(levels.round(), dehazed, gain)
    assert psnr(picture_from_tensor(out), truth) > 38


def test_the_gate_closes_on_noise_and_opens_on_detail():
    flat = torch.full((1, 1, 9, 9), guided.NOISE_ACTIVITY)
    assert guided.noise_gate(flat).max() < 0.01
    assert guided.noise_gate(flat * 10).min() > 0.98


@pytest.mark.parametrize("gain", [0.5, 0.8, 1.0])
def test_a_gain_up_to_one_is_the_slope(gain):
    gains = torch.full((1, 3, 9, 9), gain)
    slope, _ = guided.coefficients(gains, gains, gains, torch.zeros(1, 1, 9, 9))
    assert torch.allclose(slope, gains)
