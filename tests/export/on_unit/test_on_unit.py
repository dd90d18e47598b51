"""On a unit there is neither torch nor onnx nor trainer: the commands that run there must not want them."""

import os
import subprocess
import sys

import pytest

from tests.doubles.parts import part

BLOCKED = """
import sys
for name in ("torch", "onnx", "trainer", "safetensors"):
    sys.modules[name] = None
from export.cli import main
sys.exit(main(sys.argv[1:]))
"""


def run_on_unit(*command, path=""):
    env = {**os.environ, "PYTHONPATH": str(path)}
    words = [sys.executable, "-c", BLOCKED, *command]
    return subprocess.run(words, capture_output=True, text=True, env=env, check=False)


@pytest.mark.slow
def test_engine_is_built_inspected_and_judged_there(tmp_path):
    rtx = part("rtx")
    options = ["--runtime", "tensorrt-rtx", "--compute-capability", "8.6", "-o", str(tmp_path)]
    built = run_on_unit("engine", "live", *options, path=rtx)
    assert built.returncode == 0, built.stderr
    assert run_on_unit("inspect", built.stdout.strip(), path=rtx).returncode == 0
    judged = run_on_unit("verify", "live", "--frames", "1", "--engines", str(tmp_path))
    assert judged.returncode == 0, judged.stderr
    assert "onnx is not installed here; at export it was" in judged.stdout
    assert run_on_unit("bench", "live", "--backend", "cpu", "--seconds", "0.1").returncode == 0


def test_export_from_a_checkpoint_says_where_it_belongs():
    done = run_on_unit("onnx", "x.safetensors")
    assert done.returncode == 2
    assert done.stderr.startswith("edge-export: edge-export onnx needs safetensors, which a unit does not have")


def test_a_correction_of_the_graph_says_where_it_belongs():
    done = run_on_unit("correct", "live", "--calibration", "unit.calib", "-o", "models")
    assert done.returncode == 2
    assert done.stderr.startswith("edge-export: edge-export correct needs onnx, which a unit does not have")
