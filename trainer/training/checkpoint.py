"""Files of weights: whole or absent, never unpickled, and refused when they are another network's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from edge.basics.errors import InputOutputError, ModelError
from edge.basics.whole_files import write_whole

Tensors = dict[str, Tensor]
N = TypeVar("N", bound=nn.Module)


def save_whole(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file that is complete or absent; an older one survives a failure.

    Raises:
        InputOutputError: the disk is full or the folder cannot be written.
    """
    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, dict(metadata))
    try:
        write_whole(path, content)
    except OSError as error:
        size = f"{len(content) / 2**20:.0f} MiB"
        kept = "; the older one is untouched" if path.exists() else ""
        raise InputOutputError(
            f"{path}: {size} could not be written ({error.strerror}){kept}; make room and start the command again"
        ) from error


def read_whole(path: Path, made_by: str) -> tuple[Tensors, dict[str, str]]:
    """Tensors and metadata of a safetensors file.

    Args:
        made_by: the command that makes such a file, for the message.

    Raises:
        ModelError: missing, truncated or not safetensors.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = dict(file.metadata() or {})
        return load_file(path), metadata
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: not a readable checkpoint ({error}); make one with {made_by}") from error


def described(kind: str, shape: Any) -> dict[str, str]:
    """The metadata entry by which a file of weights says which network, of which size, it holds."""
    return {kind: json.dumps(asdict(shape))}


def network_from_checkpoint(
    path: Path, kind: str, config: type, network: type[N], made_by: str
) -> tuple[N, dict[str, str]]:
    """Build the network that a file describes and fill in its weights, in float32.

    Args:
        kind: the metadata key that `described` wrote.
        config: the network's frozen dataclass of sizes.
        made_by: the command that makes such a file, for the message.

    Raises:
        ModelError: missing, damaged, or a checkpoint of another network.
    """
    tensors, metadata = read_whole(path, made_by)
    if kind not in metadata:
        held = ", ".join(sorted(set(metadata) & KINDS)) or "something else"
        raise ModelError(f"{path}: not a {kind}'s checkpoint, it holds {held}; expected what {made_by} writes")
    try:
        shape = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(metadata[kind]).items()}
        built = network(config(**shape))
        built.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (ValueError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{path}: not a {kind}'s checkpoint ({reason}); expected what {made_by} writes") from error
    return built.eval(), metadata


KINDS = frozenset({"student", "student_isr", "resnet_generator", "generators", "rrdb", "run"})
"""What a file may say that it holds; `run` is a training run's state."""


def flattened(prefix: str, state: Mapping[str, Tensor]) -> Tensors:
    return {f"{prefix}/{name}": tensor for name, tensor in state.items()}


def nested(prefix: str, tensors: Mapping[str, Tensor]) -> Tensors:
    """The reverse of `flattened`."""
    start = prefix + "/"
    return {name[len(start) :]: tensor for name, tensor in tensors.items() if name.startswith(start)}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> Tensors:
    """Adam's moments and step counts by parameter number."""
    state = optimiser.state_dict()["state"]
    return {f"{n}/{name}": torch.as_tensor(value) for n, entry in state.items() for name, value in entry.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The reverse of `optimiser_tensors`."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    state: dict[int, Tensors] = {}
    for key, tensor in tensors.items():
        number, _, name = key.partition("/")
        of = parameters[int(number)]
        # Fused Adam walks memory, so moments must lie as their weights do, channels_last or not.
        laid = torch.empty_like(of).copy_(tensor) if tensor.shape == of.shape else tensor
        state.setdefault(int(number), {})[name] = laid
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
