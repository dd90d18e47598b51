"""`edge-train` from a folder of pictures to a checkpoint, and its errors."""

import cv2
import numpy as np
import pytest

from trainer.cli import main
from trainer.networks.from_checkpoint import student_from_checkpoint


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "data" / "larynx").mkdir(parents=True)
    for name in ("patient1_seq1_0001", "patient1_seq1_0002", "patient1_seq3_0001", "patient2_seq5_0001"):
        picture = cv2.GaussianBlur(rng.integers(0, 256, (300, 300, 3), dtype=np.uint8), (0, 0), 4)
        cv2.imwrite(str(tmp_path / "data" / "larynx" / f"{name}.jpg"), picture)
    config = "[student]\nsteps = 2\nbatch = 1\n[student.data]\nlarynx_share = 1.0\n"
    config += "[student.loop]\nworkers = 0\ncompile = false\n"
    (tmp_path / "tiny.toml").write_text(config)
    manifest = ["-o", str(tmp_path / "larynx.json"), "--hq", "*", "--held-out", "0"]
    assert main(["prepare", str(tmp_path / "data" / "larynx"), *manifest]) == 0
    return tmp_path


def student(data, config):
    return ["student", str(data / config), "--larynx", str(data / "larynx.json"), "-o", str(data / "run")]


def test_from_pictures_to_a_checkpoint(data):
    assert main(student(data, "tiny.toml")) == 0
    _, described = student_from_checkpoint(data / "run" / "student.safetensors")
    assert described["steps"] == "2"
    assert len(described["data_manifest_sha256"]) == 64


def test_mouths_come_from_a_manifest_of_their_own(data):
    (data / "mouths.toml").write_text((data / "tiny.toml").read_text().replace("larynx_share", "oral_share"))
    command = ["student", str(data / "mouths.toml"), "--oral", str(data / "larynx.json"), "-o", str(data / "run")]
    assert main(command) == 0


@pytest.mark.parametrize(
    "config, code, message",
    [
        pytest.param("[student.data]\nlarynx = 1", 78, "student.data.larynx", id="unknown key"),
        pytest.param("[student]\nsteps = 0", 78, "student.steps = 0", id="out of range"),
        pytest.param("[student.data]\nlarynx_share = 0.0", 78, "every data share is 0", id="no data"),
        pytest.param("[student.data]\ndemo_share = 1.0", 74, "python -m edge.sources.demo", id="no renders"),
        pytest.param("[student.data]\nthroat_share = 1.0", 74, "give --throats a manifest", id="no throats"),
    ],
)
def test_bad_runs_get_one_line(data, capsys, config, code, message):
    capsys.readouterr()
    (data / "bad.toml").write_text(config)
    assert main(student(data, "bad.toml")) == code
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line


def test_a_config_that_is_not_there_names_the_shipped_ones(capsys):
    assert main(["student", "nothing", "-o", "run"]) == 78
    assert "live-fast" in capsys.readouterr().err
