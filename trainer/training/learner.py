"""Networks that one optimiser moves down one objective: half of a GAN, or a whole student."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from trainer.training.parallel import Placement

Terms = dict[str, Tensor]
"""Loss terms of a step, scalars by name; `total` is what goes down."""


@dataclass(frozen=True)
class Adam:
    """Adam's settings (Kingma & Ba, ICLR 2015).

    Attributes:
        betas: decay of the first and second moment.
        clip: largest norm of the gradient; 0 leaves it as it is.
        rate_at: learning rate of a step, counted from 0.
    """

    betas: tuple[float, float]
    rate_at: Callable[[int], float]
    clip: float = 0.0


@dataclass(frozen=True)
class Arithmetic:
    """How the numbers are held, for every learner of a run.

    Attributes:
        bf16: matrix work in bfloat16 (autocast); weights, sums and losses stay float32.
        channels_last: pictures and weights as NHWC in memory, which convolutions take faster.
        compile: fuse the networks with torch.compile.
        ema_decay: decay of the averaged weights; 0 makes the average the weights themselves.
    """

    bf16: bool = False
    channels_last: bool = True
    compile: bool = False
    ema_decay: float = 0.0


class Learner:
    """Networks, the objective that judges them, their optimiser and their averages."""

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        objective: nn.Module,
        adam: Adam,
        arithmetic: Arithmetic,
        place: Placement,
    ) -> None:
        """The objective's forward gives `(terms, extra)`; it holds `networks` and no other trained parameter."""
        self.networks, self.adam, self.arithmetic, self.place = dict(networks), adam, arithmetic, place
        layout = torch.channels_last if arithmetic.channels_last else torch.contiguous_format
        objective.to(place.device, memory_format=layout)  # type: ignore[call-overload]
        self.averages = {
            name: copy.deepcopy(net).eval() if arithmetic.ema_decay else net for name, net in self.networks.items()
        }
        self.parameters = [p for net in self.networks.values() for p in net.parameters()]
        self.optimiser = torch.optim.Adam(self.parameters, lr=adam.rate_at(0), betas=adam.betas, fused=True)
        if arithmetic.compile:
            for network in self.networks.values():
                network.compile()
        self.objective: nn.Module = objective
        if place.num_processes > 1:
            self.objective = DistributedDataParallel(objective, broadcast_buffers=False)

    def autocast(self) -> AbstractContextManager[Any]:
        kind = self.place.device.type
        return torch.autocast(kind, torch.bfloat16) if self.arithmetic.bf16 else nullcontext()

    def move(self, number: int, *inputs: Tensor) -> tuple[Terms, Any]:
        """One step down the objective; gives its terms, detached, and what else its forward gave."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.adam.rate_at(number)
        with self.autocast():
            terms, extra = self.objective(*inputs)
        self.optimiser.zero_grad(set_to_none=True)
        terms["total"].backward()
        if self.adam.clip:
            nn.utils.clip_grad_norm_(self.parameters, self.adam.clip)
        self.optimiser.step()
        self._average(number)
        return {name: term.detach() for name, term in terms.items()}, extra

    @torch.no_grad()
    def _average(self, number: int) -> None:
        if not self.arithmetic.ema_decay:
            return
        decay = min(self.arithmetic.ema_decay, (number + 1) / (number + 10))
        for name, network in self.networks.items():
            kept = list(self.averages[name].parameters())
            torch._foreach_lerp_(kept, list(network.parameters()), 1 - decay)
            for buffer, new in zip(self.averages[name].buffers(), network.buffers(), strict=True):
                buffer.copy_(new)


class frozen:  # noqa: N801  reads as a verb at its place of use: `with frozen(judge):`
    """Networks that judge but do not learn: gradients pass through them and leave nothing behind."""

    def __init__(self, *networks: nn.Module) -> None:
        self.networks = networks

    def __enter__(self) -> None:
        for network in self.networks:
            network.requires_grad_(False)

    def __exit__(self, *_: object) -> None:
        for network in self.networks:
            network.requires_grad_(True)
