"""ESRGAN's discriminator at MIINet's size."""

import pytest
import torch
from torch import nn

from edge.basics.errors import ConfigError
from trainer.networks.synced_batch_norm import SyncedBatchNorm2d
from trainer.networks.vgg_discriminator import VggDiscriminator, VggDiscriminatorConfig


def count(network):
    return sum(p.numel() for p in network.parameters())


def test_parameter_count():
    # ESRGAN's released network for 128x128 has 14,499,401; 224x224 leaves 7x7 in place of 4x4 before 100 outputs.
    with torch.device("meta"):
        assert count(VggDiscriminator(VggDiscriminatorConfig(size_px=128))) == 14_499_401
        assert count(VggDiscriminator()) == 14_499_401 + 100 * 512 * (7 * 7 - 4 * 4)


@pytest.mark.parametrize("size_px", [32, 64, 224])
def test_one_raw_score_for_each_picture(size_px):
    torch.manual_seed(0)
    network = VggDiscriminator(VggDiscriminatorConfig(2, size_px))
    assert network(torch.rand(3, 3, size_px, size_px)).shape == (3, 1)
    assert network.config.size_px == size_px
    nn.init.constant_(network.judge[-1].bias, -7.0)
    assert network(torch.rand(3, 3, size_px, size_px)).max() < -1  # no sigmoid


def test_layers_in_order():
    network = VggDiscriminator(VggDiscriminatorConfig(2, 32))
    convolutions = [layer for layer in network.stages if isinstance(layer, nn.Conv2d)]
    shapes = [(c.in_channels, c.out_channels, c.kernel_size[0], c.stride[0], c.bias is not None) for c in convolutions]
    assert shapes == [
        (3, 2, 3, 1, True), (2, 2, 4, 2, False),
        (2, 4, 3, 1, False), (4, 4, 4, 2, False),
        (4, 8, 3, 1, False), (8, 8, 4, 2, False),
        (8, 16, 3, 1, False), (16, 16, 4, 2, False),
        (16, 16, 3, 1, False), (16, 16, 4, 2, False),
    ]  # fmt: skip
    kinds = [type(layer) for layer in network.stages]
    block = [nn.Conv2d, SyncedBatchNorm2d, nn.LeakyReLU]
    assert kinds == [nn.Conv2d, nn.LeakyReLU, *block * 9]
    assert {layer.negative_slope for layer in network.modules() if isinstance(layer, nn.LeakyReLU)} == {0.2}


@pytest.mark.parametrize("size_px", [0, 16, 100, -32])
def test_a_side_that_cannot_be_halved_five_times_is_refused(size_px):
    with pytest.raises(ConfigError, match=f"size_px = {size_px}: expected a multiple of 32"):
        VggDiscriminator(VggDiscriminatorConfig(2, size_px))


@pytest.mark.parametrize("height, width", [(32, 64), (64, 32), (96, 96)])
def test_a_picture_of_another_size_is_refused(height, width):
    network = VggDiscriminator(VggDiscriminatorConfig(2, 64))
    with pytest.raises(ConfigError, match=f"picture of {width}x{height} px, expected 64x64"):
        network(torch.rand(2, 3, height, width))
