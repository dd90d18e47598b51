"""CycleGAN's 70x70 PatchGAN: says for each patch of a picture whether it looks real."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from trainer.networks.initial_weights import normal_weights
from trainer.networks.instance_norm import InstanceNorm2d


@dataclass(frozen=True)
class PatchDiscriminatorConfig:
    """Size of the discriminator; the default is CycleGAN's, 2,764,737 parameters.

    Attributes:
        num_feat: channels of the first layer (`ndf`).
    """

    num_feat: int = 64


class PatchDiscriminator(nn.Module):
    """RGB in [-1, 1] (B, 3, H, W) -> raw scores (B, 1, h, w), one for each patch of 70x70 px, 8 px apart.

    C64-C128-C256-C512 and a convolution to one channel (Zhu et al., ICCV 2017, appendix 7.2; Isola et al., CVPR
    2017), 4x4 kernels, LeakyReLU 0.2, instance normalisation but for the first layer. As in the authors' code, C512
    and the last convolution have stride 1, and no sigmoid follows: least squares need the raw score. A picture of
    480x270 gives 58x31 scores.
    """

    def __init__(self, config: PatchDiscriminatorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or PatchDiscriminatorConfig()
        n = config.num_feat
        self.layers = nn.Sequential(
            nn.Conv2d(3, n, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            *_normalised(n, 2 * n, 2),
            *_normalised(2 * n, 4 * n, 2),
            *_normalised(4 * n, 8 * n, 1),
            nn.Conv2d(8 * n, 1, 4, padding=1),
        )
        self.apply(normal_weights)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        score: Tensor = self.layers(x_BCHW)
        return score


def _normalised(num_in: int, num_out: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(num_in, num_out, 4, stride, padding=1), InstanceNorm2d(), nn.LeakyReLU(0.2)]
