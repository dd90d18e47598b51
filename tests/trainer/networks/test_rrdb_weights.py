"""Weights that super-resolution starts from: whose they may be, and what is found where they do not fit."""

import pytest
import torch
from safetensors.torch import save_file

from edge.basics.errors import ModelError
from tests.paths import DATA
from trainer.networks.rrdb import Rrdb, RrdbConfig
from trainer.networks.rrdb_weights import load_init
from trainer.training.checkpoint import described, save_whole

TINY = RrdbConfig(num_feat=8, num_block=1, num_grow_ch=4)
DF2K = DATA / "weights" / "rrdb_realsr_df2k_x4_fp16.safetensors"


@pytest.fixture
def trained():
    torch.manual_seed(3)
    return Rrdb(TINY)


def same(network, state):
    return all(torch.equal(value, state[name].float()) for name, value in network.state_dict().items())


def write_product(state, path):
    save_whole(state, path, described("rrdb", TINY))


def write_plain(state, path):
    save_file(state, path)


def write_half(state, path):
    save_file({name: value.half() for name, value in state.items()}, path)


def write_basicsr(state, path):
    torch.save({"params": {name: value + 1 for name, value in state.items()}, "params_ema": state}, path)


def write_params(state, path):
    torch.save({"params": state}, path)


@pytest.mark.parametrize(
    "name, write, rounded",
    [
        pytest.param("isr.safetensors", write_product, False, id="this project's"),
        pytest.param("w.safetensors", write_plain, False, id="fp32"),
        pytest.param("w.safetensors", write_half, True, id="fp16"),
        pytest.param("w.pth", write_basicsr, False, id="BasicSR's averages"),
        pytest.param("w.pth", write_params, False, id="BasicSR's params"),
        pytest.param("w.pth", torch.save, False, id="a state dict"),
    ],
)
def test_weights_that_fit(trained, tmp_path, name, write, rounded):
    write(trained.state_dict(), tmp_path / name)
    torch.manual_seed(4)
    network = Rrdb(TINY)
    load_init(network, tmp_path / name)
    state = trained.state_dict()
    assert same(network, {key: value.half() for key, value in state.items()} if rounded else state)
    assert all(value.dtype == torch.float32 for value in network.state_dict().values())


def write_cut(state, path):
    (torch.save if path.suffix == ".pth" else save_file)(state, path)
    path.write_bytes(path.read_bytes()[:-100])


def write_other_size(state, path):
    save_file(Rrdb(RrdbConfig(num_feat=12, num_block=1, num_grow_ch=4)).state_dict(), path)


def write_deeper(state, path):
    save_file(Rrdb(RrdbConfig(num_feat=8, num_block=2, num_grow_ch=4)).state_dict(), path)


def write_other_network(state, path):
    save_file({"down.weight": torch.zeros(3)}, path)


class Foreign:
    pass


@pytest.mark.parametrize(
    "name, write, message",
    [
        pytest.param("w.safetensors", None, "not a readable checkpoint", id="missing"),
        pytest.param("w.pth", None, "not a readable file of weights", id="missing .pth"),
        pytest.param("w.safetensors", write_cut, "not a readable checkpoint", id="truncated"),
        pytest.param("w.pth", write_cut, "not a readable file of weights", id="truncated .pth"),
        pytest.param("w.pth", lambda _, path: torch.save([1], path), "not a state dict", id="a list"),
        pytest.param("w.pth", lambda _, path: torch.save(Foreign(), path), "not a readable", id="pickled object"),
        pytest.param(
            "w.safetensors",
            write_other_size,
            r"shape \(\d.*set isr\.generator to the file's size",
            id="another size",
        ),
        pytest.param("w.safetensors", write_deeper, r"30 that the network does not have \(body\.1\.", id="more blocks"),
        pytest.param("w.safetensors", write_other_network, "42 of 42 weights missing", id="another network"),
    ],
)
def test_weights_that_do_not(trained, tmp_path, name, write, message):
    if write is not None:
        write(trained.state_dict(), tmp_path / name)
    before = {key: value.clone() for key, value in trained.state_dict().items()}
    with pytest.raises(ModelError, match=message) as caught:
        load_init(trained, tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert same(trained, before)


@pytest.mark.skipif(not DF2K.is_file(), reason=f"no {DF2K}; set EDGE_DATA to the folder that holds weights")
def test_the_weights_at_hand_enlarge_a_picture():
    network = Rrdb()
    load_init(network, DF2K)
    ramp = torch.linspace(0.2, 0.8, 16).expand(1, 3, 16, 16)
    with torch.no_grad():
        out = network(ramp)
    assert (out[..., 8:-8] - torch.linspace(0.185, 0.815, 64)[8:-8]).abs().max() < 0.03
