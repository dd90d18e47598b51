"""What is wrong on a command line is told before torch is loaded, with the nearest right word."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param(["live-smok"], 78, "live-smok: no such config; did you mean 'live-smoke'?", id="config"),
        pytest.param(["gone.toml"], 78, "gone.toml: no such file; give a .toml file", id="no file"),
        pytest.param(["live", "--set", "studnt.steps=3"], 2, "no table studnt; did you mean 'student'?", id="table"),
        pytest.param(["live", "--set", "student.steps"], 2, "expected KEY=VALUE", id="no value"),
        pytest.param(["live", "--init", "liv"], 74, "--init liv: no such file; did you mean 'live'?", id="weights"),
        pytest.param(["live", "--larynx", "larinx.json"], 74, "did you mean 'larynx.json'?", id="manifest"),
        pytest.param(["live", "--demo", "gone"], 74, "--demo gone: no such folder", id="renders"),
        pytest.param(["live", "--manifest", "larynx.json"], 78, "version = None: expected 1", id="no manifest"),
        pytest.param(["live", "--steps", "0"], 2, "--steps 0: expected", id="steps"),
        pytest.param(["live", "--minutes", "-1"], 2, "--minutes -1.0: expected", id="minutes"),
    ],
)
def test_a_slip_is_one_line_before_torch(tmp_path, words, code, message):
    (tmp_path / "larynx.json").write_text("{}")
    script = f"""
import sys
from trainer.cli import main
code = main({["student", *words, "-o", "run"]!r})
sys.exit(99 if "torch" in sys.modules else code)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    (line,) = done.stderr.splitlines()
    assert done.returncode == code and message in line
    assert not (tmp_path / "run").exists()
