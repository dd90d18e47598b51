"""The training loop, on a stage of one number."""

import csv
import errno
import json

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torch.utils.data import Dataset

from edge.basics.errors import ConfigError, EdgeError, InputOutputError, ModelError
from trainer.training import loop as loop_module
from trainer.training.learner import Adam, Arithmetic, Learner
from trainer.training.loop import LoopConfig, OutOfMemory, fit
from trainer.training.parallel import Placement
from trainer.training.stage import Stage

CPU = Placement(torch.device("cpu"))


class Numbers(Dataset):
    """Item i is i, and where asked an error."""

    def __init__(self, broken_at=None):
        self.broken_at = broken_at

    def __getitem__(self, index):
        if index == self.broken_at:
            raise InputOutputError("a.png: gone; fetch it again")
        return torch.tensor([float(index % 7)])


class Line(nn.Module):
    """(w * x - 3 x)^2, and a factor by which a test can spoil it."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.spoil = lambda number: 1.0

    def forward(self, x):
        return {"total": ((self.weight * x - 3 * x) ** 2).mean(), "half": (self.weight * x).mean() / 2}, None


class LineStage(Stage):
    kind = "line"
    memory_advice = "line.batch"

    def __init__(self, steps=20, spoil=None, settings=None):
        self.batch, self.steps, self.settings = 2, steps, {"line.batch": 2, **(settings or {})}
        self.network = Line()
        adam = Adam((0.9, 0.99), lambda step: 0.3 / (1 + step))
        self.learners = {"line": Learner({"line": self.network}, self.network, adam, Arithmetic(ema_decay=0.9), CPU)}
        self.spoil = spoil or (lambda number, terms: terms)
        self.seen = []

    def step(self, batch, number):
        self.seen.append(batch.flatten().tolist())
        terms, _ = self.learners["line"].move(number, batch)
        return self.spoil(number, terms)

    def sample(self):
        return np.full((4, 6, 3), (200, 100, 50), np.uint8)

    def products(self):
        return {"line.safetensors": (self.learners["line"].averages["line"].state_dict(), {"line": "{}"})}


def config(**changes):
    return LoopConfig(**{"workers": 0, "log_every": 3, "checkpoint_every": 6, "sample_every": 10, **changes})


def losses(folder):
    with (folder / "losses.csv").open() as file:
        return [tuple(row.values()) for row in csv.DictReader(file)]


def stop_at(step):
    def spoil(number, terms):
        if number == step:
            raise KeyboardInterrupt
        return terms

    return spoil


def not_a_number_at(step):
    return lambda number, terms: {**terms, "half": terms["half"] * (float("nan") if number == step else 1)}


@pytest.mark.parametrize("cut", [1, 6, 8, 19], ids=lambda step: f"cut at step {step}")
def test_a_cut_run_goes_on_as_if_uncut(tmp_path, cut):
    assert fit(LineStage(), Numbers(), config(), tmp_path / "uncut", CPU, {})
    with pytest.raises(KeyboardInterrupt):
        fit(LineStage(spoil=stop_at(cut)), Numbers(), config(), tmp_path / "cut", CPU, {})
    rest = LineStage()
    assert fit(rest, Numbers(), config(), tmp_path / "cut", CPU, {})
    assert losses(tmp_path / "cut") == losses(tmp_path / "uncut")
    assert len(losses(tmp_path / "cut")) == 20
    assert len(rest.seen) == 20 - cut // 6 * 6
    for name in ("line.safetensors", "state.safetensors"):
        one, other = (load_file(tmp_path / folder / name) for folder in ("cut", "uncut"))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_batches_follow_each_other(tmp_path):
    stage = LineStage(steps=4)
    fit(stage, Numbers(), config(), tmp_path, CPU, {})
    assert stage.seen == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 0.0]]


def test_worker_processes_change_nothing(tmp_path):
    fit(LineStage(), Numbers(), config(), tmp_path / "none", CPU, {})
    fit(LineStage(), Numbers(), config(workers=2), tmp_path / "two", CPU, {})
    assert losses(tmp_path / "none") == losses(tmp_path / "two")


def test_time_is_up(tmp_path):
    assert not fit(LineStage(), Numbers(), config(), tmp_path, CPU, {}, minutes=1e-9)
    assert len(losses(tmp_path)) == 3, "the first look comes after three steps"
    assert fit(LineStage(), Numbers(), config(), tmp_path, CPU, {})
    assert len(losses(tmp_path)) == 20


def test_no_number_keeps_the_last_good_checkpoint(tmp_path):
    with pytest.raises(ModelError, match=r"half is nan by step 9; the checkpoint of step 6 is kept"):
        fit(LineStage(spoil=not_a_number_at(7)), Numbers(), config(), tmp_path, CPU, {})
    rest = LineStage()
    fit(rest, Numbers(), config(), tmp_path, CPU, {})
    assert len(rest.seen) == 14


def test_divergence_stops(tmp_path):
    rising = LineStage(steps=300, spoil=lambda n, terms: {**terms, "total": torch.tensor(1.0 + (n > 150) * 30)})
    with pytest.raises(ModelError, match=r"times its lowest by step 1[6-9]\d; the checkpoint of step 1\d\d is kept"):
        fit(rising, Numbers(), config(), tmp_path, CPU, {})


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.0, 40.0])
def test_divergence_may_be_let_run(tmp_path, factor):
    rising = LineStage(steps=300, spoil=lambda n, terms: {**terms, "total": torch.tensor(1.0 + (n > 150) * 30)})
    assert fit(rising, Numbers(), config(divergence_factor=factor), tmp_path, CPU, {})


@pytest.mark.parametrize(
    "patched, message",
    [
        pytest.param(
            "trainer.training.checkpoint.write_whole",
            r"state\.safetensors: 0 MiB could not be written \(No space left.*the older one is untouched",
            id="checkpoint",
        ),
        pytest.param("trainer.training.loop.write_whole", r"cannot be written \(No space left.*make room", id="sample"),
    ],
)
def test_a_full_disk_is_one_line(tmp_path, monkeypatch, patched, message):
    fit(LineStage(), Numbers(), config(), tmp_path, CPU, {}, minutes=1e-9)

    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(InputOutputError, match=message):
        patch.setattr(patched, full)
        fit(LineStage(), Numbers(), config(), tmp_path, CPU, {})
    assert fit(LineStage(), Numbers(), config(), tmp_path, CPU, {})
    assert len(losses(tmp_path)) == 20


def test_out_of_memory_names_what_to_lower(tmp_path):
    def exhausted(number, terms):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    with pytest.raises(OutOfMemory, match=r"^cpu: out of memory in a step; lower line\.batch$"):
        fit(LineStage(spoil=exhausted), Numbers(), config(), tmp_path, CPU, {})


@pytest.mark.parametrize("workers", [0, 2])
def test_a_picture_that_goes_missing_is_one_line(tmp_path, workers):
    with pytest.raises(InputOutputError, match=r"^a\.png: gone; fetch it again$"):
        fit(LineStage(), Numbers(broken_at=9), config(workers=workers), tmp_path, CPU, {})


def test_a_run_goes_on_only_with_its_own_settings(tmp_path):
    fit(LineStage(), Numbers(), config(), tmp_path, CPU, {}, minutes=1e-9)
    with pytest.raises(ConfigError, match=r"begun with line\.batch = 2, now 4"):
        fit(LineStage(settings={"line.batch": 4}), Numbers(), config(), tmp_path, CPU, {})


def test_a_run_of_another_kind(tmp_path):
    fit(LineStage(), Numbers(), config(), tmp_path, CPU, {}, minutes=1e-9)
    other = LineStage()
    other.kind = "curve"
    with pytest.raises(ConfigError, match=r"a run of edge-train line, not of curve"):
        fit(other, Numbers(), config(), tmp_path, CPU, {})


@pytest.mark.parametrize(
    "spoil, message",
    [
        pytest.param(lambda content: content[:50], "not a readable checkpoint", id="truncated"),
        pytest.param(lambda content: b"", "not a readable checkpoint", id="empty"),
    ],
)
def test_a_damaged_state(tmp_path, spoil, message):
    fit(LineStage(), Numbers(), config(), tmp_path, CPU, {}, minutes=1e-9)
    state = tmp_path / "state.safetensors"
    state.write_bytes(spoil(state.read_bytes()))
    with pytest.raises(ModelError, match=message):
        fit(LineStage(), Numbers(), config(), tmp_path, CPU, {})


def test_weights_are_no_state(tmp_path):
    fit(LineStage(), Numbers(), config(), tmp_path, CPU, {}, minutes=1e-9)
    (tmp_path / "state.safetensors").write_bytes((tmp_path / "line.safetensors").read_bytes())
    with pytest.raises(ModelError, match="not the state of a run"):
        fit(LineStage(), Numbers(), config(), tmp_path, CPU, {})


def test_what_a_run_leaves_for_people(tmp_path):
    fit(LineStage(), Numbers(), config(), tmp_path, CPU, {"recipe": "toy"})
    assert sorted(p.name for p in (tmp_path / "samples").iterdir()) == ["step-000010.png", "step-000020.png"]
    assert cv2.imread(str(tmp_path / "samples" / "step-000020.png"))[0, 0].tolist() == [50, 100, 200]
    board = EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    shown = [f"{event.value:.4g}" for event in board.Scalars("loss/total")]
    assert shown == [f"{float(row[1]):.4g}" for row in losses(tmp_path)]
    metadata = loop_module.RunFolder(tmp_path).load("line", {"line.batch": 2})
    assert metadata[1] == 20


def test_products_carry_what_they_were_made_from(tmp_path):
    fit(LineStage(), Numbers(), config(), tmp_path, CPU, {"recipe": "toy"})
    with safe_open(tmp_path / "line.safetensors", "pt") as file:
        metadata = file.metadata()
    assert metadata == {"recipe": "toy", "steps": "20", "line": json.dumps({})}


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(EdgeError, match="cannot be made"):
        fit(LineStage(), Numbers(), config(), tmp_path / "file" / "run", CPU, {})


def test_a_batch_that_processes_cannot_share(tmp_path):
    three = Placement(torch.device("cpu"), rank=0, num_processes=3)
    with pytest.raises(ConfigError, match=r"line\.batch = 2: expected a multiple of the 3 processes"):
        fit(LineStage(), Numbers(), config(), tmp_path, three, {})
