"""Nothing that lies in the working folder is run, by any command or by a process that it starts."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doubles.haste import first_in_haste
from tests.doubles.waiting import GUARD_S
from tests.edge.test_nothing_gets_out import COMMANDS, ENGINE_RUNS, IF_THERE, TRAIN_COMPILED, command, material  # noqa: F401 - a fixture

PROGRAMS = Path(sys.executable).parent
MODULES = (
    "aiohttp", "calib", "ctypes", "cv2", "edge", "export", "firmware_bridge", "json", "logging", "multiprocessing",
    "numpy", "onnx", "onnxruntime", "pickle", "PIL", "pyvips", "runpy", "safetensors", "signal", "simplejpeg",
    "sitecustomize", "socket", "subprocess", "tomli", "tomllib", "torch", "tqdm", "trainer", "typing", "usercustomize",
)  # fmt: skip
TOOLS = ("cc", "ffmpeg", "gcc", "git", "gst-device-monitor-1.0", "nvidia-smi", "python", "python3", "sh")


@pytest.fixture
def folder(material, tmp_path):  # noqa: F811
    """A working folder full of traps; `sprung` lists those that were run."""
    for path in material.iterdir():
        (tmp_path / path.name).symlink_to(path)
    springs = "import os\nos.close(os.open({!r}, os.O_CREAT | os.O_WRONLY))\n"
    (tmp_path / "sprung").mkdir(mode=0o777)
    for number, name in enumerate(MODULES):
        trap = springs.format(str(tmp_path / "sprung" / name))
        if number % 2 and name not in ("sitecustomize", "usercustomize"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "__init__.py").write_text(trap)
        else:
            (tmp_path / f"{name}.py").write_text(trap)
    for name in TOOLS:
        (tmp_path / name).write_text(f"#!/bin/sh\n: > {tmp_path}/sprung/{name}\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def sprung(folder):
    return sorted(path.name for path in (folder / "sprung").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(("line", "code"), first_in_haste(COMMANDS))
def test_a_command_runs_nothing_of_the_working_folder(folder, line, code):
    done = subprocess.run(command(line), cwd=folder, capture_output=True, text=True, timeout=3 * GUARD_S)
    assert sprung(folder) == []
    assert done.returncode in ({0, 69} if code == IF_THERE else {code}), done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no PYTHONSAFEPATH for what torch starts")
def test_a_training_that_compiles_runs_nothing_of_the_working_folder(folder):
    done = subprocess.run(command(TRAIN_COMPILED), cwd=folder, capture_output=True, text=True, timeout=3 * GUARD_S)
    assert sprung(folder) == []
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_live_program_runs_nothing_of_the_working_folder(folder):
    live = [PROGRAMS / "edge-enhance", "--live", "--config", "edge.toml"]
    (folder / "edge.toml").write_text('[web]\nlisten = "127.0.0.1:0"\n')
    with subprocess.Popen(live, cwd=folder, stderr=subprocess.PIPE, text=True) as program:
        told = []
        for line in program.stderr:
            told.append(line)
            if re.search(ENGINE_RUNS, line):
                break
        program.terminate()
        told.append(program.stderr.read())
    assert re.search(ENGINE_RUNS, "".join(told)), told
    assert sprung(folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("value", ["", ":", ".", "{folder}"])
def test_the_engines_process_takes_nothing_from_the_environment(folder, value, monkeypatch):
    code = """
import os, sys
from edge.config import EngineConfig
from edge.engines.rungs import Rung
from edge.guard.order import EngineOrder
from edge.guard.process import EngineProcess
from edge.guard.shared_frames import SharedFrames
from edge.models.profile import load_profile
os.chdir(sys.argv[1])
os.environ.update(PYTHONPATH=sys.argv[2], PYTHONSTARTUP="json.py", PYTHONINSPECT="1", LD_LIBRARY_PATH=sys.argv[2])
sys.path.insert(0, os.getcwd())
order = EngineOrder(Rung("live", "cpu"), load_profile("live").sha256, EngineConfig(), None)
process = EngineProcess(order, SharedFrames(num_frames=2))
while process.poll_opened(1.0) is None:
    pass
process.close(5)
print("opened")
"""
    given = [sys.executable, "-I", "-c", code, str(folder), value.format(folder=folder)]
    done = subprocess.run(given, capture_output=True, text=True, timeout=GUARD_S, cwd="/")
    assert (done.stdout, sprung(folder)) == ("opened\n", []), done.stderr


def test_the_traps_spring(folder):
    subprocess.run(
        [sys.executable, "-c", "import json"], cwd=folder, env={**os.environ, "PATH": f".:{os.environ['PATH']}"}
    )
    subprocess.run("git", cwd=folder, env={**os.environ, "PATH": "."}, shell=True)
    assert {"git", "json"} <= {*sprung(folder)}
