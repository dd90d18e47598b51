"""Tracing of a trained profile to ONNX, and its check."""

from __future__ import annotations

import io
import tempfile
import warnings
from pathlib import Path

import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from edge.errors import ModelError
from edge.geometry import FRAME_SHAPE, NETWORK_HEIGHT_PX, NETWORK_WIDTH_PX

OPSET = 17
"""The newest opset that TensorRT 8.6 (JetPack 6.0) reads."""


def onnx_from_module(module: nn.Module, inputs: tuple[Tensor, ...], names: tuple[list[str], list[str]]) -> bytes:
    """Trace a module with fixed shapes.

    Args:
        names: names of the inputs and of the outputs.

    Returns:
        The serialised graph, checked by onnx with full shape inference.

    Raises:
        ModelError: onnx refuses the graph.
    """
    buffer = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            inputs,
            buffer,  # type: ignore[arg-type]
            input_names=names[0],
            output_names=names[1],
            opset_version=OPSET,
            do_constant_folding=True,
            dynamo=False,
        )
    model = onnx.load_model_from_string(_folded(buffer.getvalue()))
    del model.opset_import[:]  # onnxruntime lists every domain that it knows
    model.opset_import.append(onnx.helper.make_opsetid("", OPSET))
    model.producer_name, model.producer_version = "edge-enhance", ""
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"the exported graph is not valid ONNX: {error}") from error
    return model.SerializeToString()


def _folded(graph: bytes) -> bytes:
    """Constants folded and dead nodes removed by onnxruntime's basic passes, which stay within standard operators."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "folded.onnx"
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        return path.read_bytes()


def whole_graph(pipeline: nn.Module) -> bytes:
    """`frame` -> `enhanced`, uint8 [1, 1080, 1920, 3] both."""
    frame = torch.zeros((1, *FRAME_SHAPE), dtype=torch.uint8)
    return onnx_from_module(pipeline, (frame,), (["frame"], ["enhanced"]))


def dehazer_graph(dehazer: nn.Module) -> bytes:
    """`shrunk`, `activity` -> `slope`, `intercept` at 480x270."""
    shrunk = torch.zeros((1, NETWORK_HEIGHT_PX, NETWORK_WIDTH_PX, 3), dtype=torch.uint8)
    activity = torch.zeros((1, NETWORK_HEIGHT_PX, NETWORK_WIDTH_PX, 1), dtype=torch.uint8)
    return onnx_from_module(dehazer, (shrunk, activity), (["shrunk", "activity"], ["slope", "intercept"]))


def multiply_accumulates(graph: Path | bytes) -> int:
    """MACs of the graph's convolutions, from its inferred shapes."""
    model = onnx.load_model_from_string(graph) if isinstance(graph, bytes) else onnx.load(graph)
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.value_info}
    weights = {w.name: list(w.dims) for w in model.graph.initializer}
    total = 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            out_c, in_c, kernel_h, kernel_w = weights[node.input[1]]
            _, _, height, width = shapes[node.output[0]]
            total += out_c * in_c * kernel_h * kernel_w * height * width
    return total
