"""`trainer/gpu-run.sh` from the data folder to the collected runs, on the CPU with the smallest config."""

import os
import subprocess
import sys

import cv2
import pytest
import torch
from safetensors.torch import save_file

from tests.paths import REPOSITORY
from trainer.networks.rrdb import Rrdb, RrdbConfig
from trainer.networks.vgg_features import VGG16

SCRIPT = REPOSITORY / "trainer" / "gpu-run.sh"


def vgg16(generator):
    """Every convolution of VGG16 under torchvision's names, random, as small as its shapes allow."""
    tensors, num_in = {}, 3
    for number, num_out in ((n, c) for n, c in enumerate(_numbered()) if c):
        weight = torch.randn(num_out, num_in, 3, 3, generator=generator) * (2 / (9 * num_in)) ** 0.5
        tensors |= {f"features.{number}.weight": weight.half(), f"features.{number}.bias": torch.zeros(num_out).half()}
        num_in = num_out
    return tensors


def _numbered():
    """Channels by torchvision's layer numbers: a convolution is followed by its ReLU."""
    for channels in VGG16:
        yield channels
        if channels:
            yield 0


@pytest.fixture
def data(tmp_path, tissue):
    root = tmp_path / "data"
    for folder, count, size in (("larynx", 4, 256), ("hq", 8, 256), ("mid", 6, 96), ("lq_train", 6, 96)):
        at = root / folder if folder == "larynx" else root / "throat_research" / folder
        at.mkdir(parents=True)
        for number in range(count):
            name = f"patient{number % 2 + 1}_seq{number + 1}_0001.jpg" if folder == "larynx" else f"{number:04}.jpg"
            cv2.imwrite(str(at / name), tissue(size, size * 3 // 2, 1000 * len(folder) + number))
    (root / "weights").mkdir()
    save_file(vgg16(torch.Generator().manual_seed(0)), root / "weights" / "vgg16_features_fp16.safetensors")
    save_file(vgg16(torch.Generator().manual_seed(0)), root / "weights" / "vgg16_features_to_pool2.safetensors")
    start = Rrdb(RrdbConfig(8, 1, 8)).state_dict()
    save_file(start, root / "weights" / "rrdb_realsr_df2k_x4_fp16.safetensors")
    return root


@pytest.fixture
def command(tmp_path):
    """Runs the script in a folder of its own; gives what it printed."""

    def run(*words, minutes="300", machine="first"):
        folders = {"IN": tmp_path / "in", "OUT": tmp_path / "out", "KEEP": tmp_path / machine}
        given = {"CONFIG": "cpu-smoke", "MINUTES": minutes, "RENDERS": "1", "PYTHON": sys.executable}
        environment = {**os.environ, **{k: str(v) for k, v in folders.items()}, **given, "OMP_NUM_THREADS": "1"}
        done = subprocess.run([SCRIPT, *words], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return run


@pytest.mark.slow
def test_a_run_goes_on_on_a_new_machine_and_teaches_a_student(data, command, tmp_path):
    command("inputs", str(data))
    assert "time is up" in command("idm", minutes="0.001")
    (tmp_path / "in" / "idm" / "pieces").mkdir()
    for piece in (tmp_path / "out" / "idm" / "pieces").iterdir():
        piece.rename(tmp_path / "in" / "idm" / "pieces" / piece.name)
    printed = command("idm", machine="second")
    assert "state.safetensors: at step 10" in printed and "finished" in printed
    assert len((tmp_path / "out" / "idm" / "losses.csv").read_text().splitlines()) == 41
    command("inputs", str(data))  # now the teacher is there
    assert "finished" in command("distilled", machine="second")
    command("isr-vgg", machine="second")
    assert "finished" in command("isr", machine="second")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"idm", "isr", "distilled"}


def test_without_a_stage_it_says_how_it_is_used():
    done = subprocess.run([SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "gpu-run.sh inputs DATA" in done.stderr


def test_without_inputs_it_says_how_to_make_them(tmp_path):
    environment = {**os.environ, "IN": str(tmp_path / "in"), "KEEP": str(tmp_path / "keep")}
    done = subprocess.run([SCRIPT, "idm"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "make it at home with trainer/gpu-run.sh inputs DATA" in done.stderr
