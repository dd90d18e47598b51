"""Pictures and teachers of the students' tests, and a VGG16."""

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.doubles.training.training_bench import PALE_RED
from trainer.networks.resnet_generator import ResnetGenerator, ResnetGeneratorConfig
from trainer.networks.rrdb import Rrdb, RrdbConfig
from trainer.networks.vgg_features import LAYERS
from trainer.training.checkpoint import described, save_whole


@pytest.fixture(scope="session")
def files(tmp_path_factory, tissue):
    """Pictures and teachers: hq0.png to hq2.png, lq.png, idm.safetensors (all one pale red), isr.safetensors."""
    folder = tmp_path_factory.mktemp("student")
    for seed in range(3):
        cv2.imwrite(str(folder / f"hq{seed}.png"), tissue(160, 280, seed)[..., ::-1])
    cv2.imwrite(str(folder / "lq.png"), np.full((100, 180, 3), 90, np.uint8))
    teacher = ResnetGenerator(ResnetGeneratorConfig(4, 1))
    last = [layer for layer in teacher.head if isinstance(layer, torch.nn.Conv2d)][-1]
    torch.nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias.copy_(torch.atanh(torch.tensor(PALE_RED) * 2 - 1))
    save_whole(teacher.state_dict(), folder / "idm.safetensors", described("resnet_generator", teacher.config))
    shape = RrdbConfig(4, 1, 4)
    save_whole(Rrdb(shape).state_dict(), folder / "isr.safetensors", described("rrdb", shape))
    return folder


@pytest.fixture(scope="session")
def vgg16_conv5_3_file(tmp_path_factory):
    """All 13 convolutions of VGG16 with random weights, under torchvision's names, in half precision."""
    generator = torch.Generator().manual_seed(0)
    tensors, num_in, number = {}, 3, 0
    for num_out in LAYERS["vgg16.conv5_3"]:
        if num_out:
            weight = torch.randn(num_out, num_in, 3, 3, generator=generator) * (2 / (9 * num_in)) ** 0.5
            tensors |= {f"features.{number}.weight": weight.half(), f"features.{number}.bias": torch.zeros(num_out)}
            num_in, number = num_out, number + 2
        else:
            number += 1
    path = tmp_path_factory.mktemp("weights") / "vgg16.safetensors"
    save_file(tensors, path)
    return path
