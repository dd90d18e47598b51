"""LPIPS computes what the reference defines."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from edge.basics.errors import ModelError
from tests.paths import DATA
from trainer.judging.lpips import LAYERS, Lpips

WEIGHTS = DATA / "weights" / "lpips_alex.safetensors"
SHAPES = ((64, 3, 11), (192, 64, 5), (384, 192, 3), (256, 384, 3), (256, 256, 3))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    generator = torch.Generator().manual_seed(1)
    tensors = {}
    for place, ((number, *_), (out, into, side)) in enumerate(zip(LAYERS, SHAPES, strict=True)):
        tensors[f"features.{number}.weight"] = (
            torch.randn(out, into, side, side, generator=generator) / side / into**0.5
        )
        tensors[f"features.{number}.bias"] = torch.zeros(out)
        tensors[f"lin{place}"] = torch.rand(out, generator=generator)
    path = tmp_path_factory.mktemp("lpips") / "alex.safetensors"
    save_file(tensors, path)
    return path, tensors


def test_equal_pictures_are_0_apart_and_noise_is_further_the_stronger_it_is(weights, tissue):
    lpips, picture = Lpips(weights[0]), tissue(96, 128, 1)
    noise = np.random.default_rng(1).normal(0, 1, picture.shape)
    near, far = (np.clip(picture + s * noise, 0, 255).astype(np.uint8) for s in (5, 40))
    assert lpips(picture, picture) == 0
    assert 0 < lpips(picture, near) < lpips(picture, far)
    assert lpips(picture, far) == pytest.approx(lpips(far, picture))


def test_the_first_layers_part_is_what_its_definition_says(weights, tissue):
    path, tensors = weights
    lpips = Lpips(path)
    lpips._weights |= {f"lin{n}": torch.zeros_like(tensors[f"lin{n}"]) for n in range(1, 5)}
    a, b = tissue(64, 64, 1), tissue(64, 64, 2)
    maps = []
    for picture in (a, b):
        x = (torch.tensor(picture).permute(2, 0, 1)[None] / 127.5 - 1).float()
        x = (x - torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)) / torch.tensor([0.458, 0.448, 0.450]).view(
            1, 3, 1, 1
        )
        x = torch.relu(torch.conv2d(x, tensors["features.0.weight"], stride=4, padding=2))
        maps.append(x / x.norm(dim=1, keepdim=True).clamp(min=1e-10))
    expected = ((maps[0] - maps[1]) ** 2 * tensors["lin0"].view(1, -1, 1, 1)).sum(1).mean()
    assert lpips(a, b) == pytest.approx(float(expected), rel=1e-4)


def test_missing_and_damaged_weights_are_refused(weights, tmp_path):
    tensors = dict(weights[1])
    del tensors["lin3"]
    save_file(tensors, tmp_path / "less.safetensors")
    with pytest.raises(ModelError, match="has no lin3"):
        Lpips(tmp_path / "less.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"no")
    for name in ("bad", "none"):
        with pytest.raises(ModelError, match="not readable weights of LPIPS"):
            Lpips(tmp_path / f"{name}.safetensors")


@pytest.mark.skipif(not WEIGHTS.exists(), reason=f"{WEIGHTS} is not there")
def test_with_the_published_weights_a_veil_is_seen(tissue):
    lpips, picture = Lpips(WEIGHTS), tissue(96, 128, 1)
    assert lpips(picture, np.clip(picture * 0.3 + 150, 0, 255).astype(np.uint8)) > 0.2
