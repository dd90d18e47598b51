"""Weights that an RRDBNet starts from: this project's own, or those of other projects under BasicSR's names."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from edge.basics.errors import ModelError
from trainer.networks.rrdb import Rrdb
from trainer.training.checkpoint import Tensors, read_whole

NESTINGS = ("params_ema", "params")
"""Where BasicSR's files keep a network's weights, the averaged ones first."""

ADVICE = "give this project's isr.safetensors or RRDBNet x4 weights with BasicSR's names"


def load_init(generator: Rrdb, path: Path) -> None:
    """Fill a generator with weights trained before: `isr.safetensors`, or BasicSR's names in safetensors or .pth.

    Half precision is widened. A .pth file is read with weights_only: nothing in it is run.

    Raises:
        ModelError: missing, damaged, or weights of another network or another size; the generator is untouched.
    """
    found = _read(path)
    wanted = {name: tuple(tensor.shape) for name, tensor in generator.state_dict().items()}
    shapes = {name: tuple(tensor.shape) for name, tensor in found.items()}
    if set(shapes) != set(wanted):
        raise ModelError(f"{path}: {_difference(wanted, shapes)}; {ADVICE}, of the size that isr.generator states")
    for name, shape in wanted.items():
        if shapes[name] != shape:
            raise ModelError(
                f"{path}: {name} has shape {shapes[name]}, expected {shape}; set isr.generator to the file's size"
            )
    generator.load_state_dict({name: tensor.float() for name, tensor in found.items()})


def _read(path: Path) -> Tensors:
    if path.suffix == ".safetensors":
        return read_whole(path, "edge-train isr")[0]
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, *_DAMAGED) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path}: not a readable file of weights ({reason}); {ADVICE}") from error
    for name in NESTINGS:
        if isinstance(held, Mapping) and isinstance(held.get(name), Mapping):
            held = held[name]
    if not isinstance(held, Mapping) or not all(isinstance(value, Tensor) for value in held.values()):
        raise ModelError(f"{path}: not a state dict; {ADVICE}")
    return dict(held)


_DAMAGED = (OSError, EOFError, RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError)
"""What torch raises on a file that was cut, altered or something else."""


def _difference(wanted: Mapping[str, object], found: Mapping[str, object]) -> str:
    missing, foreign = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    parts = []
    if missing:
        parts.append(f"{len(missing)} of {len(wanted)} weights missing ({missing[0]})")
    if foreign:
        parts.append(f"{len(foreign)} that the network does not have ({foreign[0]})")
    return ", ".join(parts)
