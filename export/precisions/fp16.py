"""Half precision written into the graph itself: typed tensors, explicit casts, float32 islands.

One strongly typed file means the same on TensorRT 10 and 11 and on TensorRT-RTX, and TensorRT 8.6 is given the same
layer by layer. The networks run in half precision; outside them, and inside them where a sum runs over the whole
picture, the graph stays in float32:

- instance normalisation: a mean over 130,000 pixels and a difference of squares do not fit 11 bits (TensorRT issue
  2691);
- what comes before a network's first normalisation. Fog leaves little contrast on a bright mean; rounded to 11 bits it
  is noise, and the normalisation lifts it to full size (measured: 36 dB on a frame of 0.7 levels' contrast, 61 dB with
  this island, which is 1% of the generator's arithmetic);
- the student's global gates, from mean and extremes of the picture to scale and shift;
- the guided step: its noise gate squares values up to 255, which overflows near half precision's 65504, and its
  intercept is the difference of numbers in the hundreds. The two maps go up to 1080p in half precision, which halves
  the traffic, and meet the frame in float32;
- ranges, shrinking, rounding and clamping.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import numpy_helper

from edge.basics.errors import ModelError
from export.precisions.graph_edit import FLOAT, HALF, Names, element_types

NETWORK_SCOPES = ("/student/", "/idm/", "/isr/")
ISLAND_OPS = frozenset({"InstanceNormalization", "ReduceMean"})
ISLAND_SCOPES = ("/gate/", "/gate0/")
HALF_RESIZES = "linear"
"""Outside the networks, resizes of this mode are the guided step's maps on their way up."""
FLOAT_INPUTS = {"Resize": (1, 2)}
"""Inputs that the operator wants in float32 whatever its data's type is."""
HALF_MAX = float(np.finfo(np.float16).max)


def half_nodes(model: onnx.ModelProto) -> set[str]:
    """First outputs of the nodes that run in half precision."""
    types, unsafe = element_types(model), _before_first_norm(model)
    return {
        node.output[0]
        for node in model.graph.node
        if types.get(node.output[0]) == FLOAT and _runs_in_half(node) and node.output[0] not in unsafe
    }


def _before_first_norm(model: onnx.ModelProto) -> set[str]:
    """Tensors that the first normalisation is made from."""
    nodes = list(model.graph.node)
    first = next((number for number, node in enumerate(nodes) if node.op_type == "InstanceNormalization"), None)
    if first is None:
        return set()
    needed = set(nodes[first].input)
    for node in reversed(nodes[:first]):
        if needed & set(node.output):
            needed |= set(node.input)
    return needed


def _runs_in_half(node: onnx.NodeProto) -> bool:
    if any(scope in node.name for scope in NETWORK_SCOPES):
        return node.op_type not in ISLAND_OPS and not any(scope in node.name for scope in ISLAND_SCOPES)
    return node.op_type == "Resize" and _mode(node) == HALF_RESIZES


def _mode(node: onnx.NodeProto) -> str:
    return next((attribute.s.decode() for attribute in node.attribute if attribute.name == "mode"), "nearest")


def half_graph(model: onnx.ModelProto, halves: Iterable[str] | None = None) -> onnx.ModelProto:
    """A float32 graph with its networks in half precision; inputs and outputs keep their types.

    Args:
        halves: first outputs of the nodes to run in half precision; None takes `half_nodes`.

    Raises:
        ModelError: a weight does not fit half precision; names it.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    return _Halving(result, set(half_nodes(model) if halves is None else halves)).result()


class _Halving:
    """One pass over the nodes in their order, which is the order of the data."""

    def __init__(self, model: onnx.ModelProto, halves: set[str]) -> None:
        self._model, self._halves = model, halves
        self._types = element_types(model)
        self._weights = {weight.name: weight for weight in model.graph.initializer}
        self._names = Names(model)
        self._cast: dict[tuple[str, int], str] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._new_weights: dict[str, onnx.TensorProto] = {}
        self._in_half: set[str] = set()

    def result(self) -> onnx.ModelProto:
        for node in self._model.graph.node:
            is_half = node.output[0] in self._halves
            kept = FLOAT_INPUTS.get(node.op_type, ())
            for place, name in enumerate(node.input):
                if name and self._types.get(name) == FLOAT and place not in kept:
                    node.input[place] = self._as(name, HALF if is_half else FLOAT)
            if is_half:
                self._in_half |= set(node.output)
            self._nodes.append(node)
        graph = self._model.graph
        used = {name for node in self._nodes for name in node.input}
        weights = [w for w in (*graph.initializer, *self._new_weights.values()) if w.name in used]
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(self._nodes)
        graph.initializer.extend(weights)
        return self._model

    def _as(self, name: str, wanted: int) -> str:
        """The name under which a tensor is to be had in a type."""
        if wanted == (HALF if name in self._in_half else FLOAT):
            return name
        if (name, wanted) not in self._cast:
            self._cast[name, wanted] = self._half_weight(name) if name in self._weights else self._casted(name, wanted)
        return self._cast[name, wanted]

    def _casted(self, name: str, wanted: int) -> str:
        suffix = "half" if wanted == HALF else "float"
        new = self._names.new(f"{name}_{suffix}")
        self._nodes.append(onnx.helper.make_node("Cast", [name], [new], self._names.new(f"{name}/Cast"), to=wanted))
        return new

    def _half_weight(self, name: str) -> str:
        values = numpy_helper.to_array(self._weights[name])
        if not np.all(np.abs(values) <= HALF_MAX):
            worst = float(np.abs(values).max())
            raise ModelError(f"weight {name}: {worst:g} does not fit half precision, whose largest is {HALF_MAX:g}")
        new = self._names.new(f"{name}_half")
        self._new_weights[new] = numpy_helper.from_array(values.astype(np.float16), new)
        return new


def islands(model: onnx.ModelProto) -> list[str]:
    """Names of the network nodes that a half graph leaves in float32."""
    types = element_types(model)
    return [
        node.name
        for node in model.graph.node
        if any(scope in node.name for scope in NETWORK_SCOPES)
        and types.get(node.output[0]) == FLOAT
        and not node.name.endswith("/Cast")
    ]
