"""The 70x70 PatchGAN."""

import pytest
import torch
from torch import nn

from trainer.networks.instance_norm import InstanceNorm2d
from trainer.networks.patch_discriminator import PatchDiscriminator, PatchDiscriminatorConfig


def influence(row, column):
    """Where a picture of 192x192 px changes one score.

    Without the normalisation, whose statistics are the whole picture's.
    """
    torch.manual_seed(0)
    network = PatchDiscriminator(PatchDiscriminatorConfig(2)).double()
    for index, layer in enumerate(network.layers):
        if isinstance(layer, InstanceNorm2d):
            network.layers[index] = nn.Identity()
    x = torch.rand(1, 3, 192, 192, dtype=torch.float64).requires_grad_()
    (grad,) = torch.autograd.grad(network(x)[0, 0, row, column], x)
    rows, columns = torch.nonzero(grad.abs().sum((0, 1)), as_tuple=True)
    return rows.min().item(), rows.max().item() + 1, columns.min().item(), columns.max().item() + 1


def test_parameter_count_is_the_released_networks():
    assert sum(p.numel() for p in PatchDiscriminator().parameters()) == 2_764_737


@pytest.mark.parametrize(
    ("size", "scores"), [((270, 480), (31, 58)), ((256, 256), (30, 30)), ((70, 70), (6, 6))], ids=["frame", "256", "70"]
)
def test_one_raw_score_for_each_patch(size, scores):
    network = PatchDiscriminator(PatchDiscriminatorConfig(8))
    out = network(torch.rand(2, 3, *size) * 2 - 1)
    assert out.shape == (2, 1, *scores)
    assert out.min() < 0 or out.max() > 1  # no sigmoid
    assert network.config.num_feat == 8


def test_a_score_sees_70x70_pixels():
    top, bottom, left, right = influence(10, 12)
    assert (bottom - top, right - left) == (70, 70)


def test_scores_are_8_pixels_apart():
    top, _, left, _ = influence(10, 12)
    assert influence(11, 10)[::2] == (top + 8, left - 16)


def test_first_and_last_layer_are_not_normalised():
    kinds = [type(layer) for layer in PatchDiscriminator(PatchDiscriminatorConfig(2)).layers]
    block = [nn.Conv2d, InstanceNorm2d, nn.LeakyReLU]
    assert kinds == [nn.Conv2d, nn.LeakyReLU, *block * 3, nn.Conv2d]


def test_weights_start_as_cyclegans():
    torch.manual_seed(0)
    for layer in PatchDiscriminator().layers:
        if isinstance(layer, nn.Conv2d):
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.03)
            assert not layer.bias.any()
