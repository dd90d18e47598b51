"""Two processes give the numbers of one."""

import json
import subprocess
import sys

import pytest
import torch

from edge.basics.errors import ConfigError
from trainer.training.parallel import Placement, gather_batch, mean_over_processes, placement, wait_for_all

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def run_two(folder, code):
    """Run `code` in two gloo processes; it finds `place` and says what it found with `tell(name, value)`."""
    script = folder / "script.py"
    script.write_text(
        "import json, sys, torch\n"
        "from pathlib import Path\n"
        "from trainer.training.parallel import *\n"
        f"folder = Path({str(folder)!r})\n"
        "answer = {}\n"
        "tell = answer.__setitem__\n"
        "with placement('cpu') as place:\n"
        + "".join(f"    {line}\n" for line in code.splitlines())
        + "    (folder / f'{place.rank}.json').write_text(json.dumps(answer))\n"
    )
    done = subprocess.run([*TORCHRUN, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def test_alone_everything_is_its_own():
    x = torch.arange(4.0).reshape(2, 2)
    assert mean_over_processes(x) is x
    assert gather_batch(x) is x
    wait_for_all()


@pytest.mark.slow
def test_what_processes_share(tmp_path):
    found = run_two(
        tmp_path,
        "x = torch.tensor([1.0, 2.0]) + 10 * place.rank\n"
        "x.requires_grad_()\n"
        "mean = mean_over_processes(x)\n"
        "(mean.square().sum() * (1 + place.rank)).backward()\n"
        "tell('mean', mean.tolist())\n"
        "tell('grad', x.grad.tolist())\n"
        "tell('batch', gather_batch(x[None]).tolist())\n"
        "tell('share', [place.share_of(6, 'x').start, place.share_of(6, 'x').stop, place.leads])",
    )
    for answer in found:
        assert answer["mean"] == [6.0, 7.0]
        assert answer["batch"] == [[1.0, 2.0], [11.0, 12.0]]
        # Losses m^2 and 2 m^2: the gradient of their mean with respect to x_r is (2m + 4m) / 2 / 2, which
        # DistributedDataParallel halves once more; here both processes hold twice that share.
        assert answer["grad"] == [18.0, 21.0]
    assert [answer["share"] for answer in found] == [[0, 3, True], [3, 6, False]]


def test_a_batch_is_shared_evenly():
    place = Placement(torch.device("cpu"), rank=1, num_processes=4)
    assert place.share_of(8, "idm.batch") == slice(2, 4)
    with pytest.raises(ConfigError, match=r"idm\.batch = 6: expected a multiple of the 4 processes that torchrun"):
        place.share_of(6, "idm.batch")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_no_gpu_is_one_line():
    with pytest.raises(ConfigError, match="torch sees no GPU here"), placement("cuda"):
        pass
