"""A run's state in pieces small enough to carry between machines, and back.

What is carried: the weights of every network, and the step. What is left behind, and starts afresh: Adam's moments, the
averaged weights (they begin again from the weights themselves) and the image pools.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch

from edge.errors import InputOutputError, ModelError
from trainer.checkpoint import Tensors, read_whole, save_whole
from trainer.run_folder import RunFolder

PATTERN = "piece-*-of-*.safetensors"


def pack(run: Path, folder: Path, piece_mib: float, exact: bool) -> list[Path]:
    """Write the weights of a run's state as files of at most `piece_mib`, and its losses beside them.

    Args:
        exact: keep float32; else float16, half the size (a weight is off by at most 1 part in 2,048).

    Raises:
        ModelError: no run, or a damaged one.
        InputOutputError: a single tensor is larger than a piece, or the folder cannot be written.
    """
    source = RunFolder(run)
    tensors, metadata = read_whole(source.state, "edge-train idm, isr or student")
    if "run" not in metadata:
        raise ModelError(f"{source.state}: not the state of a run; give the folder that was edge-train's -o")
    weights = {k: v if exact else _halved(v) for k, v in tensors.items() if k.startswith("network/")}
    rows = _filled(weights, piece_mib * 2**20, source.state)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, row in enumerate(rows, 1):
        paths.append(folder / f"piece-{number}-of-{len(rows)}.safetensors")
        save_whole({name: weights[name] for name in row}, paths[-1], {"run": metadata["run"]})
    if source.losses.exists():
        shutil.copyfile(source.losses, folder / source.losses.name)
    return paths


def _halved(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.half() if tensor.dtype == torch.float32 else tensor


def _filled(weights: Tensors, room: float, path: Path) -> list[list[str]]:
    """Names in order, as many to a piece as it holds; the format's own header takes up to 200 bytes a tensor."""
    rows: list[list[str]] = [[]]
    left = room
    for name, tensor in weights.items():
        size = tensor.nbytes + 200
        if size > room:
            raise InputOutputError(
                f"{path}: {name} alone takes {size / 2**20:.1f} MiB; give --piece-mib more than that"
            )
        if size > left:
            rows.append([])
            left = room
        rows[-1].append(name)
        left -= size
    return rows


def unpack(folder: Path, run: Path) -> int:
    """Put pieces together as the state of a new run, which the command that made it goes on with.

    Returns:
        The step at which the run stands.

    Raises:
        ModelError: a piece is missing, damaged or of another run.
        InputOutputError: there is a run already.
    """
    target = RunFolder(run)
    if target.state.exists():
        raise InputOutputError(f"{target.state}: there is a run already; give a new folder, nothing was changed")
    paths = sorted(folder.glob(PATTERN))
    count = int(paths[0].stem.rpartition("-")[2]) if paths else 0
    wanted = [folder / f"piece-{number}-of-{count}.safetensors" for number in range(1, count + 1)]
    if not paths or set(paths) != set(wanted):
        missing = ", ".join(path.name for path in wanted if path not in paths) or PATTERN
        raise ModelError(f"{folder}: missing {missing}; bring every file that edge-train pack wrote, and no others")
    tensors: Tensors = {}
    about: set[str] = set()
    for path in paths:
        part, metadata = read_whole(path, "edge-train pack")
        tensors |= {name: t.float() if t.dtype == torch.float16 else t for name, t in part.items()}
        about.add(metadata.get("run", ""))
    if len(about) != 1 or "" in about:
        raise ModelError(f"{folder}: pieces of different runs; pack one run into an empty folder")
    target.create()
    losses = folder / target.losses.name
    if losses.exists():
        shutil.copyfile(losses, target.losses)
    told = about.pop()
    save_whole(tensors, target.state, {"run": told})
    return int(json.loads(told)["step"])
