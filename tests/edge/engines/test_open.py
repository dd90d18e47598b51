"""Opening one rung, proving it, and what the tools take: the first of a profile's rungs that does both."""

import os
import subprocess
import sys

import numpy as np
import pytest

from edge.basics.errors import DeviceMissing, EngineLost, ModelError
from edge.config import EngineConfig
from edge.engines import open as opening
from edge.engines.cpu import BicubicCpuEngine, GraphCpuEngine, GuidedCpuEngine
from edge.engines.engine import Enhanced
from edge.engines.golden import golden_frame, golden_record
from edge.engines.open import open_proven, open_rung, prove_rung
from edge.engines.rungs import Rung, own_rungs
from edge.models.profile import load_profile
from tests.doubles.gpu_unit import graph
from tests.doubles.parts import part

SCRIPT = """
import sys
sys.path[:0] = {paths!r}
{setup}
from edge.config import EngineConfig
from edge.engines.open import open_proven
from edge.engines.rungs import own_rungs
from edge.models.profile import load_profile
print(open_proven(load_profile("live"), EngineConfig(engines="/nowhere"), own_rungs("live", "auto"), print)[0].device)
"""


def run_apart(paths, setup="", **env):
    """What a fresh process says; this one may have the double of libcuda loaded."""
    script = SCRIPT.format(paths=[str(path) for path in paths], setup=setup)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={**os.environ, **env}, check=True
    )
    return done.stdout.splitlines()


def test_without_tensorrt_the_cpu_is_next_with_one_line():
    line, device = run_apart([], "sys.modules['tensorrt'] = None")
    assert line.startswith("live on a GPU is passed over: tensorrt is not installed")
    assert device.startswith("cpu")


FAKE = "from tests.doubles import fake_tensorrt; sys.modules['tensorrt'] = fake_tensorrt"


def test_without_libcuda_the_cpu_is_next_with_one_line():
    line, device = run_apart([part("pycuda") / "site"], FAKE)
    assert line == "live on a GPU is passed over: no GPU engine: no NVIDIA driver (libcuda.so.1); " + (
        "docs/install.md says how to install it"
    )
    assert device.startswith("cpu")


def test_without_a_device_the_cpu_is_next_with_one_line():
    folder = part("pycuda")
    env = {"LD_LIBRARY_PATH": str(folder / "driver"), "HOST_CUDA_DEVICES": "0"}
    line, device = run_apart([folder / "site"], FAKE, **env)
    assert line.startswith("live on a GPU is passed over: no GPU engine: the NVIDIA driver finds no usable GPU")
    assert device.startswith("cpu")


def tool(unit, backend="auto"):
    """What a tool opens, and the lines that it is told."""
    lines = []
    config = EngineConfig(backend=backend, engines=str(unit.engines))
    return open_proven(unit.profile, config, own_rungs("live", backend), lines.append)[0], lines


def test_a_gpu_without_an_engine_names_the_command(gpu, unit):
    engine, (line,) = tool(unit)
    assert isinstance(engine, GraphCpuEngine)
    assert line.endswith(f"run: edge-export engine {unit.models}/live -o {unit.engines}")


def test_a_plan_that_tensorrt_does_not_take_leaves_the_cpu(gpu, unit, monkeypatch):
    unit.put_plan()
    monkeypatch.setattr("tests.doubles.fake_tensorrt.Runtime.deserialize_cuda_engine", lambda runtime, content: None)
    engine, (line,) = tool(unit)
    assert isinstance(engine, GraphCpuEngine)
    assert "tensorrt 10.3.0 does not take this plan" in line


def test_a_plan_that_computes_something_else_fails_the_golden_frame_of_the_manifest(gpu, unit):
    unit.put_plan(graph("faint"))
    config, rung = EngineConfig(engines=str(unit.engines)), Rung("live", "auto")
    engine = open_rung(unit.profile, config, rung)
    with pytest.raises(ModelError, match=r"golden frame comes out at [0-9.]+ dB, expected 45 or more; ") as caught:
        prove_rung(engine, unit.profile, config, rung)
    engine.close()
    command = f"edge-export engine {unit.models}/live -o {unit.engines} --force"
    assert str(caught.value).endswith(f"; run: {command}")
    engine, (line,) = tool(unit)
    assert isinstance(engine, GraphCpuEngine)
    assert line == f"live on a GPU is passed over: {caught.value}"


def test_the_drawn_frame_of_the_manifest_proves_a_plan(gpu, unit):
    faint = (golden_frame() * 0.5 + 20).astype(np.uint8)
    unit.set_manifest(golden=golden_record(faint, 45.0))
    unit.put_plan(graph("faint"))
    engine, lines = tool(unit)
    assert (engine.device.startswith("Host Memory Double"), lines) == (True, [])
    engine.close()


def test_backend_tensorrt_insists(gpu, unit, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    with pytest.raises(ModelError, match="no engine for profile"):
        tool(unit, "tensorrt")
    with pytest.raises(DeviceMissing, match="tensorrt-rtx is not installed"):
        tool(unit, "tensorrt-rtx")


def test_backend_cpu_does_not_look_for_a_gpu(gpu, unit):
    unit.put_plan()
    engine, lines = tool(unit, "cpu")
    assert (type(engine), lines) == (GraphCpuEngine, [])


def test_a_gpu_and_its_engine_are_taken(gpu, unit):
    unit.put_plan()
    engine, lines = tool(unit)
    assert engine.device.startswith("Host Memory Double, tensorrt 10.3.0, fp16")
    assert np.array_equal(engine.enhance(unit.frame).image, 255 - unit.frame)
    assert lines == []
    engine.close()


@pytest.mark.parametrize(
    ("rung", "kind"),
    [
        (Rung("live", "cpu"), GuidedCpuEngine),
        (Rung("live", "cpu", "bicubic"), BicubicCpuEngine),
    ],
)
def test_a_rung_of_the_cpu_is_what_it_names_and_is_proven(rung, kind):
    profile = load_profile("live")
    engine, proof = open_proven(profile, EngineConfig(), [rung])
    assert type(engine) is kind
    assert proof.psnr_db >= 50 and proof.took_ms > 0
    engine.close()


class Wrong:
    """Implements `edge.engines.engine.Engine`; answers nothing but its own."""

    profile, model_sha256, device = "live", "0", "test"

    def __init__(self, error=None):
        self._error = error
        self.is_closed = False

    def enhance(self, image, out=None):
        if self._error:
            raise self._error
        return Enhanced(np.zeros_like(image), {})

    def close(self):
        self.is_closed = True


@pytest.mark.parametrize(
    ("error", "expected"), [(None, ModelError), (EngineLost("the GPU is gone"), EngineLost)], ids=["wrong", "lost"]
)
def test_what_cannot_be_proven_is_closed(monkeypatch, error, expected):
    made = [Wrong(error), Wrong(error)]
    left = list(made)
    monkeypatch.setattr(opening, "open_rung", lambda *given: left.pop())
    lines = []
    with pytest.raises(expected):
        open_proven(load_profile("live"), EngineConfig(), own_rungs("live", "auto"), lines.append)
    assert [engine.is_closed for engine in made] == [True, True]
    assert len(lines) == 1
