"""Explicit quantisation: pairs of QuantizeLinear and DequantizeLinear around the networks' convolutions.

Scales are symmetric, as TensorRT wants them, one per tensor for what flows and one per channel for weights, from the
range that real frames span (onnxruntime's quantiser). The global gate, which works on means of the whole picture, and
the last convolution of each network, whose result is the picture, stay in float32.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
from tqdm import tqdm

from edge.engines import onnx_runtime
from export.precisions.calibration_frames import CalibrationFrames
from export.precisions.fp16 import ISLAND_SCOPES, NETWORK_SCOPES

quantiser = onnx_runtime.quantiser()
OPTIONS = {"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False, "AddQDQPairToWeight": True}


class _Frames(quantiser.CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, frames: CalibrationFrames) -> None:
        self._frames: Iterator[Any] = iter(tqdm(frames, "calibrating", len(frames), disable=None))

    def get_next(self) -> dict[str, Any] | None:
        frame = next(self._frames, None)
        return None if frame is None else {"frame": frame[None]}


def quantised_nodes(model: onnx.ModelProto) -> list[str]:
    """Names of the convolutions that are quantised."""
    chosen = []
    for scope in NETWORK_SCOPES:
        convolutions = [n.name for n in model.graph.node if n.op_type == "Conv" and scope in n.name]
        chosen += [name for name in convolutions[:-1] if not any(island in name for island in ISLAND_SCOPES)]
    return sorted(set(chosen))


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser writes advice to the root logger."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def quantised_graph(model: onnx.ModelProto, frames: CalibrationFrames) -> onnx.ModelProto:
    """The float32 graph with quantised convolutions; the same inputs and outputs."""
    with tempfile.TemporaryDirectory() as folder, _quiet():
        source, result = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        quantiser.quantize_static(
            source,
            result,
            _Frames(frames),
            quant_format=quantiser.QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_quantize=quantised_nodes(model),
            per_channel=True,
            activation_type=quantiser.QuantType.QInt8,
            weight_type=quantiser.QuantType.QInt8,
            calibrate_method=quantiser.CalibrationMethod.MinMax,
            extra_options=OPTIONS,
        )
        made = onnx.load(result)
    del made.opset_import[:], made.metadata_props[:]
    made.opset_import.append(model.opset_import[0])
    return made
