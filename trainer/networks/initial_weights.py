"""How the weights of new networks are drawn."""

from __future__ import annotations

from torch import nn

CYCLEGAN_STD = 0.02


def normal_weights(layer: nn.Module) -> None:
    """Draw a convolution's weights from N(0, 0.02), bias 0 (CycleGAN, appendix 7.1); for `Module.apply`."""
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, std=CYCLEGAN_STD)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def small_kaiming_weights(layer: nn.Module) -> None:
    """Draw a convolution's weights as He et al. (ICCV 2015, fan-in), scaled by 0.1, bias 0 (ESRGAN, section 3.1).

    Residual branches that start small are easier to train; for `Module.apply`.
    """
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight)
        layer.weight.data.mul_(0.1)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
