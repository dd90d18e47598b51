"""ESRGAN's discriminator, a network in VGG's manner, for square pictures whose side five halvings divide."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from edge.basics.errors import ConfigError
from trainer.networks.synced_batch_norm import SyncedBatchNorm2d

SHRUNK = 2**5
"""Five strided stages."""


@dataclass(frozen=True)
class VggDiscriminatorConfig:
    """Size of the discriminator.

    Attributes:
        num_feat: channels of the first stage; the later ones have 2, 4, 8 and 8 times as many.
        size_px: side of the square pictures, a multiple of 32: 224 in MIINet (section 2.2), 128 in ESRGAN.
    """

    num_feat: int = 64
    size_px: int = 224


class VggDiscriminator(nn.Module):
    """RGB in [0, 1] (B, 3, size_px, size_px) -> raw score (B, 1), higher for what looks real.

    As ESRGAN's released code (SRGAN's discriminator, Ledig et al., CVPR 2017, fig. 4, with strided 4x4 kernels): five
    stages of a 3x3 convolution and a 4x4 one of stride 2, batch normalisation but for the first layer, LeakyReLU
    0.2, then linear layers to 100 and 1. MIINet takes pictures of 224x224, which leaves 7x7 before the linear layers.

    Raises:
        ConfigError: `size_px` is not a multiple of 32, or a picture has another size.
    """

    def __init__(self, config: VggDiscriminatorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or VggDiscriminatorConfig()
        if config.size_px < SHRUNK or config.size_px % SHRUNK:
            raise ConfigError(f"size_px = {config.size_px}: expected a multiple of {SHRUNK}, such as 224")
        n = config.num_feat
        stages = [nn.Conv2d(3, n, 3, padding=1), nn.LeakyReLU(0.2, inplace=True), *_halving(n)]
        for num_in, num_out in ((n, 2 * n), (2 * n, 4 * n), (4 * n, 8 * n), (8 * n, 8 * n)):
            stages += [*_normalised(nn.Conv2d(num_in, num_out, 3, padding=1, bias=False)), *_halving(num_out)]
        self.stages = nn.Sequential(*stages)
        self.judge = nn.Sequential(
            nn.Linear(8 * n * (config.size_px // SHRUNK) ** 2, 100),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(100, 1),
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        height, width = x_BCHW.shape[2:]
        size = self.config.size_px
        if (height, width) != (size, size):
            raise ConfigError(
                f"discriminator: picture of {width}x{height} px, expected {size}x{size}; let size_px be the crop"
            )
        score: Tensor = self.judge(self.stages(x_BCHW).flatten(1))
        return score


def _halving(num_feat: int) -> list[nn.Module]:
    return _normalised(nn.Conv2d(num_feat, num_feat, 4, stride=2, padding=1, bias=False))


def _normalised(conv: nn.Conv2d) -> list[nn.Module]:
    return [conv, SyncedBatchNorm2d(conv.out_channels), nn.LeakyReLU(0.2, inplace=True)]
