"""Tracing of pipelines to ONNX, splicing of graphs, and what every graph is checked for."""

from __future__ import annotations

import io
import tempfile
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from edge.basics.errors import ModelError
from edge.engines.onnx_runtime import onnxruntime
from edge.pictures.geometry import FRAME_SHAPE, NETWORK_HEIGHT_PX, NETWORK_WIDTH_PX, SCALE
from export.graphs.pipeline import GuidedDehazer, IsrPipeline
from export.precisions.graph_edit import serialised

OPSET = 17
"""The newest opset that TensorRT 8.6 (JetPack 6.0) reads."""
UNFOLDED = ("ConvMulFusion",)
"""Passes that are left out: a weight times 0.2, as RRDB's, is no half any more, and could not be shared as one."""
TRACE_PX = 32
"""Side of the picture that a fully convolutional network is traced with: its graph does not depend on it."""


def traced(module: nn.Module, inputs: tuple[Tensor, ...], names: tuple[list[str], list[str]]) -> onnx.ModelProto:
    """A module as ONNX with fixed shapes, as the exporter gives it.

    Args:
        names: names of the inputs and of the outputs.
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
    return onnx.load_model_from_string(buffer.getvalue())


def onnx_from_module(module: nn.Module, inputs: tuple[Tensor, ...], names: tuple[list[str], list[str]]) -> bytes:
    """`traced` and `finished`."""
    return finished(traced(module, inputs, names))


def finished(model: onnx.ModelProto) -> bytes:
    """The serialised graph: constants folded, no dead nodes, checked by onnx with full shape inference.

    Raises:
        ModelError: onnx refuses the graph, or a node's result is used by nobody.
    """
    model = onnx.load_model_from_string(_folded(model.SerializeToString()))
    del model.opset_import[:]  # onnxruntime lists every domain that it knows
    model.opset_import.append(onnx.helper.make_opsetid("", OPSET))
    return serialised(model)


def _checked_ends(graph: bytes) -> bytes:
    """Pixels meet a cast and nothing else: TensorRT computes nothing in uint8."""
    for node in onnx.load_model_from_string(graph).graph.node:
        if node.op_type != "Cast" and ("frame" in node.input or "enhanced" in node.output):
            raise ModelError(f"{node.name} ({node.op_type}) works on uint8 pixels; TensorRT takes a cast alone there")
    return graph


def _folded(graph: bytes) -> bytes:
    """Constants folded and dead nodes removed by onnxruntime's basic passes, which stay within standard operators."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "folded.onnx"
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=UNFOLDED)
        return path.read_bytes()


def whole_graph(pipeline: nn.Module) -> bytes:
    """`frame` -> `enhanced`, uint8 [1, 1080, 1920, 3] both.

    A super-resolution network is traced by itself on a small picture and spliced in: tracing runs what it traces, and
    RRDBNet-23 at 1080p takes a minute and gigabytes.

    Raises:
        ModelError: the graph is not valid.
    """
    frame = torch.zeros((1, *FRAME_SHAPE), dtype=torch.uint8)
    if not isinstance(pipeline, IsrPipeline):
        return _checked_ends(finished(traced(pipeline, (frame,), (["frame"], ["enhanced"]))))
    before = traced(pipeline.before, (frame,), (["frame"], ["dehazed"]))
    isr = traced(pipeline.isr, (torch.zeros(1, 3, TRACE_PX, TRACE_PX),), (["x"], ["y"]))
    enlarged = torch.zeros(1, 3, NETWORK_HEIGHT_PX * SCALE, NETWORK_WIDTH_PX * SCALE)
    after = traced(pipeline.after, (enlarged,), (["enlarged"], ["enhanced"]))
    _resize_ends(isr, (NETWORK_HEIGHT_PX, NETWORK_WIDTH_PX))
    isr, after = (onnx.compose.add_prefix(m, p) for m, p in ((isr, "/isr"), (after, "/after")))
    joined = onnx.compose.merge_models(before, isr, [("dehazed", "/isrx")])
    joined = onnx.compose.merge_models(joined, after, [("/isry", "/afterenlarged")])
    _rename_output(joined, "/afterenhanced", "enhanced")
    return _checked_ends(finished(joined))


def _resize_ends(model: onnx.ModelProto, size: tuple[int, int]) -> None:
    """Give a fully convolutional x4 graph another size of picture."""
    del model.graph.value_info[:]
    for end, scale in ((model.graph.input[0], 1), (model.graph.output[0], SCALE)):
        for dim, side in zip(end.type.tensor_type.shape.dim[2:], size, strict=True):
            dim.dim_value = side * scale


def _rename_output(model: onnx.ModelProto, old: str, new: str) -> None:
    for node in model.graph.node:
        node.output[:] = [new if name == old else name for name in node.output]
    model.graph.output[0].name = new


def dehazer_graph(dehazer: GuidedDehazer) -> bytes:
    """`shrunk`, `activity` -> `slope`, `intercept` at 480x270."""
    shrunk = torch.zeros((1, NETWORK_HEIGHT_PX, NETWORK_WIDTH_PX, 3), dtype=torch.uint8)
    activity = torch.zeros((1, NETWORK_HEIGHT_PX, NETWORK_WIDTH_PX, 1), dtype=torch.uint8)
    return onnx_from_module(dehazer, (shrunk, activity), (["shrunk", "activity"], ["slope", "intercept"]))


def multiply_accumulates(graph: Path | bytes, scope: str = "") -> int:
    """MACs of the graph's convolutions, transposed ones too, from its inferred shapes.

    Args:
        scope: count nodes with this in their name alone, as `/isr/`.
    """
    model = onnx.load_model_from_string(graph) if isinstance(graph, bytes) else onnx.load(graph)
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    values = (*model.graph.input, *model.graph.output, *model.graph.value_info)
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}
    weights = {w.name: list(w.dims) for w in model.graph.initializer}
    total = 0
    for node in model.graph.node:
        if node.op_type in ("Conv", "ConvTranspose") and scope in node.name:
            first, second, kernel_h, kernel_w = weights[node.input[1]]
            # A transposed convolution visits each pixel of its input with the whole kernel, a plain one of its output.
            _, _, height, width = shapes[node.output[0] if node.op_type == "Conv" else node.input[0]]
            total += first * second * kernel_h * kernel_w * height * width
    return total
