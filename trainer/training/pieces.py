"""A run's state, or a product of it, in pieces small enough to carry between machines, and back.

Of a state, what is carried: the weights of every network, and the step. What is left behind, and starts afresh: Adam's
moments, the averaged weights (they begin again from the weights themselves) and the image pools. Of a product, all.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch

from edge.basics.errors import InputOutputError, ModelError
from trainer.training.checkpoint import Tensors, read_whole, save_whole
from trainer.training.run_folder import RunFolder

PATTERN = "piece-*-of-*.safetensors"
PIECE_OF = "piece_of"
"""The metadata key that names the whole file."""


def pack(source: Path, folder: Path, piece_mib: float, exact: bool) -> list[Path]:
    """Write weights as files of at most `piece_mib`, and a run's losses beside them.

    Args:
        source: a run's folder, for its state; or a product such as `isr.safetensors`.
        exact: keep float32; else float16, half the size (a weight is off by at most 1 part in 2,048).

    Raises:
        ModelError: no run, or a damaged one.
        InputOutputError: a single tensor is larger than a piece, or the folder cannot be written.
    """
    run = RunFolder(source.parent if source.is_file() else source)
    path = source if source.is_file() else run.state
    tensors, metadata = read_whole(path, "edge-train idm, isr or student")
    if path == run.state:
        if "run" not in metadata:
            raise ModelError(f"{path}: not the state of a run; give the folder that was edge-train's -o")
        tensors = {name: tensor for name, tensor in tensors.items() if name.startswith("network/")}
    weights = tensors if exact else {name: _halved(tensor) for name, tensor in tensors.items()}
    rows = _filled(weights, piece_mib * 2**20, path)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, row in enumerate(rows, 1):
        paths.append(folder / f"piece-{number}-of-{len(rows)}.safetensors")
        save_whole({name: weights[name] for name in row}, paths[-1], {**metadata, PIECE_OF: path.name})
    if run.losses.exists():
        shutil.copyfile(run.losses, folder / run.losses.name)
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


def unpack(folder: Path, run: Path) -> tuple[Path, int]:
    """Put pieces together again: as the state of a new run, which the command that made it goes on with, or a product.

    Returns:
        The file, and the step that it stands at.

    Raises:
        ModelError: a piece is missing, damaged or of another file.
        InputOutputError: there is such a file already.
    """
    paths = _pieces(folder)
    tensors: Tensors = {}
    about: set[tuple[tuple[str, str], ...]] = set()
    for path in paths:
        part, metadata = read_whole(path, "edge-train pack")
        tensors |= {name: t.float() if t.dtype == torch.float16 else t for name, t in part.items()}
        about.add(tuple(sorted(metadata.items())))
    kept = dict(about.pop())
    if about or PIECE_OF not in kept:
        raise ModelError(f"{folder}: pieces of different files; pack one into an empty folder")
    target = RunFolder(run)
    path = run / kept.pop(PIECE_OF)
    if path.exists():
        raise InputOutputError(f"{path}: exists already; give a new folder, nothing was changed")
    target.create()
    losses = folder / target.losses.name
    if losses.exists():
        shutil.copyfile(losses, target.losses)
    save_whole(tensors, path, kept)
    return path, int(json.loads(kept["run"])["step"] if "run" in kept else kept.get("steps", 0))


def _pieces(folder: Path) -> list[Path]:
    paths = sorted(folder.glob(PATTERN))
    count = int(paths[0].stem.rpartition("-")[2]) if paths else 0
    wanted = [folder / f"piece-{number}-of-{count}.safetensors" for number in range(1, count + 1)]
    if not paths or set(paths) != set(wanted):
        missing = ", ".join(path.name for path in wanted if path not in paths) or PATTERN
        raise ModelError(f"{folder}: missing {missing}; bring every file that edge-train pack wrote, and no others")
    return paths
