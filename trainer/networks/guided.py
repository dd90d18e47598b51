"""Guided x4: carries what a dehazer did at 480x270 to the camera's own pixels. The reference of every other form.

    out = up(S) * I + up(P - S * I_lr),    S = 1/g + (g - 1/g) * w

I is the camera's frame, I_lr its 4x4 mean, P the dehazed picture, g the gain of local contrast from I_lr to P in
[0.5, 4], w a Wiener gate and `up` bilinear, half-pixel centres. It stands for up(P) + g w (I - up(I_lr)), with the
products taken before `up`: two maps go up instead of three, and 1080p sees one multiply-add (as the fast guided filter
does, He & Sun, arXiv 1505.00996). Where the camera's detail is only noise the gate closes and S falls to 1/g: what is
lost in fog is the signal, so noise must not rise with it, and a video must not flicker more than its input.

All values are display levels in [0, 255], float32, (B, C, H, W).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from edge.pictures.geometry import SCALE

GAIN_MIN, GAIN_MAX = 0.5, 4.0
ACTIVITY_ROW = 1
NOISE_SIGMA = 1.5
"""Levels of sensor noise that the gate assumes at 1080p.

A constant: an estimate from each frame would itself flicker.
"""
NOISE_ACTIVITY = 12 * 2 * NOISE_SIGMA / torch.pi**0.5
"""Expected `detail_activity` of that noise alone: 12 differences with E|d| = 2 sigma / sqrt(pi)."""
GATE_WINDOW = 5
CONTRAST_WINDOW = 5


def shrink(frame_BCHW: Tensor) -> Tensor:
    """4x4 mean rounded to a whole level, half to even.

    What the network sees is the same 8-bit picture on every engine.
    """
    return torch.round(F.avg_pool2d(frame_BCHW, SCALE))


def detail_activity(frame_BCHW: Tensor) -> Tensor:
    """How much the camera's own pixels differ inside each 4x4 cell.

    Sum over one row of the cell (4 pixels, 3 channels) of the absolute difference to the next pixel on the right,
    saturated at 255; the picture's last column has no next pixel and counts 0.

    Returns:
        (B, 1, H / 4, W / 4), whole levels in [0, 255].
    """
    row_BCHW = frame_BCHW[:, :, ACTIVITY_ROW::SCALE]
    step_BCHW = F.pad((row_BCHW[..., 1:] - row_BCHW[..., :-1]).abs(), (0, 1))
    cells = F.avg_pool2d(step_BCHW, (1, SCALE)) * SCALE
    return cells.sum(1, keepdim=True).clamp(max=255)


def noise_gate(activity_B1HW: Tensor) -> Tensor:
    """Wiener gate in [0, 1]: the share of the activity's power that noise does not explain, over 5x5 cells."""
    power = F.avg_pool2d(activity_B1HW.square(), GATE_WINDOW, 1, GATE_WINDOW // 2, count_include_pad=False)
    return (1 - NOISE_ACTIVITY**2 / (power + 1e-3)).clamp(min=0)


def contrast_gain(dehazed_BCHW: Tensor, shrunk_BCHW: Tensor) -> Tensor:
    """Gain of a dehazer that does not state one.

    The ratio of local standard deviations over 5x5 pixels, all channels together.
    """

    def variance(x_BCHW: Tensor) -> Tensor:
        padded = F.pad(x_BCHW, [CONTRAST_WINDOW // 2] * 4, mode="reflect")
        mean = F.avg_pool2d(padded, CONTRAST_WINDOW, 1)
        return (F.avg_pool2d(padded.square(), CONTRAST_WINDOW, 1) - mean.square()).clamp(min=0).mean(1, keepdim=True)

    return torch.sqrt((variance(dehazed_BCHW) + 1) / (variance(shrunk_BCHW) + 1)).clamp(GAIN_MIN, GAIN_MAX)


def coefficients(
    shrunk_BCHW: Tensor, dehazed_BCHW: Tensor, gain_BCHW: Tensor, activity_B1HW: Tensor
) -> tuple[Tensor, Tensor]:
    """Slope S and intercept P - S * I_lr at network size; a gain below 1 is taken as it is, S = g."""
    raised = gain_BCHW.clamp(min=1)
    closed = 1 / raised
    slope = gain_BCHW.clamp(max=1) - 1 + closed + (raised - closed) * noise_gate(activity_B1HW)
    return slope, dehazed_BCHW - slope * shrunk_BCHW


def applied(frame_BCHW: Tensor, slope_BCHW: Tensor, intercept_BCHW: Tensor) -> Tensor:
    """up(S) * I + up(intercept), neither rounded nor clamped: what a loss takes, so that its gradient gets through."""

    def up(x_BCHW: Tensor) -> Tensor:
        return F.interpolate(x_BCHW, scale_factor=float(SCALE), mode="bilinear", align_corners=False)

    return up(slope_BCHW) * frame_BCHW + up(intercept_BCHW)


def carry(frame_BCHW: Tensor, slope_BCHW: Tensor, intercept_BCHW: Tensor) -> Tensor:
    """`applied`, rounded half to even and clamped to [0, 255]."""
    return torch.round(applied(frame_BCHW, slope_BCHW, intercept_BCHW)).clamp(0, 255)


def guided_x4(frame_BCHW: Tensor, dehazed_BCHW: Tensor, gain_BCHW: Tensor | None = None) -> Tensor:
    """The whole step for a dehazed picture at a quarter of the frame's size.

    Args:
        frame_BCHW: the camera's frame, sides divisible by 4.
        dehazed_BCHW: the dehazed 4x4 mean.
        gain_BCHW: the dehazer's own gain; None estimates it from local contrast.
    """
    shrunk = shrink(frame_BCHW)
    gain = contrast_gain(dehazed_BCHW, shrunk) if gain_BCHW is None else gain_BCHW
    return carry(frame_BCHW, *coefficients(shrunk, dehazed_BCHW, gain, detail_activity(frame_BCHW)))
