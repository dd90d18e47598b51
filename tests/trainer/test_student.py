"""The student and its training."""

import csv

import numpy as np
import pytest
import torch

from edge.errors import ModelError
from trainer import student as training
from trainer.data import Group, PairDataset
from trainer.losses import gradient_loss, pixel_loss, squared_loss
from trainer.networks.student import GAIN_MAX, GAIN_MIN, Student, StudentConfig

SMALL = StudentConfig((8, 8, 8), (1, 1, 1))


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (300, 500, 3), dtype=np.uint8) for _ in range(3)]
    return PairDataset([Group(pictures, 1.0, 0.5, turns=True)], 100, seed=3)


def config(**changes):
    values = {"steps": 4, "batch": 1, "workers": 0, "threads": 1, "compile": False, "checkpoint_every": 2}
    return training.Optimisation(**{**values, "warmup_steps": 2, **changes})


def losses(folder):
    with (folder / "losses.csv").open() as file:
        return [row["loss"] for row in csv.DictReader(file)]


def test_a_new_student_is_the_identity():
    x = torch.rand(1, 3, 270, 480)
    gain, offset = Student()(x)
    assert torch.equal(gain, torch.ones_like(x))
    assert torch.equal(offset, torch.zeros_like(x))


def test_parameter_count():
    assert sum(p.numel() for p in Student().parameters()) == 323_686


@pytest.mark.parametrize("size", [(270, 480), (272, 480), (72, 128), (73, 131)])
def test_any_size_comes_back(size):
    gain, offset = Student(SMALL)(torch.rand(1, 3, *size))
    assert gain.shape == offset.shape == (1, 3, *size)


def test_the_maps_are_smooth_so_nothing_can_be_drawn():
    """Between two nodes of its grid the student's maps are straight lines, whatever the weights and the picture."""
    network = Student(SMALL)
    torch.nn.init.normal_(network.head.weight, std=0.3)
    _, offset = network(torch.rand(1, 3, 64, 96))
    inside = offset[..., 2:-2]
    bend = inside[..., 2:] - 2 * inside[..., 1:-1] + inside[..., :-2]
    columns = bend.abs().amax((0, 1, 2)).reshape(-1)
    straight = [columns[start + 1] for start in range(0, len(columns) - 2, 4)]
    assert offset.std() > 0.01
    assert max(straight) < 1e-5 < columns.max()


def test_gain_is_bounded():
    network = Student(SMALL)
    torch.nn.init.constant_(network.head.bias, 50.0)
    assert network(torch.rand(1, 3, 32, 32))[0].max() == GAIN_MAX
    torch.nn.init.constant_(network.head.bias, -50.0)
    assert network(torch.rand(1, 3, 32, 32))[0].min() == GAIN_MIN


def test_losses_by_hand():
    out, gt = torch.zeros(1, 1, 2, 2), torch.tensor([[[[1.0, 3.0], [2.0, 2.0]]]])
    assert pixel_loss(out, gt).item() == 2.0
    assert squared_loss(out, gt).item() == (1 + 9 + 4 + 4) / 4
    assert gradient_loss(out, gt).item() == pytest.approx((2 + 0) / 2 + (1 + 1) / 2)


def test_a_cut_run_goes_on_as_if_uncut(pairs, tmp_path):
    training.train_student(pairs, SMALL, config(), tmp_path / "uncut", {})
    with pytest.raises(KeyboardInterrupt):
        _cut_after(3, pairs, tmp_path / "cut")
    training.train_student(pairs, SMALL, config(), tmp_path / "cut", {})
    assert losses(tmp_path / "cut") == losses(tmp_path / "uncut")
    one, other = (training.student_from_checkpoint(tmp_path / f / "student.safetensors")[0] for f in ("cut", "uncut"))
    for key, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key


def _cut_after(num_steps, pairs, folder):
    real, done = training.update_average, []

    def counting(*args):
        done.append(1)
        if len(done) == num_steps:
            raise KeyboardInterrupt
        real(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "update_average", counting)
        training.train_student(pairs, SMALL, config(), folder, {})


def test_training_lowers_the_loss(pairs, tmp_path):
    training.train_student(pairs, SMALL, config(steps=60, learning_rate=5e-3), tmp_path, {"recipe": "test"})
    numbers = [float(x) for x in losses(tmp_path)]
    assert np.mean(numbers[-20:]) < np.mean(numbers[:20])
    assert training.student_from_checkpoint(tmp_path / "student.safetensors")[1]["recipe"] == "test"


def test_divergence_keeps_the_last_checkpoint(pairs, tmp_path, monkeypatch):
    training.train_student(pairs, SMALL, config(), tmp_path, {})
    before = (tmp_path / "student.safetensors").read_bytes()
    monkeypatch.setattr(training, "student_loss", lambda *args: torch.tensor(float("nan"), requires_grad=True))
    with pytest.raises(ModelError, match="step 4"):
        training.train_student(pairs, SMALL, config(steps=8), tmp_path, {})
    assert (tmp_path / "student.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    "content, told",
    [
        pytest.param(None, "not a readable checkpoint", id="missing"),
        pytest.param(b"abc", "not a readable checkpoint", id="truncated"),
    ],
)
def test_bad_checkpoints(tmp_path, content, told):
    path = tmp_path / "student.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=told):
        training.student_from_checkpoint(path)


def test_a_checkpoint_of_another_network(tmp_path):
    path = tmp_path / "other.safetensors"
    training.save_whole({"weight": torch.zeros(3)}, path, {})
    with pytest.raises(ModelError, match="not a student's checkpoint"):
        training.student_from_checkpoint(path)


def test_rate_warms_up_and_decays():
    run = config(steps=100, warmup_steps=10, learning_rate=1.0)
    assert training.learning_rate_at(0, run) == pytest.approx(0.1)
    assert training.learning_rate_at(10, run) == pytest.approx(1.0)
    assert training.learning_rate_at(100, run) == pytest.approx(0.01)
