"""The correction in the graph: the host's pixels, before any profile, and the profile of one unit."""

import errno
import json
from dataclasses import replace
from datetime import datetime, timezone

import numpy as np
import onnx
import onnxruntime
import pytest

from edge.basics.errors import InputOutputError, UsageError
from edge.calibration.calibration import PARTS, Calibration, Lens
from edge.calibration.correction import Correction
from edge.calibration.file import write_calibration
from edge.engines.cpu import GraphCpuEngine
from edge.engines.golden import check_golden
from edge.engines.gpu.trt_versions import load_trt
from edge.models.profile import SHIPPED, load_profile
from export.graphs.correction_graph import corrected_graph, correction_graph, export_corrected_profile
from export.on_unit.builder import BuildOptions, check_graph, plan_from_onnx
from export.precisions.graph_edit import element_types

CALIBRATION = Calibration(
    "A-1", "1920x1080 demo", datetime(2026, 1, 1, tzinfo=timezone.utc), "test", PARTS,
    dark=np.float32([0.03, 0.025, 0.035]),
    gain=np.float32(1 + np.linspace(0, 2, 9)[:, None, None] * np.linspace(0, 1, 16)[None, :, None] * [1, 0.9, 1.1]),
    white=np.float32([1.3, 1.0, 1.6]),
    matrix=np.float32([[1.25, -0.2, -0.05], [-0.15, 1.3, -0.15], [0.0, -0.4, 1.4]]),
    hot_px=np.int32([[500, 700], [0, 0], [1079, 1919]]),
    lens=Lens("radial", (1100.0, 1101.0), (950.0, 545.0), (-0.2, 0.05, 1e-4, -2e-4, 0.0), 0.1),
)  # fmt: skip


def frame() -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.integers(20, 240, (54, 96, 3), dtype=np.uint8)
    image = np.ascontiguousarray(coarse.repeat(20, axis=0).repeat(20, axis=1))  # hard edges: the remap matters
    image[500, 700] = 255
    return image


@pytest.mark.slow
@pytest.mark.parametrize("lens", [CALIBRATION.lens, None], ids=["lens", "no lens"])
def test_the_graph_gives_the_hosts_pixels(lens):
    correction = Correction(replace(CALIBRATION, lens=lens))
    session = onnxruntime.InferenceSession(correction_graph(correction), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"frame": frame()[None]})
    off = np.abs(found[0].astype(int) - correction.apply(frame()))
    assert (off > 1).mean() < 1e-3 if lens else off.max() <= 1
    assert np.abs(found[0].astype(int) - frame()).max() > 20
    correction.close()


@pytest.mark.slow
def test_the_profile_of_a_unit_enhances_the_corrected_frame(tmp_path):
    path = tmp_path / "unit.calib"
    write_calibration(path, replace(CALIBRATION, controls={"exposure": 120.0}))
    folder = export_corrected_profile("live", (SHIPPED,), path, tmp_path / "models")
    manifest = json.loads((folder / "model.json").read_text())
    assert manifest["calibration"]["controls"] == {"exposure": 120.0}
    assert manifest["calibration"]["unit"] == "A-1" and manifest["corrects"] == load_profile("live").sha256
    profile = load_profile("live", (tmp_path / "models", SHIPPED))
    assert profile.folder == folder and profile.dehazer is None
    assert manifest["golden"]["enhanced"] != load_profile("live").manifest["golden"]["enhanced"]
    check_golden(GraphCpuEngine(profile, 2), profile)
    correction = Correction(CALIBRATION)
    engines = [GraphCpuEngine(one, 2) for one in (profile, load_profile("live"))]
    ours, host = engines[0].enhance(frame()).image, engines[1].enhance(correction.apply(frame())).image
    assert (np.abs(ours.astype(int) - host) > 1).mean() < 2e-3
    with pytest.raises(UsageError, match="is corrected for a unit already"):
        export_corrected_profile("live", (tmp_path / "models",), path, tmp_path / "again")
    with pytest.raises(UsageError, match="exists; choose another -o"):
        export_corrected_profile("live", (SHIPPED,), path, tmp_path / "models")
    correction.close()


@pytest.mark.slow
def test_a_full_disk_leaves_no_half_profile(tmp_path, monkeypatch):
    path = tmp_path / "unit.calib"
    write_calibration(path, CALIBRATION)

    def full(contents):
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        monkeypatch.context() as patch,
        pytest.raises(InputOutputError, match=r"live: cannot be written \(No space left"),
    ):
        patch.setattr("export.graphs.profile.write_together", full)
        export_corrected_profile("live", (SHIPPED,), path, tmp_path / "models")
    assert not (tmp_path / "models" / "live").exists()
    assert export_corrected_profile("live", (SHIPPED,), path, tmp_path / "models").is_dir()


def test_the_merged_graph_has_the_profiles_ends():
    correction = Correction(CALIBRATION)
    graph = corrected_graph(load_profile("live").graph.read_bytes(), correction)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    assert [(end.name, end.shape) for end in (*session.get_inputs(), *session.get_outputs())] == [
        ("frame", [1, 1080, 1920, 3]),
        ("enhanced", [1, 1080, 1920, 3]),
    ]
    correction.close()


@pytest.mark.slow
def test_corrected_profile_meets_a_cast_at_its_ends_alone_and_builds_with_tensorrt_rtx(trt_rtx, tmp_path):
    """TensorRT knows uint8 at the ends of a graph alone, so nothing between correction and network may be uint8."""
    path = tmp_path / "model.onnx"
    correction = Correction(CALIBRATION)
    path.write_bytes(corrected_graph(load_profile("live").graph.read_bytes(), correction))
    correction.close()
    types = element_types(onnx.load(path))
    assert [name for name, kind in types.items() if kind == onnx.TensorProto.UINT8] == ["frame", "enhanced"]
    check_graph(path)
    built = plan_from_onnx(load_trt("tensorrt-rtx"), path, BuildOptions(compute_capability=(8, 6)))
    assert len(built.content) > 1e5
