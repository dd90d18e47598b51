"""What `edge-export onnx` refuses before torch is loaded, a line each."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

from edge.models.profile import SHIPPED
from export.cli import main


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Files that say what they are, and a folder of profiles that holds `live` in version 3."""
    folder = tmp_path_factory.mktemp("place")
    for name, kind, beta in (
        ("student", "student", None),
        ("miinet", "resnet_generator", 1.5),
        ("cyclegan", "resnet_generator", 0.0),
        ("isr", "rrdb", None),
    ):
        about = {kind: "{}"} | ({} if beta is None else {"settings": json.dumps({"idm.beta": beta})})
        save_file({"x": torch.zeros(1)}, folder / f"{name}.safetensors", about)
    shutil.copytree(SHIPPED / "live", folder / "models" / "live")
    (folder / "empty").mkdir()
    return folder


LIVE = ["student.safetensors", "--profile", "live", "--licence", "-"]
ISR = ["--isr", "isr.safetensors", "--licence", "-", "-o", "new"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param([*LIVE, "-o", "models"], 2, "holds version 3, and --version 1 is lower", id="older"),
        pytest.param([*LIVE, "-o", "models", "--version", "2.9"], 2, "--downgrade says that it is meant", id="2.9"),
        pytest.param(
            ["miinet.safetensors", "--profile", "cyclegan", *ISR],
            2,
            "idm.beta = 1.5, and cyclegan wants 0",
            id="miinet",
        ),
        pytest.param(["cyclegan.safetensors", "--profile", "miinet", *ISR], 2, "export it as cyclegan", id="cyclegan"),
        pytest.param(["miinet.safetensors", *LIVE[1:], "-o", "new"], 78, "give the student.safetensors", id="kind"),
        pytest.param(
            ["studnt.safetensors", *LIVE[1:], "-o", "new"], 74, "did you mean 'student.safetensors'?", id="slip"
        ),
        pytest.param([*LIVE, "-o", "new", "--pictures", "empty"], 74, "no picture in it", id="no pictures"),
        pytest.param([*LIVE, "-o", "new", "--precision", "int8"], 2, "--calibration is missing", id="no frames"),
        pytest.param([*LIVE, "-o", "new", "--calibration", "x"], 2, "is for --precision int8", id="no int8"),
        pytest.param([*LIVE, "-o", "new", "--frames", "-1"], 2, "--frames -1: expected", id="frames"),
        pytest.param(
            ["models/live", "--licence", "x"], 2, "--licence is for an export from a checkpoint", id="ignored"
        ),
        pytest.param([".", "--precision", "fp32"], 74, "it has cyclegan.safetensors, isr.safetensors", id="a run"),
    ],
)
def test_what_cannot_be_is_one_line_before_torch(place, words, code, message):
    script = f"""
import sys
from export.cli import main
code = main({["onnx", *words]!r})
sys.exit(99 if "torch" in sys.modules else code)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=place, capture_output=True, text=True, check=False)
    (line,) = done.stderr.splitlines()
    assert done.returncode == code and message in line
    assert not (place / "new").exists()


@pytest.mark.parametrize("more", [["--version", "3"], ["--version", "4"], ["--downgrade"]], ids=" ".join)
def test_a_version_that_is_meant_is_taken(place, monkeypatch, more):
    monkeypatch.chdir(place)
    asked = []

    def export_profile(*words, version, **options):
        asked.append(version)
        return place / "models" / "live"

    monkeypatch.setattr("export.graphs.profile.export_profile", export_profile)
    assert main(["onnx", *LIVE, "-o", "models", *more]) == 0
    assert asked == [more[1] if more[1:] else "1"]
