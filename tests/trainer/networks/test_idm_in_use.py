"""The paper's dehazer on the 480x270 picture, whatever size it looks at."""

import torch

from trainer.networks.idm_in_use import dehazed
from trainer.networks.resnet_generator import ResnetGenerator, ResnetGeneratorConfig


def generator(**sizes):
    torch.manual_seed(3)
    return ResnetGenerator(ResnetGeneratorConfig(4, 1, **sizes)).eval()


class Affine(ResnetGenerator):
    """Lifts an even veil: 2 x - 0.5, by a network's interface."""

    def forward(self, x_BCHW):
        return 2 * x_BCHW - 0.5


@torch.no_grad()
def test_at_full_size_it_is_the_network_and_nothing_else():
    network, picture = generator(), torch.rand(1, 3, 27, 48) * 2 - 1
    assert torch.equal(dehazed(network, picture), network(picture))


@torch.no_grad()
def test_what_it_did_to_a_smaller_picture_reaches_every_pixel_with_its_detail():
    picture = torch.rand(1, 3, 90, 160) * 0.8 - 0.4
    found = dehazed(Affine(ResnetGeneratorConfig(4, 1, shrink=3)), picture)
    middle = (slice(None), slice(None), slice(12, -12), slice(12, -12))
    assert (found - (2 * picture - 0.5))[middle].abs().max() < 0.02


@torch.no_grad()
def test_any_size_comes_back():
    assert dehazed(generator(shrink=3), torch.rand(2, 3, 43, 65)).shape == (2, 3, 43, 65)


@torch.no_grad()
def test_a_new_network_with_a_skip_is_the_identity():
    picture = torch.rand(1, 3, 45, 80) * 2 - 1
    assert torch.equal(generator(skip=True)(picture), picture)
    small = dehazed(generator(skip=True, shrink=3), picture)
    assert (small - picture).abs().max() < 1e-5


@torch.no_grad()
def test_only_without_the_first_normalisation_an_even_veil_is_seen():
    torch.manual_seed(5)
    picture = torch.rand(1, 3, 40, 64) - 0.5
    veiled = picture * 0.5 + 0.3

    def seen(network):
        inner = network.stem[:-1](picture), network.stem[:-1](veiled)
        return (inner[0] - inner[1]).abs().max()

    assert seen(generator()) < 0.02
    assert seen(generator(stem_norm=False)) > 0.1
