"""Features of an ImageNet-trained VGG (Simonyan & Zisserman, ICLR 2015), frozen: what perceptual losses compare."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from edge.basics.errors import ConfigError, ModelError

VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512)
VGG19 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512)
"""Channels of the 3x3 convolutions in order, 0 for a pool: columns D and E of table 1, up to the last convolution."""

LAYERS = {
    "vgg16.pool2": VGG16[:6],
    "vgg16.conv5_3": VGG16,
    "vgg19.conv5_4": VGG19,
}
"""The layers that can be had. A layer named after a convolution is taken before its ReLU."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_DAMAGED = (
    *(SafetensorError, pickle.UnpicklingError, OSError, EOFError, RuntimeError),
    *(ValueError, KeyError, IndexError, TypeError, AttributeError),
)
"""What the readers raise on a file that was cut, altered or is something else."""


class VggFeatures(nn.Module):
    """RGB in [0, 1] (B, 3, H, W) -> features (B, C, h, w), with ImageNet's normalisation inside.

    "vgg16.pool2" is MIINet's layer (section 2.1): 128 channels at a quarter of the size. "vgg19.conv5_4", before its
    ReLU, is ESRGAN's (section 3.3), "vgg16.conv5_3" its stand-in where there is no VGG19: 512 channels at 1/16.

    Nothing learns: no weight takes a gradient, the pictures do. Always in evaluation.

    Args:
        weights: torchvision's names (`features.N.weight`), a `.safetensors` file or else a state dict that torch reads
            with weights_only. Half precision is widened; tensors that the layer does not need are passed over.

    Raises:
        ConfigError: no such layer.
        ModelError: the file is missing, damaged or not this network's. Nothing is downloaded.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, weights: Path, layer: str) -> None:
        super().__init__()
        if layer not in LAYERS:
            raise ConfigError(f"layer = {layer!r}: expected one of {', '.join(LAYERS)}")
        self.layer = layer
        self.features = _layers(LAYERS[layer])
        _fill(self.features, weights, layer)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD)[:, None, None], persistent=False)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> VggFeatures:
        """Stays in evaluation, whatever the network around it is asked to do."""
        return super().train(False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        features: Tensor = self.features((x_BCHW - self.mean) / self.std)
        return features


def _layers(channels: tuple[int, ...]) -> nn.Sequential:
    """The row of layers in torchvision's order, so that their numbers are torchvision's."""
    layers: list[nn.Module] = []
    num_in = 3
    for num_out in channels:
        if num_out:
            layers += [nn.Conv2d(num_in, num_out, 3, padding=1), nn.ReLU(inplace=True)]
            num_in = num_out
        else:
            layers.append(nn.MaxPool2d(2))
    ends_before_relu = channels[-1] != 0
    return nn.Sequential(*(layers[:-1] if ends_before_relu else layers))


def _fill(features: nn.Sequential, path: Path, layer: str) -> None:
    wanted = {f"features.{name}": parameter for name, parameter in features.named_parameters()}
    found = _read(path, list(wanted), layer)
    for name, parameter in wanted.items():
        shape = tuple(parameter.shape)
        if name not in found:
            raise ModelError(f"{path}: no {name}, expected shape {shape}; {_advice(layer)}")
        if tuple(found[name].shape) != shape:
            raise ModelError(f"{path}: {name} has shape {tuple(found[name].shape)}, expected {shape}; {_advice(layer)}")
        with torch.no_grad():
            parameter.copy_(found[name])


def _read(path: Path, names: list[str], layer: str) -> dict[str, Tensor]:
    """Those of the named tensors that the file holds."""
    if not path.is_file():
        raise ModelError(f"{path}: no such file; {_advice(layer)}")
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                held = set(file.keys())
                return {name: file.get_tensor(name) for name in names if name in held}
        state = torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGED as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path}: not a readable file of weights ({reason}); {_advice(layer)}") from error
    if not isinstance(state, dict):
        raise ModelError(f"{path}: holds a {type(state).__name__}, expected a state dict; {_advice(layer)}")
    return {name: state[name] for name in names if isinstance(state.get(name), Tensor)}


def _advice(layer: str) -> str:
    network = layer.partition(".")[0].upper()
    return f"give torchvision's {network} weights for {layer}; nothing is downloaded"
