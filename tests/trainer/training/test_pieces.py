"""A run's weights in pieces."""

import csv

import pytest
import torch
from safetensors.torch import load_file

from edge.basics.errors import InputOutputError, ModelError
from trainer.training.checkpoint import read_whole, save_whole
from trainer.training.pieces import pack, unpack
from trainer.training.run_folder import RunFolder


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.create()
    torch.manual_seed(0)
    tensors = {f"network/gen/{n}": torch.randn(40, 100) for n in range(5)}
    tensors |= {
        "network/gen/count": torch.tensor(3),
        "adam/gen/0/exp_avg": torch.ones(9),
        "average/gen/0": torch.ones(9),
    }
    folder.save(tensors, "idm", 120, {"idm.batch": 1})
    folder.losses.write_text("step,total\n1,0.5\n")
    return folder.path


@pytest.mark.parametrize("exact, num", [(True, 3), (False, 2)])
def test_weights_come_back_and_the_rest_stays(run, tmp_path, exact, num):
    paths = pack(run, tmp_path / "out", 35 / 1024, exact)
    assert len(paths) == num
    assert all(path.stat().st_size <= 35 * 1024 for path in paths)
    assert unpack(tmp_path / "out", tmp_path / "again") == (tmp_path / "again" / "state.safetensors", 120)
    before = load_file(run / "state.safetensors")
    tensors, step = RunFolder(tmp_path / "again").load("idm", {"idm.batch": 1})
    assert step == 120
    assert sorted(tensors) == sorted(name for name in before if name.startswith("network/"))
    for name, tensor in tensors.items():
        torch.testing.assert_close(tensor.double(), before[name].double(), atol=0, rtol=0 if exact else 2**-11)
    with (tmp_path / "again" / "losses.csv").open() as file:
        assert list(csv.DictReader(file)) == [{"step": "1", "total": "0.5"}]


@pytest.mark.parametrize(
    "spoil, error, message",
    [
        pytest.param(
            lambda f: (f / "piece-2-of-3.safetensors").unlink(), ModelError, "missing piece-2-of-3", id="gone"
        ),
        pytest.param(lambda f: [p.unlink() for p in f.glob("*.safetensors")], ModelError, "missing piece-", id="empty"),
        pytest.param(
            lambda f: save_whole({"x": torch.ones(1)}, f / "piece-2-of-3.safetensors", {"run": "{}"}),
            ModelError,
            "different files",
            id="mixed",
        ),
        pytest.param(
            lambda f: (f / "piece-1-of-3.safetensors").write_bytes(b"x"), ModelError, "not a readable", id="damaged"
        ),
    ],
)
def test_bad_pieces(run, tmp_path, spoil, error, message):
    pack(run, tmp_path / "out", 35 / 1024, True)
    spoil(tmp_path / "out")
    with pytest.raises(error, match=message):
        unpack(tmp_path / "out", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_run_is_never_overwritten(run, tmp_path):
    pack(run, tmp_path / "out", 35 / 1024, True)
    before = (run / "state.safetensors").read_bytes()
    with pytest.raises(InputOutputError, match="exists already"):
        unpack(tmp_path / "out", run)
    assert (run / "state.safetensors").read_bytes() == before


def test_a_tensor_larger_than_a_piece(run, tmp_path):
    with pytest.raises(InputOutputError, match=r"network/gen/0 alone takes 0\.0 MiB; give --piece-mib more"):
        pack(run, tmp_path / "out", 10 / 1024, True)


@pytest.mark.parametrize("made", [False, True], ids=["missing", "weights"])
def test_no_run_to_pack(tmp_path, made):
    (tmp_path / "run").mkdir()
    if made:
        save_whole({"x": torch.ones(1)}, tmp_path / "run" / "state.safetensors", {})
    with pytest.raises(ModelError):
        pack(tmp_path / "run", tmp_path / "out", 1, True)


def test_a_product_comes_back_whole_and_says_what_it_said(run, tmp_path):
    """No moments, no averages: all of it is weights; what export reads from its metadata stays."""
    torch.manual_seed(1)
    tensors = {"conv.weight": torch.randn(80, 100), "count": torch.tensor(5)}
    save_whole(tensors, run / "isr.safetensors", {"rrdb": "{}", "steps": "120"})
    paths = pack(run / "isr.safetensors", tmp_path / "out", 20 / 1024, False)
    assert len(paths) == 1
    path, step = unpack(tmp_path / "out", tmp_path / "again")
    assert (path.name, step) == ("isr.safetensors", 120)
    found, metadata = read_whole(path, "test")
    assert metadata == {"rrdb": "{}", "steps": "120"}
    torch.testing.assert_close(found["conv.weight"], tensors["conv.weight"], atol=0, rtol=2**-11)
    assert found["count"] == 5
