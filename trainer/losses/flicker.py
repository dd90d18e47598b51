"""Profile `live` at the camera's own pixels, differentiable, and the flicker between two moments.

Pictures have shape (B, 3, H, W), in [0, 1].
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from edge.pictures.geometry import NETWORK_WIDTH_PX
from trainer.data.student_items import MOTION_PX, ZOOM
from trainer.networks import guided
from trainer.networks.student import Student

FLICKER_PX = 8
"""Side of the cells whose means may not flicker.

The maps are smooth, so all flicker that they make is; noise, which is the gate's affair, is gone from a mean of 64.
"""
BORDER_PX = math.ceil(MOTION_PX + ZOOM * NETWORK_WIDTH_PX / 2)
"""Reach of what may have left the picture between two moments."""


def shrunk(frame_BCHW: Tensor) -> Tensor:
    """What the network sees of a frame of whole levels, bit for bit as at work."""
    return guided.shrink(torch.round(frame_BCHW * 255)) / 255


def guided_frame(student: Student, frame_BCHW: Tensor) -> Tensor:
    """The whole of profile `live`, differentiable: `guided.guided_x4` without its last rounding and clamping.

    Args:
        frame_BCHW: whole levels over 255, sides divisible by 4.
    """
    levels_BCHW = torch.round(frame_BCHW * 255)
    small_BCHW = guided.shrink(levels_BCHW)
    gain_BCHW, offset_BCHW = student(small_BCHW / 255)
    dehazed_BCHW = (gain_BCHW * small_BCHW + offset_BCHW * 255).clamp(0, 255)
    activity_B1HW = guided.detail_activity(levels_BCHW)
    maps = guided.coefficients(small_BCHW, dehazed_BCHW, gain_BCHW, activity_B1HW)
    return guided.applied(levels_BCHW, *maps) / 255


def brought_back(later_BCHW: Tensor, motion_B3: Tensor) -> Tensor:
    """A later moment's picture where the first moment had its points; bilinear, 0 from outside.

    Args:
        motion_B3: dx_px, dy_px and zoom about the middle, as in `trainer.data.student_items`.
    """
    height, width = later_BCHW.shape[2:]
    dx_B, dy_B, zoom_B = motion_B3.unbind(1)
    none_B = torch.zeros_like(zoom_B)
    rows = [zoom_B, none_B, dx_B * 2 / (width - 1), none_B, zoom_B, dy_B * 2 / (height - 1)]
    grid_BHW2 = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(later_BCHW.shape), align_corners=True)
    return F.grid_sample(later_BCHW, grid_BHW2, mode="bilinear", padding_mode="zeros", align_corners=True)


def temporal_loss(error_BCHW: Tensor, later_error_BCHW: Tensor, motion_B3: Tensor) -> Tensor:
    """How far the error of one point of tissue changes from one moment to the next.

    out' - out - (gt' - gt) = (out' - gt') - (out - gt): what the result flickers beyond its truth is the change of its
    error, followed along the known motion (after Lai et al., "Learning blind video temporal consistency", ECCV 2018,
    eq. 2, where flow is estimated and the input stands in for the truth). A constant error costs nothing here.

    Args:
        error_BCHW: result minus truth at the first moment; `later_error_BCHW` at the second.

    Returns:
        Scalar, mean absolute change over cells of `FLICKER_PX`, the border left out.
    """
    change_BCHW = brought_back(later_error_BCHW, motion_B3) - error_BCHW
    inside = change_BCHW[..., BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]
    return F.avg_pool2d(inside, FLICKER_PX).abs().mean()
