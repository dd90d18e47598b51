"""Losses as plain functions of tensors in [0, 1], shape (B, 3, H, W)."""

from __future__ import annotations

from torch import Tensor


def pixel_loss(out_BCHW: Tensor, gt_BCHW: Tensor) -> Tensor:
    """Mean absolute error."""
    return (out_BCHW - gt_BCHW).abs().mean()


def gradient_loss(out_BCHW: Tensor, gt_BCHW: Tensor) -> Tensor:
    """Mean absolute error of the first differences, x and y added.

    Keeps edges where L1 alone would blur (Mathieu et al., ICLR 2016, eq. 6, alpha 1).
    """
    error_BCHW = out_BCHW - gt_BCHW
    along_x = (error_BCHW[..., 1:] - error_BCHW[..., :-1]).abs().mean()
    along_y = (error_BCHW[..., 1:, :] - error_BCHW[..., :-1, :]).abs().mean()
    return along_x + along_y


def squared_loss(out_BCHW: Tensor, gt_BCHW: Tensor) -> Tensor:
    """Mean squared error: where one picture could be two, it takes the middle instead of the likelier."""
    return (out_BCHW - gt_BCHW).square().mean()


def student_loss(out_BCHW: Tensor, gt_BCHW: Tensor, gradient_weight: float, squared_weight: float) -> Tensor:
    """L1, plus weighted gradient L1 and squared error."""
    shape = gradient_weight * gradient_loss(out_BCHW, gt_BCHW)
    return pixel_loss(out_BCHW, gt_BCHW) + shape + squared_weight * squared_loss(out_BCHW, gt_BCHW)
