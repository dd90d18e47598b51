"""LPIPS: how different two pictures look to a network that was asked people (Zhang et al., CVPR 2018), version 0.1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from edge.basics.errors import ModelError
from edge.pictures.image import Image

MEAN, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""The reference's own normalisation of RGB in [-1, 1]."""
LAYERS = ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1))
"""AlexNet's convolutions: number in torchvision's `features`, stride, padding. A 3x3 max pool, stride 2, precedes the
second and the third."""


class Lpips:
    """AlexNet features with the reference's linear heads; called with two RGB uint8 pictures of one size."""

    def __init__(self, weights: Path) -> None:
        """
        Args:
            weights: `features.N.weight`, `features.N.bias` of AlexNet and `lin0` to `lin4`, as safetensors.

        Raises:
            ModelError: not readable, or something is missing.
        """
        try:
            self._weights = {name: tensor.float() for name, tensor in load_file(weights).items()}
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{weights}: not readable weights of LPIPS ({error})") from error
        wanted = [f"features.{n}.{part}" for n, *_ in LAYERS for part in ("weight", "bias")]
        wanted += [f"lin{n}" for n in range(len(LAYERS))]
        if missing := [name for name in wanted if name not in self._weights]:
            raise ModelError(f"{weights}: has no {missing[0]}; expected AlexNet's features and LPIPS's lin0 to lin4")

    @torch.no_grad()
    def __call__(self, a: Image, b: Image) -> float:
        """0 for equal pictures; about 0.1 is hard to see, 0.7 plain."""
        return float(self.distance(_normed(a), _normed(b)))

    def distance(self, a_BCHW: Tensor, b_BCHW: Tensor) -> Tensor:
        """Of normed pictures, the mean over places of each layer's weighted squared difference, summed."""
        total = torch.zeros(())
        for number, (fa, fb) in enumerate(zip(self._features(a_BCHW), self._features(b_BCHW), strict=True)):
            apart = (_unit(fa) - _unit(fb)).square()
            total = total + (apart * self._weights[f"lin{number}"].view(1, -1, 1, 1)).sum(1).mean()
        return total

    def _features(self, x_BCHW: Tensor) -> list[Tensor]:
        found = []
        for place, (number, stride, padding) in enumerate(LAYERS):
            if place in (1, 2):
                x_BCHW = F.max_pool2d(x_BCHW, 3, 2)
            weight, bias = (self._weights[f"features.{number}.{part}"] for part in ("weight", "bias"))
            x_BCHW = F.relu(F.conv2d(x_BCHW, weight, bias, stride, padding))
            found.append(x_BCHW)
        return found


def _normed(picture: Image) -> Tensor:
    x = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float() / 127.5 - 1
    return (x - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(SCALE).view(1, 3, 1, 1)


def _unit(features_BCHW: Tensor) -> Tensor:
    return features_BCHW / (features_BCHW.square().sum(1, keepdim=True).sqrt() + 1e-10)
