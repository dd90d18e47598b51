"""What half precision does to the numbers, shown on a CPU.

onnxruntime's CPU computes half graphs in float32 from end to end, so it cannot show a hazard of half precision. Here
the graph is rewritten: every operator computes in float32, and its result is rounded to half precision and widened
again. That is the arithmetic of a tensor core, which sums in float32 and stores halves; an overflow becomes infinite
as it would there. It is a model: an engine may keep a fused result wider, or sum in half precision, and only a run on
a GPU tells.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from edge.basics.errors import ModelError
from edge.engines.onnx_runtime import onnxruntime
from edge.pictures.image import Image
from export.precisions.graph_edit import FLOAT, HALF, Names, element_types

EXACT_OPS = frozenset(
    {"Relu", "Concat", "Slice", "Reshape", "Transpose", "Pad", "Unsqueeze", "Squeeze", "DepthToSpace", "SpaceToDepth"}
)
"""Operators whose result needs no rounding when their inputs are halves."""


def rounded_graph(model: onnx.ModelProto) -> onnx.ModelProto:
    """A half graph as a float32 graph that rounds as half precision would. Tensors keep their names."""
    types, names = element_types(model), Names(model)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.op_type == "Cast" and types[node.input[0]] == HALF and types[node.output[0]] == FLOAT:
            nodes.append(onnx.helper.make_node("Identity", node.input, node.output, node.name))
        elif types.get(node.output[0]) != HALF or node.op_type in EXACT_OPS:
            nodes.append(node)
        else:
            nodes.extend(_rounding(node, names))
    weights = [_widened(weight) for weight in model.graph.initializer]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(weights)
    return result


def _rounding(node: onnx.NodeProto, names: Names) -> list[onnx.NodeProto]:
    (out,) = node.output
    half = names.new(f"{out}_rounded")
    widen = onnx.helper.make_node("Cast", [half], [out], names.new(f"{out}/Widen"), to=FLOAT)
    if node.op_type == "Cast":
        return [onnx.helper.make_node("Cast", node.input, [half], node.name, to=HALF), widen]
    exact = names.new(f"{out}_exact")
    computed = onnx.NodeProto()
    computed.CopyFrom(node)
    computed.output[0] = exact
    return [computed, onnx.helper.make_node("Cast", [exact], [half], names.new(f"{out}/Round"), to=HALF), widen]


def _widened(weight: onnx.TensorProto) -> onnx.TensorProto:
    if weight.data_type != HALF:
        return weight
    return numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float32), weight.name)


def run_on_cpu(model: onnx.ModelProto | bytes, frame: Image) -> list[NDArray[np.generic]]:
    """Outputs of a graph whose input is `frame`.

    onnxruntime's passes leave the casts of a rounded graph where they are (a test holds it to that).

    Raises:
        ModelError: onnxruntime refuses the graph.
    """
    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False  # an arena keeps twice what one run needs
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others use the cores too
    options.log_severity_level = 4
    content = model if isinstance(model, bytes) else model.SerializeToString()
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        return list(session.run(None, {"frame": frame[None]}))
    except Exception as error:  # onnxruntime raises many types of its own
        raise ModelError(f"onnxruntime refuses the graph: {str(error)[:300]}") from error


def shown_on_cpu(graph: bytes, precision: str) -> bytes:
    """The graph that shows on a CPU what a precision does: a rounded one for fp16, an int8 graph as it is."""
    if precision != "fp16":
        return graph
    return rounded_graph(onnx.load_model_from_string(graph)).SerializeToString()
