"""The students' stage: what it learns from, what it refuses, what comes out."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from edge.basics.errors import InputOutputError, ModelError
from tests.doubles.training.training_bench import CPU, EVERYTHING, PALE_RED, TINY, losses, prepared, trained
from trainer.data.student_items import DataConfig, StudentDataset
from trainer.networks.from_checkpoint import student_from_checkpoint, student_isr_from_checkpoint
from trainer.networks.student import dehazed
from trainer.training.loop import fit


@pytest.mark.slow
@pytest.mark.parametrize("head, product", [("guided", "student.safetensors"), ("isr", "student-isr.safetensors")])
def test_a_cut_run_goes_on_as_if_uncut(files, tmp_path, head, product, cut_at):
    config = replace(TINY, head=head, **EVERYTHING)
    trained(files, tmp_path / "uncut", config)
    with pytest.raises(KeyboardInterrupt):
        trained(files, tmp_path / "cut", config, before=lambda stage: cut_at(stage, 3))
    trained(files, tmp_path / "cut", config)
    assert losses(tmp_path / "cut") == losses(tmp_path / "uncut")
    assert set(losses(tmp_path / "cut")[3]) == {"step", "total", "pair", "distill", "temporal", "frame"}
    load = student_from_checkpoint if head == "guided" else student_isr_from_checkpoint
    (one, of), (other, _) = (load(tmp_path / run / product) for run in ("cut", "uncut"))
    assert (of["steps"], of["recipe"]) == ("4", "test")
    for key, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key


@pytest.mark.slow
@pytest.mark.parametrize("head", ["guided", pytest.param("isr", marks=pytest.mark.slow)])
def test_training_lowers_the_loss(files, tmp_path, head):
    config = replace(TINY, head=head, steps=50, learning_rate=8e-3, temporal_weight=0.5, frame_weight=0.5)
    trained(files, tmp_path, config)
    rows = losses(tmp_path)
    for term in ("pair", "frame"):
        numbers = [row[term] for row in rows]
        assert np.mean(numbers[-20:]) < 0.9 * np.mean(numbers[:15]), term


@pytest.mark.slow
@pytest.mark.parametrize("lq", [pytest.param(True, id="real pictures"), pytest.param(False, id="synthetic inputs")])
def test_distillation_pulls_the_student_to_its_teacher(files, tmp_path, lq):
    config = replace(TINY, steps=50, learning_rate=1e-2, pair_weight=0.0, distill_weight=1.0)
    stage = trained(files, tmp_path, config, lq=[files / "lq.png"] if lq else [])
    assert stage.names == (("real",) if lq else ("lq", "gt"))
    numbers = [row["distill"] for row in losses(tmp_path)]
    assert np.mean(numbers[-15:]) < 0.7 * np.mean(numbers[:3])
    network, _ = student_from_checkpoint(tmp_path / "student.safetensors")
    _, dataset = prepared(files, config, lq=[files / "lq.png"] if lq else [])
    shown = torch.stack([dataset[1000 + n][0] for n in range(4)]) / 255
    taught = torch.tensor(PALE_RED)[:, None, None]
    with torch.no_grad():
        assert (dehazed(network, shown) - taught).abs().mean() < 0.7 * (shown - taught).abs().mean()


def test_distillation_on_real_pictures_alone_needs_no_clean_ones(files):
    config = replace(TINY, pair_weight=0.0, distill_weight=1.0, data=DataConfig())
    stage, dataset = prepared(files, config, clean={}, lq=[files / "lq.png"])
    assert [tuple(part.shape) for part in dataset[0]] == [(3, 64, 112)]
    assert float(stage.step(batch_of(dataset, 2), 0)["distill"]) > 0


def batch_of(dataset, count, first=0):
    return tuple(torch.stack(column) for column in zip(*(dataset[first + n] for n in range(count)), strict=True))


def test_the_total_is_the_weighted_sum(files):
    weights = {"pair_weight": 0.5, "distill_weight": 0.25, "temporal_weight": 2.0, "frame_weight": 3.0}
    stage, dataset = prepared(files, replace(TINY, **weights))
    terms = stage.step(batch_of(dataset, 2), 0)
    expected = sum(weights[f"{name}_weight"] * float(term) for name, term in terms.items() if name != "total")
    assert float(terms["total"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("head", ["guided", "isr"])
def test_losses_of_a_batch_are_the_mean_of_its_halves(files, head):
    """What makes the losses the same on one process and on two."""
    config = replace(TINY, head=head, batch=4, isr_distill_weight=0.5 * (head == "isr"), **EVERYTHING)
    stage, dataset = prepared(files, config, isr_teacher=files / "isr.safetensors")
    objective = stage.learners["student"].objective
    with torch.no_grad():
        whole, *halves = (
            objective(*stage._parts(batch_of(dataset, count, first)))[0] for count, first in ((4, 0), (2, 0), (2, 2))
        )
    for name, term in whole.items():
        assert float(term) == pytest.approx(sum(float(half[name]) for half in halves) / 2, rel=1e-4), name


@pytest.mark.slow
def test_the_isr_teacher_is_matched(files, tmp_path):
    config = replace(TINY, head="isr", steps=40, learning_rate=1e-2, isr_distill_weight=1.0)
    trained(files, tmp_path, config, isr_teacher=files / "isr.safetensors")
    numbers = [row["isr_distill"] for row in losses(tmp_path)]
    assert np.mean(numbers[-10:]) < 0.7 * np.mean(numbers[:5])


def test_teachers_do_not_learn(files):
    config = replace(TINY, head="isr", isr_distill_weight=1.0, **EVERYTHING)
    stage, dataset = prepared(files, config, isr_teacher=files / "isr.safetensors")
    stage.step(batch_of(dataset, 2), 0)
    for teacher in (stage.teachers.idm, stage.teachers.isr):
        assert all(p.grad is None and not p.requires_grad for p in teacher.parameters())
    assert not any("teacher" in name for name, _ in stage.learners["student"].objective.named_parameters())


def test_divergence_keeps_the_last_checkpoint(files, tmp_path):
    stage, dataset = prepared(files, TINY)
    real = stage.step
    stage.step = lambda batch, number: {
        name: term * (float("nan") if number == 2 else 1.0) for name, term in real(batch, number).items()
    }
    with pytest.raises(ModelError, match="is nan by step 4; the checkpoint of step 2 is kept"):
        fit(stage, dataset, TINY.loop, tmp_path, CPU, {})
    assert student_from_checkpoint(tmp_path / "student.safetensors")[1]["steps"] == "2"


@pytest.mark.parametrize(
    "changes, lq, size",
    [
        pytest.param({}, False, (4 * 64, 3 * 112), id="pairs"),
        pytest.param({"frame_weight": 1.0}, False, (4 * 72, 3 * 128), id="frames"),
        pytest.param({"distill_weight": 1.0}, False, (4 * 64, 4 * 112), id="pairs and teacher"),
        pytest.param({"pair_weight": 0.0, "distill_weight": 1.0}, True, (4 * 64, 3 * 112), id="real and teacher"),
    ],
)
def test_samples_show_input_output_and_truth(files, changes, lq, size):
    stage, _ = prepared(files, replace(TINY, **changes), lq=[files / "lq.png"] if lq else [])
    picture = stage.sample()
    assert picture.shape == (*size, 3)
    width = 112 if size[0] == 4 * 64 else 128
    assert np.abs(picture[:, :width].astype(int) - picture[:, width : 2 * width]).max() <= 1  # new: the identity


def test_samples_are_of_views_that_are_never_trained_on(files):
    stage, dataset = prepared(files, TINY)
    assert torch.equal(stage.probes[0], batch_of(dataset, 4, first=TINY.steps * TINY.batch)[0])


def test_a_picture_that_is_not_rgb_is_named(files, tmp_path):
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), np.zeros((60, 80), np.uint8))
    with pytest.raises(InputOutputError, match=r"grey\.png: 1 channel of 8 bits"):
        prepared(files, TINY, clean={"hq": [path]})


@pytest.mark.slow
def test_compiling_changes_nothing_but_rounding(files, tmp_path):
    for compiled in (False, True):
        config = replace(TINY, **EVERYTHING, loop=replace(TINY.loop, compile=compiled))
        trained(files, tmp_path / str(compiled), config)
    for row, other in zip(losses(tmp_path / "True"), losses(tmp_path / "False"), strict=True):
        assert row == pytest.approx(other, rel=1e-3)


def test_the_dataset_goes_on_for_ever(files):
    _, dataset = prepared(files, TINY)
    assert isinstance(dataset, StudentDataset)
    assert dataset[10**6][0].shape == (3, 64, 112)
