"""INT8: a calibration set that is checked to the last file, explicit quantisation, and a gate of its own."""

import hashlib
import json

import cv2
import numpy as np
import onnx
import pytest

from edge.basics.errors import InputOutputError, UsageError
from edge.models.profile import load_profile
from edge.pictures.geometry import FRAME_SHAPE
from edge.sources.demo.source import DemoSource
from export.on_unit.accuracy import GATES
from export.on_unit.samples import SampleFrames
from export.precisions.calibration_set import MIN_FRAMES, CalibrationSet
from export.precisions.int8 import quantised_graph, quantised_nodes
from export.precisions.typed import typed_graph


def session(folder, num_frames=MIN_FRAMES, **changes):
    """A session of tiny lossless pictures, which the reader brings to the camera's size."""
    folder.mkdir(exist_ok=True)
    frames = []
    for number in range(num_frames):
        path = folder / f"{number:03}.png"
        picture = np.full((9, 16, 3), 40 + number, np.uint8)
        picture[:, number % 16] = 250 - number
        cv2.imwrite(str(path), picture)
        frames.append({"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
    content = {"target": "scenes", "purpose": "int8", "frames": frames} | changes
    (folder / "session.json").write_text(json.dumps(content))
    return folder


def test_a_complete_session_gives_its_frames_at_the_cameras_size(tmp_path):
    frames = CalibrationSet(session(tmp_path / "s"))
    assert len(frames) == MIN_FRAMES == frames.about["frames"]
    assert next(iter(frames)).shape == FRAME_SHAPE


def altered(folder):
    (folder / "005.png").write_bytes((folder / "006.png").read_bytes())


def lossy(folder):
    content = json.loads((folder / "session.json").read_text())
    content["frames"][0]["file"] = "000.jpg"
    (folder / "session.json").write_text(json.dumps(content))


def repeated(folder):
    content = json.loads((folder / "session.json").read_text())
    content["frames"] = [content["frames"][0]] * 100
    (folder / "session.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("make", "damage", "message"),
    [
        ({"num_frames": 63}, None, "63 different frames, expected at least 64"),
        ({"purpose": "vignette"}, None, "purpose is 'vignette', expected 'int8'"),
        ({"target": "grey"}, None, "target is 'grey', expected 'scenes'"),
        ({}, altered, r"005\.png: sha256 is not what session\.json says"),
        ({}, lossy, r"000\.jpg: expected a lossless picture"),
        ({}, repeated, "1 different frames"),
        ({}, lambda folder: (folder / "007.png").unlink(), r"007\.png: named in session\.json, not readable"),
        ({}, lambda folder: (folder / "session.json").unlink(), "no readable session"),
        ({"frames": [3]}, None, "frames holds 3"),
    ],
    ids=[
        "too few",
        "other purpose",
        "other target",
        "altered",
        "lossy",
        "repeated",
        "missing",
        "no session",
        "not frames",
    ],
)
def test_a_session_that_is_not_whole_is_refused(tmp_path, make, damage, message):
    folder = session(tmp_path / "s", **make)
    if damage:
        damage(folder)
    with pytest.raises(InputOutputError, match=message) as caught:
        CalibrationSet(folder)
    assert "edge-calib capture --for int8" in str(caught.value)


class Few(CalibrationSet):
    """Four real frames in place of sixty-four, so that the quantiser is quick."""

    def __init__(self, frames):
        self._real, self.about = frames, {"frames": len(frames)}

    def __len__(self):
        return len(self._real)

    def __iter__(self):
        return iter(self._real)


@pytest.fixture(scope="module")
def demo():
    source = DemoSource("demo:", paced=False)
    return [source.render(number).degraded for number in (0, 150, 300, 450)]


@pytest.fixture(scope="module")
def quantised(demo):
    return quantised_graph(onnx.load(load_profile("live").graph), Few(demo))


def test_convolutions_get_symmetric_pairs_and_the_ends_stay_in_float(quantised):
    model = onnx.load(load_profile("live").graph)
    chosen = quantised_nodes(model)
    assert len(chosen) == 15
    assert not any("/gate/" in name or name.endswith("/head/Conv") for name in chosen)
    made_by = {name: node for node in quantised.graph.node for name in node.output}
    weights = {w.name: onnx.numpy_helper.to_array(w) for w in quantised.graph.initializer}
    for node in quantised.graph.node:
        if node.op_type == "Conv":
            is_chosen = node.name in chosen
            assert all(
                (made_by.get(n) is not None and made_by[n].op_type == "DequantizeLinear") is is_chosen
                for n in node.input[1:2]
            )
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            assert not weights[node.input[2]].any()
    ends = [(end.name, end.type.tensor_type.elem_type) for end in (*quantised.graph.input, *quantised.graph.output)]
    assert ends == [("frame", 2), ("enhanced", 2)]
    onnx.checker.check_model(quantised, full_check=True)


def test_shipped_profile_passes_its_gate_and_builds(trt_rtx, quantised, demo, monkeypatch, tmp_path):
    from edge.engines.gpu.trt_versions import load_trt
    from export.on_unit.builder import BuildOptions, plan_from_onnx

    monkeypatch.setattr("export.precisions.typed.calibration_frames", lambda named: Few(demo))
    monkeypatch.setattr("export.precisions.typed.quantised_graph", lambda model, frames: quantised)
    graph = load_profile("live").graph.read_bytes()
    content, about = typed_graph(graph, "int8", SampleFrames(demo[:1], {}), str(tmp_path))
    assert about["against_fp32"]["psnr_db"] >= GATES["int8"].min_psnr_db == 38
    assert about["calibration"] == {"frames": 4}
    (tmp_path / "model.onnx").write_bytes(content)
    built = plan_from_onnx(load_trt("tensorrt-rtx"), tmp_path / "model.onnx", BuildOptions(compute_capability=(8, 6)))
    assert len(built.content) > 1e5


def test_without_a_calibration_set_there_is_no_int8():
    with pytest.raises(UsageError, match="--calibration is missing: int8 takes its ranges from frames"):
        typed_graph(load_profile("live").graph.read_bytes(), "int8", SampleFrames([], {}))
