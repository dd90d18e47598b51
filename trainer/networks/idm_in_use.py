"""The paper's dehazer as a profile runs it: on the 480x270 picture, whatever the size that the network looks at."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from trainer.networks.guided import contrast_gain
from trainer.networks.resnet_generator import ResnetGenerator

LEVELS = 127.5
"""Levels of [0, 255] in one of [-1, 1]."""


def dehazed(generator: ResnetGenerator, lq_BCHW: Tensor) -> Tensor:
    """RGB in [-1, 1] -> RGB in [-1, 1], (B, 3, H, W) both.

    A network with `shrink` above 1 sees a mean of the picture, as it did in training (instance normalisation answers to
    what is in the picture and to its scale). What it did is carried to the picture's own pixels as by the guided step,
    without its noise gate: out = up(g) x + up(P - g x_s), g the gain of local contrast. So such a network lifts a veil,
    and edges finer than it sees are the input's.
    """
    shrink = generator.config.shrink
    if shrink == 1:
        out: Tensor = generator(lq_BCHW)
        return out
    height, width = lq_BCHW.shape[2:]
    crosses = bool(height % shrink or width % shrink)  # cells that cross the border count what they hold
    small_BCHW = F.avg_pool2d(lq_BCHW, shrink, ceil_mode=crosses)
    result_BCHW = generator(small_BCHW)
    gain_B1HW = contrast_gain((result_BCHW + 1) * LEVELS, (small_BCHW + 1) * LEVELS)

    def up(x_BCHW: Tensor) -> Tensor:
        enlarged = F.interpolate(x_BCHW, scale_factor=float(shrink), mode="bilinear", align_corners=False)
        return enlarged[..., :height, :width]

    return up(gain_B1HW) * lq_BCHW + up(result_BCHW - gain_B1HW * small_BCHW)
