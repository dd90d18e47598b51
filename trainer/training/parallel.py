"""One process or many: what they share, so that the numbers do not depend on how many there are.

Start several with torchrun, which names each process's place in its environment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from edge.basics.errors import ConfigError


@dataclass(frozen=True)
class Placement:
    """Where this process computes, and its place among the others."""

    device: torch.device
    rank: int = 0
    num_processes: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files and shows progress."""
        return self.rank == 0

    def share_of(self, batch: int, name: str) -> slice:
        """This process's part of a global batch.

        Raises:
            ConfigError: the batch cannot be divided evenly; `name` is its dotted path.
        """
        if batch % self.num_processes:
            raise ConfigError(
                f"{name} = {batch}: expected a multiple of the {self.num_processes} processes that torchrun started"
            )
        size = batch // self.num_processes
        return slice(self.rank * size, (self.rank + 1) * size)


@contextmanager
def placement(device: str = "") -> Iterator[Placement]:
    """Join torchrun's other processes, where there are any; leaves them at the end.

    Args:
        device: "cpu" or "cuda"; empty takes the GPU of this process's local rank where there is one.
    """
    rank, count = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    kind = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if kind == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device cuda: torch sees no GPU here; leave the option out to train on the CPU")
    chosen = torch.device("cpu")
    if kind == "cuda":
        chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(chosen)
    place = Placement(chosen, rank, count)
    if count == 1:
        yield place
        return
    dist.init_process_group("nccl" if kind == "cuda" else "gloo")
    try:
        yield place
        dist.barrier()  # who leaves while another still talks takes its connections away
    finally:
        dist.destroy_process_group()


def _num_processes() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


class _Mean(torch.autograd.Function):
    """Mean over processes; its gradient is the mean of theirs, as DistributedDataParallel averages once more."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _averaged(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return _averaged(grads[0])


def _averaged(x: Tensor) -> Tensor:
    total = x.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total / dist.get_world_size()


def mean_over_processes(x: Tensor) -> Tensor:
    """Elementwise mean of the processes' tensors, differentiable; `x` itself where there is one process."""
    if _num_processes() == 1:
        return x
    mean: Tensor = _Mean.apply(x)
    return mean


def gather_batch(x_BCHW: Tensor) -> Tensor:
    """The global batch in rank order, without gradients; `x_BCHW` itself where there is one process."""
    if _num_processes() == 1:
        return x_BCHW
    mine = x_BCHW.detach().contiguous()
    parts = [torch.empty_like(mine) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, mine)
    return torch.cat(parts)


def wait_for_all() -> None:
    """Return when every process has come here."""
    if _num_processes() > 1:
        dist.barrier()
