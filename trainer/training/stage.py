"""What a stage of training (IDM, ISR, student) gives to the loop that runs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from edge.pictures.image import Image
from trainer.training.checkpoint import Tensors, flattened, nested, optimiser_tensors, restore_optimiser, save_whole
from trainer.training.learner import Learner, Terms


class Stage(ABC):
    """Learners, how they take turns, and what comes out.

    Attributes:
        kind: the command's name; a state of another kind is refused.
        learners: by name; each one's networks, averages and Adam state are in every checkpoint.
        settings: all that the numbers depend on, flat; a run goes on only with the same ones.
        batch: pictures a step, over all processes, and `steps` in all.
        memory_advice: the settings to lower when the GPU's memory does not suffice.
    """

    kind: ClassVar[str]
    memory_advice: ClassVar[str]
    learners: dict[str, Learner]
    settings: Mapping[str, Any]
    batch: int
    steps: int

    @abstractmethod
    def step(self, batch: tuple[Tensor, ...], number: int) -> Terms:
        """Train on this process's share of batch `number`, uint8 tensors on the CPU; the terms include `total`."""

    @abstractmethod
    def sample(self) -> Image:
        """A `grid` of pictures by which a person sees how far the averages are."""

    @abstractmethod
    def products(self) -> Mapping[str, tuple[Tensors, Mapping[str, str]]]:
        """The files for export and judging by name: averaged weights, and the networks' `described` metadata."""

    def extra(self) -> Tensors:
        """What else the next step depends on."""
        return {}

    def restore_extra(self, tensors: Tensors) -> None:  # noqa: B027  most stages have nothing more
        """The reverse of `extra`; empty where the state came through `edge-train unpack`."""

    def state(self) -> Tensors:
        """Everything that an exact continuation needs."""
        tensors = flattened("extra", self.extra())
        for name, learner in self.learners.items():
            tensors |= flattened(f"adam/{name}", optimiser_tensors(learner.optimiser))
            for part, network in learner.networks.items():
                tensors |= flattened(f"network/{part}", network.state_dict())
                if learner.averages[part] is not network:
                    tensors |= flattened(f"average/{part}", learner.averages[part].state_dict())
        return tensors

    def restore(self, tensors: Tensors) -> None:
        """The reverse of `state`; a state without averages or Adam's moments starts these afresh."""
        for name, learner in self.learners.items():
            for part, network in learner.networks.items():
                weights = nested(f"network/{part}", tensors)
                network.load_state_dict(weights)
                if learner.averages[part] is not network:
                    learner.averages[part].load_state_dict(nested(f"average/{part}", tensors) or weights)
            if moments := nested(f"adam/{name}", tensors):
                restore_optimiser(learner.optimiser, moments)
        self.restore_extra(nested("extra", tensors))

    def write_products(self, folder: Path, description: Mapping[str, str]) -> None:
        for name, (tensors, metadata) in self.products().items():
            save_whole(tensors, folder / name, {**description, **metadata})


def to_device(batch_BCHW: Tensor, device: torch.device, channels_last: bool) -> Tensor:
    """uint8 on the CPU -> float32 levels in [0, 1] on the device."""
    moved = batch_BCHW.to(device, non_blocking=True)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return moved.to(torch.float32, memory_format=layout).div_(255)


WITHOUT_EFFECT = (
    "workers", "threads", "cache_gib", "log_every", "checkpoint_every", "sample_every", "divergence_factor", "compile",
)  # fmt: skip
"""Settings of the loop that change no number of a run (`compile` only its rounding)."""


def flat_settings(table: Mapping[str, object], path: str) -> dict[str, object]:
    """Dotted path -> value of all that a run's numbers depend on."""
    flat: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= flat_settings(value, f"{path}.{key}")
        elif key not in WITHOUT_EFFECT and key != "vgg":
            flat[f"{path}.{key}"] = list(value) if isinstance(value, tuple) else value
    return flat


def grid(columns_BCHW: list[Tensor]) -> Image:
    """Columns of pictures in [0, 1] as one picture, RGB uint8."""
    rows = torch.cat([column.clamp(0, 1) for column in columns_BCHW], 3)
    picture = torch.cat(list(rows), 1).permute(1, 2, 0).mul(255).round()
    return np.ascontiguousarray(picture.to("cpu", torch.uint8).numpy())
