"""A small place to compare in: manifests, real pictures, pairs and networks."""

import json

import cv2
import pytest
import torch

from trainer.cli import main
from trainer.networks.resnet_generator import ResnetGenerator, ResnetGeneratorConfig
from trainer.networks.student import Student, StudentConfig
from trainer.training.checkpoint import described, save_whole

STUDENT, IDM = StudentConfig((8, 8, 8), (1, 1, 1), shrink=2), ResnetGeneratorConfig(4, 1, shrink=3)


def write(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture[..., ::-1])


@pytest.fixture(scope="session")
def place(tmp_path_factory, tissue):
    """`throats.json` with two held-out pictures, `real/`, `pairs/`, and networks of two betas and a student."""
    folder = tmp_path_factory.mktemp("compared")
    for seed in (1, 2):
        write(folder / "throats" / f"{seed}.png", tissue(90, 160, seed))
    command = ["prepare", str(folder / "throats"), "-o", str(folder / "throats.json"), "--near-bits", "0"]
    assert main([*command, "--hq", "*", "--held-out", "1"]) == 0
    write(folder / "real" / "lens.png", tissue(90, 120, 5) // 2 + 100)
    write(folder / "pairs" / "a_hazy.png", tissue(72, 128, 6) // 2 + 90)
    write(folder / "pairs" / "a_clear.png", tissue(72, 128, 6))
    torch.manual_seed(0)
    about = {**described("student", STUDENT), "fogs": "airlight,dew"}
    save_whole(Student(STUDENT).state_dict(), folder / "still.safetensors", about)
    for name, beta in (("cyclegan", 0.0), ("miinet", 1.5)):
        network = ResnetGenerator(IDM)
        about = {**described("resnet_generator", IDM), "settings": json.dumps({"idm.beta": beta})}
        (folder / name).mkdir()
        save_whole(network.state_dict(), folder / name / "idm.safetensors", about)
    return folder


@pytest.fixture
def command(place):
    """`command(report, *more)`: the arguments of a comparison of two networks on everything there is."""

    def arguments(report, *more, networks=("cyclegan/idm", "miinet/idm")):
        files = [str(place / f"{name}.safetensors") for name in networks]
        parts = ["--manifest", "throats.json", "--real", "real", "--pairs", "pairs"]
        return ["evaluate", *files, *(p if p.startswith("--") else str(place / p) for p in parts), "--report",
                str(report), *map(str, more)]  # fmt: skip

    return arguments
