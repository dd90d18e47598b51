"""Pictures that behave like tissue and files of weights, made here."""

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file


@pytest.fixture(scope="session")
def tissue():
    """`tissue(height, width, seed)`: soft relief, crossed by sharp dark vessels and dotted with specular points."""

    def make(height, width, seed):
        rng = np.random.default_rng(seed)
        relief = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), 12) * 400 + 125
        course = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), 4)
        vessels = np.abs(course) < 0.12 * course.std()
        points = cv2.dilate((rng.random((height, width)) < 0.002).astype(np.uint8), np.ones((2, 2)))
        luma = relief - 55 * vessels + 90 * points
        colour = luma[..., None] * np.array([1.25, 0.8, 0.75])
        return np.clip(np.rint(colour), 0, 255).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def vgg16_file(tmp_path_factory):
    """VGG16 to pool2 with random weights, under torchvision's names."""
    generator = torch.Generator().manual_seed(0)
    shapes = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128)}
    tensors = {}
    for number, (num_out, num_in) in shapes.items():
        weight = torch.randn(num_out, num_in, 3, 3, generator=generator)
        tensors[f"features.{number}.weight"] = weight * (2 / (9 * num_in)) ** 0.5
        tensors[f"features.{number}.bias"] = torch.zeros(num_out)
    path = tmp_path_factory.mktemp("weights") / "vgg16.safetensors"
    save_file(tensors, path)
    return path


@pytest.fixture(scope="session")
def two_domains(tmp_path_factory, tissue):
    """Folders lq/ and hq/ of 6 pictures each, 96x64 px: the LQ ones are veiled and show other tissue."""
    root = tmp_path_factory.mktemp("pictures")
    for domain, first in (("lq", 100), ("hq", 0)):
        (root / domain).mkdir()
        for seed in range(first, first + 6):
            picture = tissue(64, 96, seed)
            if domain == "lq":
                picture = (picture * 0.4 + 130).astype(np.uint8)
            cv2.imwrite(str(root / domain / f"{seed:03}.png"), picture[..., ::-1])
    return root


@pytest.fixture(scope="session")
def cut_at():
    """Makes a stage end at a step, as Ctrl-C would."""

    def cut(stage, number):
        real = stage.step

        def step(batch, at):
            if at == number:
                raise KeyboardInterrupt
            return real(batch, at)

        stage.step = step

    return cut
