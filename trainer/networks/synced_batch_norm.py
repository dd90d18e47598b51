"""Batch normalisation over the global batch, on the CPU as well, where torch's SyncBatchNorm refuses."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

from trainer.training.parallel import mean_over_processes


class SyncedBatchNorm2d(nn.BatchNorm2d):
    """nn.BatchNorm2d whose statistics in training are those of all processes' batches together.

    In one process it is nn.BatchNorm2d itself. Every process must hold as many elements as the others. All of them
    keep the same running statistics.
    """

    def __init__(self, num_feat: int) -> None:
        super().__init__(num_feat)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        num_processes = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
        if not self.training or num_processes == 1:
            out: Tensor = super().forward(x_BCHW)
            return out
        # The variance around the global mean, not mean of squares minus square of mean, which loses digits.
        precise_BCHW = x_BCHW.to(torch.promote_types(x_BCHW.dtype, torch.float32))
        mean_C = mean_over_processes(precise_BCHW.mean((0, 2, 3)))
        centred_BCHW = precise_BCHW - _as_plane(mean_C)
        variance_C = mean_over_processes(centred_BCHW.square().mean((0, 2, 3)))
        self._keep(mean_C, variance_C, x_BCHW.numel() // self.num_features * num_processes)
        scale_C = self.weight * torch.rsqrt(variance_C + self.eps)
        return (centred_BCHW * _as_plane(scale_C) + _as_plane(self.bias)).to(x_BCHW.dtype)

    @torch.no_grad()
    def _keep(self, mean_C: Tensor, variance_C: Tensor, num_elements: int) -> None:
        """Update the running statistics, with the unbiased variance as nn.BatchNorm2d does."""
        share: float = self.momentum  # type: ignore[assignment]
        self.running_mean.lerp_(mean_C, share)  # type: ignore[union-attr]
        self.running_var.lerp_(variance_C * (num_elements / (num_elements - 1)), share)  # type: ignore[union-attr]
        self.num_batches_tracked.add_(1)  # type: ignore[union-attr]


def _as_plane(x_C: Tensor) -> Tensor:
    return x_C[:, None, None]
