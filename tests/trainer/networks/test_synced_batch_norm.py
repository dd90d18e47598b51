"""Batch normalisation over the global batch: one process as torch's own, two as one with both batches."""

import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from trainer.networks.synced_batch_norm import SyncedBatchNorm2d

PROCESS = """
import sys
import torch
import torch.distributed as dist
from safetensors.torch import save_file
from trainer.networks.synced_batch_norm import SyncedBatchNorm2d

rank, folder = int(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
torch.manual_seed(0)
whole, push = torch.randn(4, 3, 5, 6) * 2 + torch.arange(4).reshape(4, 1, 1, 1), torch.randn(4, 3, 5, 6)
mine = slice(2 * rank, 2 * rank + 2)
layer = SyncedBatchNorm2d(3)
torch.nn.init.normal_(layer.weight)
torch.nn.init.normal_(layer.bias)
x = whole[mine].clone().requires_grad_()
out = layer(x)
(out * push[mine]).mean().backward()
found = {"out": out.detach(), "x": x.grad, "weight": layer.weight.grad, "bias": layer.bias.grad}
layer.eval()
found["eval"] = layer(whole[mine]).detach()
save_file({k: v.contiguous() for k, v in (found | dict(layer.state_dict(prefix="state."))).items()}, f"{folder}/{rank}")
dist.destroy_process_group()
"""


def inputs():
    torch.manual_seed(0)
    whole = torch.randn(4, 3, 5, 6) * 2 + torch.arange(4).reshape(4, 1, 1, 1)
    return whole, torch.randn(4, 3, 5, 6)


def drawn(layer):
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    return layer


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    started = [subprocess.Popen([sys.executable, "-c", PROCESS, str(rank), str(folder)]) for rank in range(2)]
    assert [process.wait() for process in started] == [0, 0]
    return [load_file(folder / str(rank)) for rank in range(2)]


@pytest.fixture(scope="module")
def one_process():
    """torch's layer on the whole batch."""
    whole, push = inputs()
    layer = drawn(nn.BatchNorm2d(3))
    whole.requires_grad_()
    out = layer(whole)
    (out * push).mean().backward()
    found = {"out": out.detach(), "x": whole.grad, "weight": layer.weight.grad, "bias": layer.bias.grad}
    return found | {"eval": layer.eval()(whole.detach()).detach()} | dict(layer.state_dict(prefix="state."))


@pytest.mark.slow
def test_two_processes_have_the_values_of_one(two_processes, one_process):
    for name in ("out", "eval"):
        torch.testing.assert_close(torch.cat([found[name] for found in two_processes]), one_process[name])


@pytest.mark.slow
def test_two_processes_have_the_gradients_of_one(two_processes, one_process):
    """Each process's loss is the mean over half the batch: gradients of weights are averaged, those of x halved."""
    for name in ("weight", "bias"):
        mean = (two_processes[0][name] + two_processes[1][name]) / 2
        torch.testing.assert_close(mean, one_process[name])
    torch.testing.assert_close(torch.cat([found["x"] for found in two_processes]) / 2, one_process["x"])


@pytest.mark.slow
def test_all_processes_keep_the_global_statistics(two_processes, one_process):
    names = [name for name in one_process if name.startswith("state.")]
    assert len(names) == 5
    for found in two_processes:
        for name in names:
            torch.testing.assert_close(found[name], one_process[name])


def test_one_process_has_torchs_numbers_exactly():
    whole, push = inputs()
    ours, theirs = SyncedBatchNorm2d(3), drawn(nn.BatchNorm2d(3))
    ours.load_state_dict(theirs.state_dict())
    results = []
    for layer in (ours, theirs):
        x = whole.clone().requires_grad_()
        out = layer(x)
        (out * push).mean().backward()
        results.append([out, x.grad, layer.weight.grad, *layer.state_dict().values(), layer.eval()(whole)])
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)
    assert list(ours.state_dict()) == list(theirs.state_dict())
