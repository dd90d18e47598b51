"""A profile in torch, from its checkpoints: the first link of `edge-export verify`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from edge.basics.errors import UsageError
from edge.pictures.image import Image
from export.graphs.from_checkpoints import built_from_checkpoints
from export.recipes import RECIPES, UPSCALES, Recipe, recipe_for


def recipe_of(name: str) -> Recipe:
    """The recipe that a profile's name stands for, variants included; raises UsageError where there is none."""
    for profile in RECIPES:
        for upscale in (None, *UPSCALES):
            try:
                found, recipe = recipe_for(profile, upscale)
            except UsageError:
                continue
            if found == name:
                return recipe
    raise UsageError(f"profile {name}: no recipe of that name, so its checkpoints cannot be put together")


def torch_form(name: str, checkpoint: Path, isr: Path | None) -> Callable[[Image], Image]:
    """The pipeline as a function of a frame, in float32 on the CPU.

    Raises:
        ModelError: a checkpoint is missing, damaged or of another network.
    """
    pipeline = built_from_checkpoints(recipe_of(name), checkpoint, isr).pipeline.eval()

    @torch.no_grad()
    def form(frame: Image) -> Image:
        return np.asarray(pipeline(torch.from_numpy(frame[None]))[0].numpy(), np.uint8)

    return form
