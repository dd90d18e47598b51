"""`verify` and `bench` with an engine that runs: the fake TensorRT over a libcuda of host memory."""

import pytest

from edge.basics.errors import ModelError
from edge.config import EngineConfig
from edge.engines.golden import golden_frame, golden_record
from edge.engines.open import open_proven
from edge.engines.rungs import own_rungs
from export.on_unit.bench import bench
from export.on_unit.samples import sample_frames
from export.verify import verify
from tests.doubles.gpu_unit import gpu, graph, libcuda, onnxruntime_answer, pycuda_part, unit  # noqa: F401  fixtures

pytestmark = pytest.mark.usefixtures("gpu")


def engine_row(unit):  # noqa: F811
    samples = sample_frames(None, 1)
    options = {"precision": "fp16", "runtime": "tensorrt", "checkpoints": None}
    return verify(unit.profile, samples, engines=unit.engines, **options)[-1]


def test_an_engine_is_held_to_the_onnx_graph(unit):  # noqa: F811
    unit.put_plan()
    row = engine_row(unit)
    assert (row.passed, row.found.max_levels) == (True, 0)


def test_an_engine_that_drifts_fails_though_its_golden_frame_is_right(unit):  # noqa: F811
    unit.set_manifest(golden=golden_record(onnxruntime_answer(graph("faint"), golden_frame()), 45.0))
    unit.put_plan(graph("faint"))
    row = engine_row(unit)
    assert row.passed is False
    assert "FAILED" in row.cells()[-1]


def test_an_engine_whose_golden_frame_is_wrong_is_not_compared(unit):  # noqa: F811
    unit.put_plan(graph("faint"))
    with pytest.raises(ModelError, match="golden frame comes out at"):
        engine_row(unit)


def test_bench_tells_gpu_copies_and_host_apart(unit):  # noqa: F811
    unit.put_plan()
    config = EngineConfig(engines=str(unit.engines))
    engine, _ = open_proven(unit.profile, config, own_rungs("live", "auto"))
    profile = unit.profile
    profile.manifest["networks"] = [{"macs": 10**9}]
    figures = bench(profile, engine, unit.frame, 0.1, peak_flops=1e12)
    engine.close()
    assert figures.gpu_ms > 0 and figures.copy_ms > 0 and figures.host_ms >= 0
    assert figures.gflops == pytest.approx(2e9 / (figures.gpu_ms / 1e3) / 1e9)
    assert figures.throughput_fps > 0
    assert figures.gpu_memory_mib > 100
