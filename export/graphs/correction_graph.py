"""A unit's calibration as part of the graph, for engines that run it cheaper there than the host does.

The one definition is `edge.calibration.correction.Correction`; the graph samples at the same places and computes the
same light, and a test holds both to the same pixels within 1/255. Behind a lens one value in a thousand may differ by
one level of the camera's codes, where the sampled value lies on a half; deep shadows times a large gain make more of
it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import onnx
import onnx.compose
import torch
from torch import Tensor, nn
from torch.nn import functional

from edge.basics.errors import ModelError, UsageError
from edge.basics.whole_files import file_sha256
from edge.calibration.correction import Correction
from edge.calibration.file import read_calibration
from edge.engines.golden import KEY as GOLDEN_KEY
from edge.models.profile import GRAPH_NAME, load_profile
from edge.models.shared_weights import KEY as SHARED_KEY
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_SHAPE, FRAME_WIDTH_PX
from export.graphs.onnx_graph import onnx_from_module
from export.graphs.profile import golden_answer, write_profile

_PREFIX = "unit_"
_HALF = 0.502
"""OpenCV's remap rounds halves up; float32 positions on a grid of 1920 leave them a little below."""


class CorrectionGraph(nn.Module):
    """uint8 [1, 1080, 1920, 3] RGB -> corrected, same shape."""

    def __init__(self, correction: Correction) -> None:
        super().__init__()
        x, y = correction.sampling()
        half = np.array([(FRAME_WIDTH_PX - 1) / 2, (FRAME_HEIGHT_PX - 1) / 2], np.float64)
        grid = (np.stack([x, y], axis=-1) / half - 1).astype(np.float32)
        rows = len(correction.gain_rows)
        gain = correction.gain_rows.reshape(1, rows, 1, FRAME_WIDTH_PX, 3)
        self.register_buffer("grid", torch.from_numpy(grid[None]))
        self.register_buffer("gain", torch.from_numpy(np.ascontiguousarray(gain)))
        self.register_buffer("dark", torch.from_numpy(correction.calibration.dark))
        self.register_buffer("matrix", torch.from_numpy(np.ascontiguousarray(correction.calibration.matrix.T)))

    def forward(self, frame: Tensor) -> Tensor:
        codes = frame.float().permute(0, 3, 1, 2)  # TensorRT takes nothing but a cast on uint8
        codes = functional.grid_sample(codes, self.grid, padding_mode="border", align_corners=True)
        value = torch.floor(codes.permute(0, 2, 3, 1) + _HALF) / 255
        light = torch.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4) - self.dark
        rows = self.gain.shape[1]
        light = light.reshape(1, rows, FRAME_HEIGHT_PX // rows, FRAME_WIDTH_PX, 3) * self.gain
        light = light.reshape(1, *FRAME_SHAPE).clamp(max=1) @ self.matrix
        light = light.clamp(0, 1)
        encoded = torch.where(light <= 0.0031308, light * 12.92, 1.055 * light.clamp(min=1e-6) ** (1 / 2.4) - 0.055)
        return (encoded * 255).round().to(torch.uint8)


def correction_graph(correction: Correction) -> bytes:
    """`frame` -> `corrected`, uint8 [1, 1080, 1920, 3] both."""
    frame = torch.zeros((1, *FRAME_SHAPE), dtype=torch.uint8)
    return onnx_from_module(CorrectionGraph(correction), (frame,), (["frame"], ["corrected"]))


def corrected_graph(profile_graph: bytes, correction: Correction) -> bytes:
    """A profile's whole graph with the correction before it.

    Raises:
        ModelError: the two do not fit together.
    """
    first, second = (onnx.load_model_from_string(graph) for graph in (correction_graph(correction), profile_graph))
    second.ir_version = first.ir_version = max(first.ir_version, second.ir_version)
    try:
        merged = onnx.compose.merge_models(first, second, [("corrected", "frame")], prefix1=_PREFIX, prefix2="")
        _rename(merged, f"{_PREFIX}frame", "frame")
        _join_in_float(merged)
        onnx.checker.check_model(merged, full_check=True)
    except (ValueError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"the correction does not fit before the profile's graph: {error}") from error
    return merged.SerializeToString()


def _join_in_float(model: onnx.ModelProto) -> None:
    """Leave out the way through uint8 between the two: TensorRT knows that type at the ends of a graph alone.

    The correction rounds before it, so the numbers stay what they are.
    """
    seam = f"{_PREFIX}corrected"
    narrow = next(node for node in model.graph.node if seam in node.output)
    widen = [node for node in model.graph.node if seam in node.input]
    if narrow.op_type != "Cast" or any(node.op_type != "Cast" for node in widen):
        raise ModelError("the correction does not fit before the profile's graph: expected casts where they meet")
    for node in widen:
        _rename(model, node.output[0], narrow.input[0])
        model.graph.node.remove(node)
    model.graph.node.remove(narrow)
    del model.graph.value_info[:]  # shape inference makes it anew, without the tensors that are gone


def _rename(model: onnx.ModelProto, old: str, new: str) -> None:
    for value in model.graph.input:
        value.name = new if value.name == old else value.name
    for node in model.graph.node:
        for number, name in enumerate(node.input):
            if name == old:
                node.input[number] = new


def export_corrected_profile(name: str, models: tuple[Path, ...], calibration: Path, root: Path) -> Path:
    """Write `root/name/`: the profile for one unit, its manifest naming the unit whose calibration is in the graph.

    The dehazer alone is left out: a CPU engine that runs it corrects on the host.

    Raises:
        ConfigError, ModelError: calibration or profile is damaged.
        UsageError: the profile is a unit's already, or the folder holds one.
        InputOutputError: the folder cannot be written; nothing is left in it.
    """
    profile = load_profile(name, models)
    if "calibration" in profile.manifest:
        raise UsageError(f"{profile.folder}: is corrected for a unit already; start from the profile as shipped")
    folder = root / name
    if folder.exists():
        raise UsageError(f"{folder}: exists; choose another -o")
    held = read_calibration(calibration)
    correction = Correction(held)
    try:
        graph = corrected_graph(profile.content(profile.graph), correction)
    finally:
        correction.close()
    kept = {
        key: value for key, value in profile.manifest.items() if key not in ("dehaze_sha256", "precisions", SHARED_KEY)
    }
    manifest = {
        **kept,
        "sha256": hashlib.sha256(graph).hexdigest(),
        "corrects": profile.sha256,
        "calibration": {
            "unit": held.unit,
            "camera_mode": held.camera_mode,
            "controls": dict(held.controls),
            "made_at": held.made_at.isoformat(timespec="seconds"),
            "sha256": file_sha256(calibration),
        },
        "made_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    manifest[GOLDEN_KEY] = golden_answer(graph, manifest)
    return write_profile(folder, {GRAPH_NAME: graph}, manifest)
