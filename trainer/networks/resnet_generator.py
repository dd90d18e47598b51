"""CycleGAN's ResNet generator: MIINet's image dehazing module, in both directions."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from trainer.networks.initial_weights import normal_weights
from trainer.networks.instance_norm import InstanceNorm2d

MULTIPLE_PX = 4
"""Two strided convolutions and two transposed ones give back sides that are multiples of this."""


@dataclass(frozen=True)
class ResnetGeneratorConfig:
    """Size of the generator; the defaults are CycleGAN's for pictures of 256x256 and more, 11,378,179 parameters.

    Attributes:
        num_feat: channels at full resolution, doubled by each of the two strided convolutions (`ngf`).
        num_block: residual blocks at a quarter of the resolution.
        shrink: side of the blocks whose mean the network sees in use in place of 480x270, as it does in training
            (`idm_in_use.dehazed`); the paper's is 1.
        skip: whether the network says what to change of its input, not the whole picture; the paper's does not.
        stem_norm: whether the first layer's features are normalised, as CycleGAN's are. Normalised, a picture under an
            even veil is the same to the network as without it.
    """

    num_feat: int = 64
    num_block: int = 9
    shrink: int = 1
    skip: bool = False
    stem_norm: bool = True


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, each with reflected borders and instance normalisation, added to the input."""

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(num_feat, num_feat, 3),
            InstanceNorm2d(),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(num_feat, num_feat, 3),
            InstanceNorm2d(),
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        out: Tensor = x_BCHW + self.body(x_BCHW)
        return out


class ResnetGenerator(nn.Module):
    """RGB in [-1, 1] -> RGB in [-1, 1], (B, 3, H, W) both.

    c7s1-64, d128, d256, 9 x R256, u128, u64, c7s1-3 in the notation of Zhu et al. (ICCV 2017, appendix 7.2), after
    Johnson et al. (ECCV 2016). As in the authors' code, convolutions before a normalisation have biases, the last
    one has tanh in place of normalisation and ReLU, and weights start from N(0, 0.02), biases from 0.

    Bottom and right are reflect-padded inside to a multiple of 4 and cropped again, so any size of 5 px and more
    goes in and the same comes out (270 rows become 272 and 270 again).
    """

    def __init__(self, config: ResnetGeneratorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ResnetGeneratorConfig()
        n = config.num_feat
        norm = [InstanceNorm2d()] if config.stem_norm else []
        self.stem = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(3, n, 7), *norm, nn.ReLU())
        self.down = nn.Sequential(*_down(n), *_down(2 * n))
        self.blocks = nn.Sequential(*(ResidualBlock(4 * n) for _ in range(config.num_block)))
        self.up = nn.Sequential(*_up(4 * n), *_up(2 * n))
        self.head = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(n, 3, 7), nn.Tanh())
        self.apply(normal_weights)
        if config.skip:  # the identity: what is to be changed is learnt from nothing
            nn.init.zeros_(self.head[1].weight)  # type: ignore[arg-type]

    def forward(self, x_BCHW: Tensor) -> Tensor:
        height, width = x_BCHW.shape[2:]
        pad_bottom, pad_right = -height % MULTIPLE_PX, -width % MULTIPLE_PX
        padded = F.pad(x_BCHW, (0, pad_right, 0, pad_bottom), mode="reflect") if pad_bottom or pad_right else x_BCHW
        out: Tensor = self.head(self.up(self.blocks(self.down(self.stem(padded)))))[..., :height, :width]
        return (x_BCHW + out).clamp(-1, 1) if self.config.skip else out


def _down(num_in: int) -> list[nn.Module]:
    return [nn.Conv2d(num_in, 2 * num_in, 3, stride=2, padding=1), InstanceNorm2d(), nn.ReLU()]


def _up(num_in: int) -> list[nn.Module]:
    doubled = nn.ConvTranspose2d(num_in, num_in // 2, 3, stride=2, padding=1, output_padding=1)
    return [doubled, InstanceNorm2d(), nn.ReLU()]
