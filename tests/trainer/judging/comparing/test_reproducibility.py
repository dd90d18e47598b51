"""What lifting a veil does to everything alike costs nothing; what is done to one thing and not its neighbour does."""

import cv2
import numpy as np
import pytest
import torch

from trainer.judging.comparing import reproducibility as kept
from trainer.losses.distances import perceptual_loss
from trainer.networks.vgg_features import VggFeatures


@pytest.fixture(scope="module")
def picture(tissue):
    return np.clip(tissue(135, 240, 4), 60, 190)


def veiled(picture, factor=0.6, level=70):
    return np.clip(np.rint(picture * factor + level), 0, 255).astype(np.uint8)


def test_a_thinner_veil_keeps_all_structure(picture):
    assert kept.structure_ssim(picture, veiled(picture)) > 0.96
    assert kept.structure_gradients(picture, veiled(picture)) > 0.995


def test_the_negative_has_none_of_it(picture):
    assert kept.structure_gradients(255 - picture, picture) == pytest.approx(-1)
    assert kept.structure_ssim(255 - picture, picture) < -0.3


def test_structure_is_ssim_as_another_library_computes_it():
    """0.8973332: scikit-image 0.26, structural_similarity of the normalised lumas, sigma 1.5, K2 = 0.03, range 6.

    K1 = 1e6 takes its luminance term away.
    """
    rng = np.random.default_rng(3)
    smooth = cv2.GaussianBlur(rng.normal(0, 1, (90, 120, 3)), (0, 0), 2) * 300 + 120
    one = np.clip(np.rint(smooth), 0, 255).astype(np.uint8)
    other = np.clip(np.rint(one * 0.6 + rng.normal(0, 6, one.shape) + 30), 0, 255).astype(np.uint8)
    assert kept.structure_ssim(other, one) == pytest.approx(0.8973332, abs=2e-3)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_gradients_by_hand(share):
    """A grating and, across it, another one of `share` its height: 1 / sqrt(1 + share^2)."""
    x, y = np.meshgrid(np.arange(160), np.arange(160))
    along, across = (50 * np.sin(2 * np.pi * axis / 16) for axis in (x, y))
    pictures = [
        np.repeat(np.rint(128 + grating)[..., None], 3, 2).astype(np.uint8)
        for grating in (along, along + share * across)
    ]
    assert kept.structure_gradients(pictures[1], pictures[0]) == pytest.approx(1 / np.sqrt(1 + share**2), abs=0.01)


def test_an_invented_vessel_costs_structure(picture):
    invented = picture.copy()
    cv2.line(invented, (20, 20), (220, 110), (70, 20, 20), 3)
    assert kept.structure_gradients(invented, picture) < kept.structure_gradients(veiled(picture), picture) - 0.05
    assert kept.structure_ssim(invented, picture) < kept.structure_ssim(veiled(picture), picture) - 0.02


def test_a_flat_picture_has_no_gradients(picture):
    assert kept.structure_gradients(np.full_like(picture, 90), picture) == 0


def test_colours_are_as_another_library_has_them():
    """20.045 and 33.984 degrees: scikit-image 0.26, deltaE_ciede2000 and lab2lch of the two colours."""
    one, other = (np.full((32, 64, 3), colour, np.uint8) for colour in ((200, 90, 80), (150, 95, 40)))
    difference, hue = kept.colour_differences(one, other)
    assert difference == pytest.approx(20.045, abs=0.05)
    assert hue == pytest.approx(33.984, abs=0.1)


def test_colour_is_of_the_low_pass_and_grey_has_no_hue(picture):
    shuffled = np.random.default_rng(1).permutation(picture.reshape(-1, 16, 3), axis=1).reshape(picture.shape)
    assert kept.colour_differences(shuffled, picture)[0] < 0.6
    grey = np.repeat(picture[..., :1], 3, 2)
    assert kept.colour_differences(veiled(grey), grey)[1] == pytest.approx(0, abs=0.05)


def test_texture_is_the_papers_loss(picture, vgg16_file):
    vgg = VggFeatures(vgg16_file, "vgg16.pool2")
    one, other = (kept.features_of(vgg, of) for of in (picture, veiled(picture)))
    assert kept.texture_distance(one, one) == 0
    assert kept.texture_distance(one, other) == pytest.approx(float(perceptual_loss(one, other)))
    assert one.shape == (1, 128, 33, 60)
    assert torch.allclose(torch.from_numpy(kept.pooled(one)), one[0].flatten(1).mean(1), atol=1e-6)
