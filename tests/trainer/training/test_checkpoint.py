"""Files of weights."""

import resource
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from edge.basics.errors import InputOutputError, ModelError
from trainer.training import checkpoint


@dataclass(frozen=True)
class TinyConfig:
    num_feat: int = 2
    sides: tuple[int, int] = (1, 1)


class Tiny(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.conv = nn.Conv2d(3, config.num_feat, config.sides[0])


def saved(path, network, kind="rrdb", half=False):
    state = {k: v.half() if half else v for k, v in network.state_dict().items()}
    checkpoint.save_whole(state, path, {"recipe": "none", **checkpoint.described(kind, network.config)})
    return path


def loaded(path, kind="rrdb"):
    return checkpoint.network_from_checkpoint(path, kind, TinyConfig, Tiny, "edge-train isr")


@pytest.mark.parametrize("half", [False, True], ids=["fp32", "fp16"])
def test_a_network_comes_back_with_its_size_and_description(tmp_path, half):
    network = Tiny(TinyConfig(5, (3, 3)))
    again, metadata = loaded(saved(tmp_path / "w.safetensors", network, half=half))
    assert again.config == TinyConfig(5, (3, 3))
    assert again.conv.weight.dtype == torch.float32
    torch.testing.assert_close(again.conv.weight, network.conv.weight, atol=1e-3, rtol=1e-3 if half else 0)
    assert metadata["recipe"] == "none"
    assert not again.training


@pytest.mark.parametrize(
    "spoil, message",
    [
        pytest.param(lambda p: p.unlink(), "not a readable checkpoint", id="missing"),
        pytest.param(lambda p: p.write_bytes(p.read_bytes()[:-3]), "not a readable checkpoint", id="truncated"),
        pytest.param(
            lambda p: saved(p, Tiny(TinyConfig()), "student"), "not a rrdb's checkpoint, it holds student", id="kind"
        ),
        pytest.param(
            lambda p: checkpoint.save_whole({"x": torch.ones(1)}, p, {}), "it holds something else", id="foreign"
        ),
        pytest.param(
            lambda p: checkpoint.save_whole({"x": torch.ones(1)}, p, checkpoint.described("rrdb", TinyConfig())),
            "Missing key",
            id="other tensors",
        ),
        pytest.param(
            lambda p: checkpoint.save_whole({"x": torch.ones(1)}, p, {"rrdb": '{"depth": 3}'}),
            "depth",
            id="other sizes",
        ),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path, spoil, message):
    path = saved(tmp_path / "w.safetensors", Tiny(TinyConfig()))
    spoil(path)
    with pytest.raises(ModelError, match=message) as caught:
        loaded(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_write_cut_short_keeps_the_old_file(tmp_path):
    """A limit on the size of files stands for a full disk: the kernel refuses the write in its middle."""
    path = tmp_path / "w.safetensors"
    checkpoint.save_whole({"x": torch.zeros(10)}, path, {})
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(
            InputOutputError, match=r"4 MiB could not be written .*the older one is untouched; make room"
        ):
            checkpoint.save_whole({"x": torch.zeros(2**20)}, path, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["NCHW", "NHWC"])
def test_adam_comes_back(tmp_path, layout):
    networks = [nn.Conv2d(3, 2, 3).to(memory_format=layout) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    one, other = (torch.optim.Adam(n.parameters(), lr=0.1, fused=True) for n in networks)
    x = torch.rand(1, 3, 5, 5)

    def move(network, optimiser):
        optimiser.zero_grad()
        network(x).square().sum().backward()
        optimiser.step()

    move(networks[0], one)
    networks[1].load_state_dict(networks[0].state_dict())
    checkpoint.save_whole(checkpoint.optimiser_tensors(one), tmp_path / "adam.safetensors", {})
    checkpoint.restore_optimiser(other, checkpoint.read_whole(tmp_path / "adam.safetensors", "a test")[0])
    for network, optimiser in zip(networks, (one, other), strict=True):
        move(network, optimiser)
    assert torch.equal(networks[0].weight, networks[1].weight)
