"""Which engine runs: without a GPU, or without an engine for it, the CPU's, and one line says why."""

import logging
import os
import subprocess
import sys

import numpy as np
import pytest

from edge.basics.errors import DeviceMissing, EngineLost, ModelError
from edge.config import EngineConfig
from edge.engines.cpu import GraphCpuEngine
from edge.engines.engine import Enhanced
from edge.engines.open import FallbackEngine, open_engine
from tests.doubles.parts import part

SCRIPT = """
import logging, sys
sys.path[:0] = {paths!r}
{setup}
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stdout)
from edge.models.profile import load_profile
from edge.config import EngineConfig
from edge.engines.open import open_engine
print(open_engine(load_profile("live"), EngineConfig(engines="/nowhere")).device)
"""


def run_apart(paths, setup="", **env):
    """What a fresh process says; this one may have the double of libcuda loaded."""
    script = SCRIPT.format(paths=[str(path) for path in paths], setup=setup)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={**os.environ, **env}, check=True
    )
    return done.stdout.splitlines()


def test_without_tensorrt_the_cpu_takes_over_with_one_line():
    line, device = run_apart([], "sys.modules['tensorrt'] = None")
    assert line.startswith("INFO the CPU engine runs: tensorrt is not installed")
    assert device.startswith("cpu")


FAKE = "from tests.doubles import fake_tensorrt; sys.modules['tensorrt'] = fake_tensorrt"


def test_without_libcuda_the_cpu_takes_over_with_one_line():
    line, device = run_apart([part("pycuda") / "site"], FAKE)
    assert line == "INFO the CPU engine runs: no GPU engine: no NVIDIA driver (libcuda.so.1); " + (
        "docs/integrator.md says how to install it"
    )
    assert device.startswith("cpu")


def test_without_a_device_the_cpu_takes_over_with_one_line():
    folder = part("pycuda")
    env = {"LD_LIBRARY_PATH": str(folder / "driver"), "HOST_CUDA_DEVICES": "0"}
    line, device = run_apart([folder / "site"], FAKE, **env)
    assert line.startswith("INFO the CPU engine runs: no GPU engine: the NVIDIA driver finds no usable GPU")
    assert device.startswith("cpu")


def test_a_gpu_without_an_engine_warns_and_names_the_command(gpu, unit, caplog):
    with caplog.at_level(logging.INFO):
        engine = open_engine(unit.profile, EngineConfig(engines=str(unit.engines)))
    assert isinstance(engine, GraphCpuEngine)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert f"run: edge-export engine live -o {unit.engines}" in record.message


def test_a_plan_that_tensorrt_does_not_take_leaves_the_cpu(gpu, unit, caplog, monkeypatch):
    unit.put_plan()
    monkeypatch.setattr("tests.doubles.fake_tensorrt.Runtime.deserialize_cuda_engine", lambda runtime, content: None)
    assert isinstance(open_engine(unit.profile, EngineConfig(engines=str(unit.engines))), GraphCpuEngine)
    (record,) = caplog.records
    assert "tensorrt 10.3.0 does not take this plan" in record.message


def test_backend_tensorrt_insists(gpu, unit, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    with pytest.raises(ModelError, match="no engine for profile"):
        open_engine(unit.profile, EngineConfig(backend="tensorrt", engines=str(unit.engines)))
    with pytest.raises(DeviceMissing, match="tensorrt-rtx is not installed"):
        open_engine(unit.profile, EngineConfig(backend="tensorrt-rtx", engines=str(unit.engines)))


def test_backend_cpu_does_not_look_for_a_gpu(gpu, unit):
    unit.put_plan()
    engine = open_engine(unit.profile, EngineConfig(backend="cpu", engines=str(unit.engines)))
    assert isinstance(engine, GraphCpuEngine)


def test_a_gpu_and_its_engine_are_taken(gpu, unit):
    unit.put_plan()
    engine = open_engine(unit.profile, EngineConfig(engines=str(unit.engines)))
    assert engine.device.startswith("Host Memory Double, tensorrt 10.3.0, fp16")
    assert np.array_equal(engine.enhance(unit.frame).image, 255 - unit.frame)
    engine.close()


class Played:
    """Implements `edge.engines.engine.Engine`; raises what it is told to."""

    profile, model_sha256 = "live", "0"

    def __init__(self, device):
        self.device = device
        self.error = None
        self.is_closed = False

    def enhance(self, image, out=None):
        if self.error:
            raise self.error
        return Enhanced(image, {})

    def close(self):
        self.is_closed = True


def test_a_lost_gpu_hands_its_frame_to_the_cpu_which_stays():
    gpu, cpu = Played("gpu"), Played("cpu")
    engine = FallbackEngine(gpu, lambda: cpu)
    image = np.zeros((2, 2, 3), np.uint8)
    assert engine.enhance(image).image is image
    assert engine.current is gpu
    gpu.error = EngineLost("the GPU failed")
    for _ in range(2):
        assert engine.enhance(image).image is image
    assert (engine.device, gpu.is_closed, engine.current) == ("cpu", True, cpu)
    engine.close()
    assert cpu.is_closed


def test_a_failed_gpu_is_not_called_again_where_the_cpu_cannot_be_opened():
    gpu, cpu = Played("gpu"), Played("cpu")
    openings = iter([ModelError("the profile is damaged"), cpu])

    def open_cpu():
        found = next(openings)
        if isinstance(found, Exception):
            raise found
        return found

    engine = FallbackEngine(gpu, open_cpu)
    gpu.error = EngineLost("the GPU failed")
    image = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(ModelError):
        engine.enhance(image)
    assert gpu.is_closed
    assert engine.enhance(image).image is image
    assert engine.device == "cpu"
