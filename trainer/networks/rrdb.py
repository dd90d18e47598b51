"""ESRGAN's generator RRDBNet x4: MIINet's image super-resolution module."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from trainer.networks.initial_weights import small_kaiming_weights

RESIDUAL_SCALE = 0.2
SCALE = 4


@dataclass(frozen=True)
class RrdbConfig:
    """Size of the network; the defaults are ESRGAN's, 16,697,987 parameters.

    Attributes:
        num_feat: channels of the trunk.
        num_block: residual-in-residual dense blocks.
        num_grow_ch: channels that each convolution of a dense block adds.
    """

    num_feat: int = 64
    num_block: int = 23
    num_grow_ch: int = 32


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees all that came before; the last one's result, times 0.2, is added."""

    def __init__(self, num_feat: int, num_grow_ch: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(num_feat, num_grow_ch, 3, padding=1)
        self.conv2 = nn.Conv2d(num_feat + num_grow_ch, num_grow_ch, 3, padding=1)
        self.conv3 = nn.Conv2d(num_feat + 2 * num_grow_ch, num_grow_ch, 3, padding=1)
        self.conv4 = nn.Conv2d(num_feat + 3 * num_grow_ch, num_grow_ch, 3, padding=1)
        self.conv5 = nn.Conv2d(num_feat + 4 * num_grow_ch, num_feat, 3, padding=1)
        self.apply(small_kaiming_weights)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        seen = [x_BCHW]
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            seen.append(_leaky(conv(torch.cat(seen, 1) if len(seen) > 1 else x_BCHW)))
        return x_BCHW + RESIDUAL_SCALE * self.conv5(torch.cat(seen, 1))


class ResidualInResidualBlock(nn.Module):
    """Three dense blocks in a row; the result, times 0.2, is added to the input."""

    def __init__(self, num_feat: int, num_grow_ch: int) -> None:
        super().__init__()
        self.rdb1 = DenseBlock(num_feat, num_grow_ch)
        self.rdb2 = DenseBlock(num_feat, num_grow_ch)
        self.rdb3 = DenseBlock(num_feat, num_grow_ch)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW + RESIDUAL_SCALE * self.rdb3(self.rdb2(self.rdb1(x_BCHW)))


class Rrdb(nn.Module):
    """RGB in [0, 1] (B, 3, H, W) -> RGB (B, 3, 4H, 4W), about [0, 1] and not clamped.

    Wang et al. (ECCV Workshops 2018), section 3.1: no normalisation, residual scale 0.2, LeakyReLU 0.2, nearest
    doubling and a convolution, twice. Dense blocks start from Kaiming's weights times 0.1. Layers have BasicSR's
    names, so that its weights load as they are.

    Args:
        checkpointed: in training keep each block's input alone and compute the block again on the way back: the same
            result, about a third more time, activations of one block at a time.
    """

    def __init__(self, config: RrdbConfig | None = None, *, checkpointed: bool = False) -> None:
        super().__init__()
        self.config = config = config or RrdbConfig()
        self.checkpointed = checkpointed
        n = config.num_feat
        self.conv_first = nn.Conv2d(3, n, 3, padding=1)
        self.body = nn.Sequential(*(ResidualInResidualBlock(n, config.num_grow_ch) for _ in range(config.num_block)))
        self.conv_body = nn.Conv2d(n, n, 3, padding=1)
        self.conv_up1 = nn.Conv2d(n, n, 3, padding=1)
        self.conv_up2 = nn.Conv2d(n, n, 3, padding=1)
        self.conv_hr = nn.Conv2d(n, n, 3, padding=1)
        self.conv_last = nn.Conv2d(n, 3, 3, padding=1)

    def _trunk(self, feat: Tensor) -> Tensor:
        recomputed = self.checkpointed and torch.is_grad_enabled()
        for block in self.body:
            # Nothing random is inside, so there is no generator's state to keep.
            feat = checkpoint(block, feat, use_reentrant=False, preserve_rng_state=False) if recomputed else block(feat)
        return feat

    def forward(self, x_BCHW: Tensor) -> Tensor:
        feat = self.conv_first(x_BCHW)
        feat = feat + self.conv_body(self._trunk(feat))
        for conv in (self.conv_up1, self.conv_up2):
            feat = _leaky(conv(F.interpolate(feat, scale_factor=2.0, mode="nearest")))
        out: Tensor = self.conv_last(_leaky(self.conv_hr(feat)))
        return out


def _leaky(x_BCHW: Tensor) -> Tensor:
    return F.leaky_relu(x_BCHW, 0.2, inplace=True)
