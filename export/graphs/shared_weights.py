"""Weights taken out of graphs into files that several profiles share; `edge.models.shared_weights` says what they are.

Tensors are found by what is in them, so that the graphs of every profile and precision name the same tensor the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from edge.basics.errors import InputOutputError
from edge.basics.whole_files import make_folder, write_whole
from edge.models.manifest import read_manifest
from edge.models.profile import GRAPH_NAME, MANIFEST_NAME
from edge.models.shared_weights import FOLDER, NAME, shared_in
from export.precisions.graph_edit import FLOAT, HALF, IR_VERSION

FEWEST = 1024
"""Numbers of a tensor below which it stays in its graph."""
GRAPH_KEY = "shared_weights"
"""Metadata of a graph: the sha256 of the files that it takes weights from."""

Halves = NDArray[np.float16]


@torch.no_grad()
def round_to_half(pipeline: nn.Module) -> None:
    """Round every weight to half precision, so that it is kept in two bytes without another loss."""
    for weight in pipeline.parameters():
        weight.copy_(weight.half().float())


def shared_out(graphs: Mapping[str, bytes], scopes: Mapping[str, str]) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Graphs without their large weights, and the files that hold these.

    Args:
        graphs: by file name; `model.onnx` has every weight of every network.
        scopes: name of a network -> by which part of their names its nodes are found in the graph.

    Returns:
        graphs, and files of weights by name, a file a network.
    """
    model = onnx.load_model_from_string(graphs[GRAPH_NAME])
    files: dict[str, bytes] = {}
    known: set[str] = set()
    for network, scope in scopes.items():
        used = {name for node in model.graph.node if scope in node.name for name in node.input}
        held = {name: half for w in model.graph.initializer if w.name in used and (name := _key(half := _halves(w)))}
        content = _file_of(held)
        files[f"{network}-{hashlib.sha256(content).hexdigest()[:16]}.weights"] = content
        known |= set(held)
    hashes = [hashlib.sha256(content).hexdigest() for content in files.values()]
    return {name: _without(content, known, hashes) for name, content in graphs.items()}, files


def _halves(weight: onnx.TensorProto) -> Halves | None:
    """The tensor in half precision where that is exact and worth a place of its own."""
    if weight.data_type not in (FLOAT, HALF) or np.prod(weight.dims) < FEWEST:
        return None
    values = numpy_helper.to_array(weight)
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    return half if np.array_equal(half.astype(values.dtype), values) else None


def _key(half: Halves | None) -> str:
    """A name by contents; empty for none."""
    if half is None:
        return ""
    return f"shared/{hashlib.sha256(repr(half.shape).encode() + half.tobytes()).hexdigest()[:32]}"


def _file_of(held: Mapping[str, Halves | None]) -> bytes:
    """The tensors in order of their names, so that the same weights are the same bytes."""
    model = onnx.ModelProto()
    model.graph.initializer.extend(
        numpy_helper.from_array(half, name) for name, half in sorted(held.items()) if half is not None
    )
    return model.SerializeToString()


def _without(content: bytes, known: set[str], hashes: Iterable[str]) -> bytes:
    """A graph that takes its known weights from elsewhere: half ones by their names, float32 ones through a cast."""
    model = onnx.load_model_from_string(content)
    graph = model.graph
    kept, casts, renamed = [], [], {}
    for weight in graph.initializer:
        key = _key(_halves(weight))
        if key not in known:
            kept.append(weight)
        elif weight.data_type == HALF:
            renamed[weight.name] = key
        else:
            casts.append(onnx.helper.make_node("Cast", [key], [weight.name], f"{weight.name}/Widen", to=FLOAT))
    nodes = [*casts, *graph.node]
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    del graph.initializer[:], graph.value_info[:]
    graph.initializer.extend(kept)
    ordered = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(ordered)
    model.ir_version = IR_VERSION
    entry = model.metadata_props.add()
    entry.key, entry.value = GRAPH_KEY, " ".join(hashes)
    return model.SerializeToString()


def write_shared(root: Path, files: Mapping[str, bytes]) -> None:
    """Write files of weights beside the profiles under `root`; raises InputOutputError."""
    folder = root / FOLDER
    try:
        make_folder(folder)
        for name, content in files.items():
            write_whole(folder / name, content)
    except OSError as error:
        raise InputOutputError(
            f"{folder}: cannot be written ({error.strerror}); make room or name another -o"
        ) from error


def remove_unused(root: Path) -> None:
    """Remove files of weights that no profile under `root` names any more."""
    used = set()
    for path in root.glob(f"*/{MANIFEST_NAME}"):
        used |= {weights.name for weights in shared_in(read_manifest(path), path)}
    for path in (root / FOLDER).glob("*.weights"):
        if NAME.fullmatch(path.name) and path.name not in used:
            path.unlink()
