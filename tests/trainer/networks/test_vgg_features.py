"""Frozen VGG features: which layers, what they compute, and every way in which a file can be wrong."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from edge.basics.errors import ConfigError, ModelError
from tests.paths import DATA
from trainer.networks import vgg_features
from trainer.networks.vgg_features import LAYERS, VggFeatures

TO_POOL2 = DATA / "weights" / "vgg16_features_to_pool2.safetensors"
WHOLE = DATA / "weights" / "vgg16_features_fp16.safetensors"
needs_weights = pytest.mark.skipif(
    not (TO_POOL2.is_file() and WHOLE.is_file()),
    reason=f"no VGG16 weights at {DATA}; set EDGE_DATA to the folder that holds weights",
)

SHAPES = {0: (64, 3, 3, 3), 2: (64, 64, 3, 3), 5: (128, 64, 3, 3), 7: (128, 128, 3, 3)}
"""torchvision's numbers of the convolutions before pool2, from its published state dict."""


def pool2_state(dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    state = {}
    for number, shape in SHAPES.items():
        fan_in = shape[1] * 9
        state[f"features.{number}.weight"] = torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5
        state[f"features.{number}.bias"] = torch.randn(shape[0], generator=generator) * 0.1
    return {name: tensor.to(dtype) for name, tensor in state.items()}


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "vgg16.safetensors"
    save_file(pool2_state(), path)
    return path


def pool2_by_hand(x, state):
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (x - mean[:, None, None]) / std[:, None, None]
    for number in SHAPES:
        x = F.relu(F.conv2d(x, state[f"features.{number}.weight"], state[f"features.{number}.bias"], padding=1))
        if number in (2, 7):
            x = F.max_pool2d(x, 2)
    return x


# The numbers of the convolutions in torchvision's `features`.
@pytest.mark.parametrize(
    ("layer", "numbers", "shrunk"),
    [
        ("vgg16.pool2", [0, 2, 5, 7], 4),
        ("vgg16.conv5_3", [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28], 16),
        ("vgg19.conv5_4", [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34], 16),
    ],
    ids=LAYERS,
)
def test_layers_are_torchvisions(layer, numbers, shrunk):
    with torch.device("meta"):
        layers = vgg_features._layers(LAYERS[layer])
        out = layers(torch.empty(1, 3, 64, 96))
    assert [int(name.partition(".")[0]) for name in layers.state_dict() if name.endswith("weight")] == numbers
    assert out.shape == (1, 128 if layer.endswith("pool2") else 512, 64 // shrunk, 96 // shrunk)
    assert isinstance(layers[-1], torch.nn.MaxPool2d if layer.endswith("pool2") else torch.nn.Conv2d)


def test_features_are_those_of_the_definition(weights):
    x = torch.rand(2, 3, 17, 24)
    torch.testing.assert_close(VggFeatures(weights, "vgg16.pool2")(x), pool2_by_hand(x, pool2_state()))


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_half_precision_and_more_than_is_needed(tmp_path, suffix):
    state = pool2_state(torch.float16)
    extra = {name: torch.zeros(2, 2) for name in ("classifier.0.weight", "features.10.weight", "features.1.odd")}
    path = tmp_path / f"vgg16.{suffix}"
    (save_file if suffix == "safetensors" else torch.save)(state | extra, path)
    network = VggFeatures(path, "vgg16.pool2")
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    x = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(network(x), pool2_by_hand(x, {name: t.float() for name, t in state.items()}))


def test_it_never_learns_and_lets_gradients_through(weights):
    network = VggFeatures(weights, "vgg16.pool2")
    around = torch.nn.Sequential(network).train()
    assert not any(module.training for module in network.modules())
    x = torch.rand(1, 3, 8, 8, requires_grad=True)
    around(x).sum().backward()
    assert x.grad.abs().max() > 0
    assert all(p.grad is None and not p.requires_grad for p in network.parameters())


def test_normalisation_moves_with_the_network_but_is_not_saved(weights):
    network = VggFeatures(weights, "vgg16.pool2")
    assert set(network.state_dict()) == set(pool2_state())
    assert network.double().mean.dtype == torch.float64


def without(name):
    return {key: tensor for key, tensor in pool2_state().items() if key != name}


def save_pth(content, path):
    torch.save(content, path)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        pytest.param("v.safetensors", None, "no such file", id="missing"),
        pytest.param("v.safetensors", b"abc", r"not a readable file of weights \(.{10,}\)", id="damaged"),
        pytest.param("v.pth", b"abc", r"not a readable file of weights \(.{10,}\)", id="damaged state dict"),
        pytest.param("v.pth", b"", "not a readable file of weights", id="empty state dict"),
        pytest.param("v.pth", [1, 2], "holds a list, expected a state dict", id="not a state dict"),
        pytest.param("v.pth", Path("/"), "not a readable file of weights", id="pickled object"),
        pytest.param(
            "v.safetensors",
            without("features.5.weight"),
            r"no features\.5\.weight, expected shape \(128, 64, 3, 3\)",
            id="missing layer",
        ),
        pytest.param("v.pth", {**pool2_state(), "features.7.bias": "?"}, r"no features\.7\.bias", id="not a tensor"),
        pytest.param(
            "v.safetensors",
            {**pool2_state(), "features.2.weight": torch.zeros(64, 64, 1, 1)},
            r"features\.2\.weight has shape \(64, 64, 1, 1\), expected \(64, 64, 3, 3\)",
            id="wrong shape",
        ),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path, name, content, reason):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        (save_file if path.suffix == ".safetensors" else save_pth)(content, path)
    with pytest.raises(ModelError, match=reason) as caught:
        VggFeatures(path, "vgg16.pool2")
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "VGG16" in message and "nothing is downloaded" in message
    assert "\n" not in message


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_a_cut_file_is_refused(tmp_path, weights, suffix):
    path = tmp_path / f"cut.{suffix}"
    if suffix == "pth":
        torch.save(pool2_state(), path)
        path.write_bytes(path.read_bytes()[:-1000])
    else:
        path.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="not a readable file of weights"):
        VggFeatures(path, "vgg16.pool2")


def test_an_unknown_layer_is_refused(weights):
    with pytest.raises(ConfigError, match=r"layer = 'vgg16\.pool9': expected one of vgg16\.pool2, .*vgg19\.conv5_4"):
        VggFeatures(weights, "vgg16.pool9")


@needs_weights
def test_published_files_agree():
    """One file has pool2's layers in float32, the other all thirteen in float16."""
    x = torch.rand(1, 3, 40, 56, generator=torch.Generator().manual_seed(0))
    precise, half = (VggFeatures(path, "vgg16.pool2")(x) for path in (TO_POOL2, WHOLE))
    assert precise.shape == (1, 128, 10, 14)
    assert (half - precise).norm() < 1e-3 * precise.norm()
    deep = VggFeatures(WHOLE, "vgg16.conv5_3")(x)
    assert deep.shape == (1, 512, 2, 3)
    assert deep.min() < 0 < deep.max()  # before the activation


@needs_weights
def test_a_file_that_ends_at_pool2_has_no_conv5_3():
    with pytest.raises(ModelError, match=r"no features\.10\.weight, expected shape \(256, 128, 3, 3\)"):
        VggFeatures(TO_POOL2, "vgg16.conv5_3")
