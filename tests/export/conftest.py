"""Small checkpoints of every kind, and the real parts of TensorRT that need no GPU."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from edge.models.profile import Profile, load_profile
from export.graphs.profile import export_profile
from tests.doubles.parts import part
from tests.doubles.training.checkpoint_cases import Case
from tests.once import MadeOnce
from trainer.networks.resnet_generator import ResnetGenerator, ResnetGeneratorConfig
from trainer.networks.rrdb import Rrdb, RrdbConfig
from trainer.networks.student import Student, StudentConfig
from trainer.networks.student_isr import StudentIsr, StudentIsrConfig
from trainer.training.checkpoint import described, save_whole

SMALL = ((8, 8, 8), (1, 1, 1))


@pytest.fixture(scope="session")
def checkpoints(made_once: MadeOnce) -> dict[str, Path]:
    """Files of small random networks by what they are: student, student_isr, idm, isr."""
    return {path.stem: path for path in made_once("checkpoints", save_networks).iterdir()}


def save_networks(folder: Path) -> None:
    torch.manual_seed(0)
    student, joint = Student(StudentConfig(*SMALL)), StudentIsr(StudentIsrConfig(*SMALL, head_feat=8, head_block=1))
    for network in (student, joint.student):
        torch.nn.init.normal_(network.head.weight, std=0.05)
    torch.nn.init.normal_(joint.head.last.weight, std=0.01)
    networks = {
        "student": ("student", student),
        "student_isr": ("student_isr", joint),
        "idm": ("resnet_generator", ResnetGenerator(ResnetGeneratorConfig(8, 1))),
        "isr": ("rrdb", Rrdb(RrdbConfig(8, 1, 4))),
    }
    for name, (kind, network) in networks.items():
        about = {**described(kind, network.config), "recipe": "test"}
        save_whole(dict(network.state_dict()), folder / f"{name}.safetensors", about)


@pytest.fixture(scope="session")
def exported(checkpoints: dict[str, Path], made_once: MadeOnce) -> Any:
    """`exported(case)`: the profile and its checkpoints; each case is exported once, on first use."""

    def get(case: Case) -> tuple[Profile, Path, Path | None]:
        profile, dehazer, has_isr, upscale = case
        isr = checkpoints["isr"] if has_isr else None
        options = {"version": "7", "licence": "test only", "num_frames": 1}

        def make(root: Path) -> None:
            export_profile(checkpoints[dehazer], profile, root, isr=isr, upscale=upscale, **options)

        root = made_once(f"exported-{profile}-{upscale}", make)
        (folder,) = root.iterdir()
        return load_profile(folder.name, (root,)), checkpoints[dehazer], isr

    return get


@pytest.fixture(scope="session")
def trt_rtx() -> Any:
    """NVIDIA's TensorRT-RTX, the real one."""
    folder = str(part("rtx"))
    if folder not in sys.path:
        sys.path.append(folder)
    import tensorrt_rtx

    return tensorrt_rtx
