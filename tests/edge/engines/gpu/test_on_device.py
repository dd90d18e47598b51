"""On the real thing: a GPU with TensorRT. Never run on a Jetson yet; docs/testing.md says what has run where."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.basics.errors import DeviceMissing
from edge.engines.cpu import GraphCpuEngine
from edge.engines.gpu.device import gpu_of, load_cuda
from edge.engines.gpu.trt_versions import load_trt
from edge.models.profile import load_profile, profile_names
from edge.sources.demo.source import DemoSource
from tests.paths import REPOSITORY

IS_JETSON = Path("/etc/nv_tegra_release").exists()
JETSON = pytest.mark.skipif(not IS_JETSON, reason="no Jetson: /etc/nv_tegra_release is not there")


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    """A folder with an engine of every shipped profile, built here and now."""
    try:
        load_trt("tensorrt")
        cuda = load_cuda()
        gpu_of(cuda)
    except DeviceMissing as error:
        pytest.skip(str(error))
    if os.environ.get("HOST_CUDA_MIB") or "Double" in gpu_of(cuda).name:
        pytest.skip("the GPU is a test double")
    folder = tmp_path_factory.mktemp("engines")
    for profile in profile_names():
        command = [sys.executable, "-m", "export.cli", "engine", profile, "-o", str(folder)]
        subprocess.run(command, check=True)
    return folder


@pytest.fixture(scope="module")
def frames():
    source = DemoSource("demo:", paced=False)
    return [source.render(number * 60).degraded for number in range(6)]


@pytest.mark.gpu
@pytest.mark.parametrize("name", profile_names())
def test_engine_gives_the_graphs_pixels_within_the_gate(engines, frames, name):
    from edge.engines.gpu.open import open_tensorrt_engine
    from export.on_unit.accuracy import GATES, pooled

    profile = load_profile(name)
    engine, reference = open_tensorrt_engine(profile, engines), GraphCpuEngine(profile, 4)
    pairs = [(reference.enhance(frame).image, engine.enhance(frame).image.copy()) for frame in frames]
    engine.close()
    assert GATES["fp16"].passes(pooled(pairs))


@pytest.mark.gpu
@pytest.mark.parametrize("profile", profile_names())
def test_overlapped_frames_are_those_of_one_at_a_time(engines, frames, profile):
    from edge.engines.gpu.open import open_tensorrt_engine

    engine = open_tensorrt_engine(load_profile(profile), engines)
    alone = [engine.enhance(frame).image.copy() for frame in frames]
    engine.submit(frames[0])
    overlapped = []
    for frame in frames[1:]:
        engine.submit(frame)
        overlapped.append(engine.collect().image.copy())
    overlapped.append(engine.collect().image.copy())
    engine.close()
    assert all(np.array_equal(a, b) for a, b in zip(alone, overlapped, strict=True))


@pytest.mark.jetson
@JETSON
def test_frames_are_shared_with_the_gpu_and_not_copied(engines, frames):
    from edge.engines.gpu.open import open_tensorrt_engine

    engine = open_tensorrt_engine(load_profile("live"), engines)
    assert gpu_of(load_cuda()).integrated
    assert engine.enhance(frames[0]).stage_ms["copy"] == 0
    engine.close()


@pytest.mark.jetson
@JETSON
def test_acceptance_passes(tmp_path):
    script = REPOSITORY / "export" / "acceptance.sh"
    subprocess.run(["bash", str(script), "--output", str(tmp_path), "--seconds", "5"], check=True)
    assert (tmp_path / "report.txt").is_file()
