"""Instance normalisation that keeps the memory layout, is right in both layouts, and exports as one operator."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-5


class _Normalised(torch.autograd.Function):
    """Forward keeps only its own result; statistics are in float32 at least, whatever autocast gives."""

    @staticmethod
    def forward(ctx: Any, x_BCHW: Tensor) -> Tensor:
        precise = torch.promote_types(x_BCHW.dtype, torch.float32)
        centred = x_BCHW - x_BCHW.mean((2, 3), keepdim=True, dtype=precise)
        scale_BC11 = torch.rsqrt((centred * centred).mean((2, 3), keepdim=True) + EPSILON)
        out = (centred * scale_BC11).to(x_BCHW.dtype)
        ctx.save_for_backward(out, scale_BC11)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        out, scale_BC11 = ctx.saved_tensors
        (grad,) = grads
        along_mean = grad.mean((2, 3), keepdim=True, dtype=scale_BC11.dtype)
        along_out = (grad * out).mean((2, 3), keepdim=True, dtype=scale_BC11.dtype)
        return ((grad - along_mean - out * along_out) * scale_BC11).to(grad.dtype)


def instance_norm(x_BCHW: Tensor) -> Tensor:
    """Mean 0 and variance 1 over each picture's channel (Ulyanov et al., arXiv 1607.08022, eq. 5), nothing learned.

    `F.instance_norm` turns channels_last into NCHW, and on the CPU torch 2.13 gives it a wrong gradient at batch 1
    when the incoming gradient is channels_last. So it serves the export alone, where it is InstanceNormalization,
    which TensorRT has a kernel for.
    """
    if torch.onnx.is_in_onnx_export():
        return F.instance_norm(x_BCHW, eps=EPSILON)
    out: Tensor = _Normalised.apply(x_BCHW)
    return out


class InstanceNorm2d(nn.Module):
    """`instance_norm` as a layer: no parameters, no running statistics, the same in training and evaluation.

    The result must not be changed in place: its gradient needs it.
    """

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return instance_norm(x_BCHW)
