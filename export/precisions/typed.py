"""The graphs of lower precision that a profile ships beside its float32 one, each held to its gate."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from edge.basics.errors import ModelError, UsageError
from edge.basics.progress import progress
from edge.pictures.image import Image
from export.on_unit.accuracy import GATES, Difference, pooled
from export.on_unit.samples import SampleFrames
from export.precisions.calibration_frames import EXPECTED, calibration_frames
from export.precisions.first_bad_layer import first_bad_layer
from export.precisions.fp16 import half_graph, islands
from export.precisions.graph_edit import serialised
from export.precisions.int8 import quantised_graph
from export.precisions.rounded import rounded_graph, run_on_cpu

PRECISIONS = ("fp16", "int8")


def typed_graph(
    graph: bytes, precision: str, samples: SampleFrames, calibration: str | None = None
) -> tuple[bytes, dict[str, Any]]:
    """A profile's graph in another precision and what the manifest says of it.

    Args:
        graph: the float32 graph.
        calibration: what int8 takes its ranges from (`calibration_frames`); int8 needs it.

    Raises:
        ModelError: the result lies too far from float32; names the layer where the error begins.
        UsageError: int8 without a calibration set.
        InputOutputError: the calibration set is incomplete.
    """
    reference = onnx.load_model_from_string(graph)
    about: dict[str, Any] = {}
    if precision == "int8":
        if calibration is None:
            raise UsageError(f"--calibration is missing: int8 takes its ranges from frames; give {EXPECTED}")
        frames = calibration_frames(calibration)
        made = shown = quantised_graph(reference, frames)
        about["calibration"] = frames.about
    else:
        made = half_graph(reference)
        shown = rounded_graph(made)
        about["islands"] = islands(made)
    content = serialised(made)
    about |= _judged(precision, reference, shown, samples)
    return content, about


def _judged(
    precision: str, reference: onnx.ModelProto, shown: onnx.ModelProto, samples: SampleFrames
) -> dict[str, Any]:
    """The gate's findings on the sample frames; raises ModelError where it is missed."""
    expected_of, found_of = reference.SerializeToString(), shown.SerializeToString()
    pairs = []
    with progress(f"{precision} against fp32", len(samples.frames), "frame") as tick:
        for frame in samples.frames:
            pairs.append((_picture(expected_of, frame), _picture(found_of, frame)))
            tick()
    found: Difference = pooled(pairs)
    gate = GATES[precision]
    if not gate.passes(found):
        worst = min(range(len(pairs)), key=lambda number: pooled([pairs[number]]).psnr_db)
        layer = first_bad_layer(reference, shown, samples.frames[worst])
        where = f"the error begins at {layer}" if layer else "no single layer is more than 1% off"
        raise ModelError(f"{precision} lies too far from float32: {found}; expected {gate}; {where}")
    figures = {"psnr_db": round(min(found.psnr_db, 99.0), 2), "max_levels": found.max_levels}
    return {"against_fp32": figures | {"frames": samples.about, "how": HOW[precision]}}


HOW = {
    "fp16": "simulated on the CPU: float32 sums, every result rounded to half precision",
    "int8": "on the CPU: quantised values, float32 sums",
}


def _picture(graph: bytes, frame: Image) -> Image:
    return np.asarray(run_on_cpu(graph, frame)[0][0], np.uint8)
