"""Small operations on ONNX graphs that several modules share."""

from __future__ import annotations

from collections.abc import Iterable

import onnx

from edge.basics.errors import ModelError

FLOAT, HALF = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16


def element_types(model: onnx.ModelProto) -> dict[str, int]:
    """Element type of every tensor, by onnx's shape inference."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    values = (*inferred.input, *inferred.output, *inferred.value_info)
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    return types | {weight.name: weight.data_type for weight in inferred.initializer}


def pruned(model: onnx.ModelProto, outputs: Iterable[str], types: dict[str, int]) -> onnx.ModelProto:
    """The part of a graph that these tensors need, with them as its outputs."""
    names = list(outputs)
    needed, nodes = set(names), []
    for node in reversed(model.graph.node):
        if needed & set(node.output):
            nodes.append(node)
            needed |= set(node.input)
    graph = onnx.helper.make_graph(
        nodes[::-1],
        model.graph.name,
        [end for end in model.graph.input if end.name in needed],
        [onnx.helper.make_tensor_value_info(name, types[name], None) for name in names],
        [weight for weight in model.graph.initializer if weight.name in needed],
    )
    return onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


class Names:
    """Gives names that the graph does not have yet."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._taken = {name for node in model.graph.node for name in (node.name, *node.input, *node.output)}
        self._taken |= {weight.name for weight in model.graph.initializer}

    def new(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name


IR_VERSION = 8
"""The file format that came with opset 17; newer ones are refused by older parsers."""


def serialised(model: onnx.ModelProto) -> bytes:
    """`model` checked and in bytes, as `finished` says, nothing folded."""
    model.producer_name, model.producer_version, model.ir_version = "edge-enhance", "", IR_VERSION
    model.graph.name = "edge_enhance"
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"the exported graph is not valid ONNX: {error}") from error
    used = {name for node in model.graph.node for name in node.input} | {end.name for end in model.graph.output}
    dead = [node.name for node in model.graph.node if not used & set(node.output)]
    if dead:
        raise ModelError(f"the exported graph has nodes that lead nowhere: {', '.join(dead[:3])}")
    return model.SerializeToString()
