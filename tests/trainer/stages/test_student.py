"""The students' stage: what it learns from, what it refuses, what comes out."""

import csv
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from edge.basics.errors import ConfigError, InputOutputError, ModelError
from edge.basics.settings import from_table
from trainer.data.student_items import DataConfig, StudentDataset
from trainer.networks.from_checkpoint import student_from_checkpoint, student_isr_from_checkpoint
from trainer.networks.resnet_generator import ResnetGenerator, ResnetGeneratorConfig
from trainer.networks.rrdb import Rrdb, RrdbConfig
from trainer.networks.student import Student, StudentConfig, dehazed
from trainer.networks.student_isr import StudentIsr, StudentIsrConfig
from trainer.stages.student import StudentInputs, StudentTraining, prepare_student
from trainer.training.checkpoint import described, save_whole
from trainer.training.loop import LoopConfig, fit
from trainer.training.parallel import Placement

CPU = Placement(torch.device("cpu"))
SMALL = StudentConfig((8, 8, 8), (1, 1, 1))
TINY = StudentTraining(
    steps=4,
    batch=2,
    warmup_steps=2,
    width_px=112,
    height_px=64,
    frame_width_px=128,
    frame_height_px=72,
    head_feat=4,
    head_block=1,
    network=SMALL,
    data=DataConfig(hq_share=1.0, hq_tone=0.5),
    loop=LoopConfig(workers=0, threads=1, log_every=2, checkpoint_every=2, sample_every=50, compile=False),
)
EVERYTHING = {"distill_weight": 0.5, "temporal_weight": 0.5, "frame_weight": 0.5}


@pytest.fixture(scope="module")
def files(tmp_path_factory, tissue):
    """Pictures and teachers: hq0.png to hq2.png, lq.png, idm.safetensors (all one pale red), isr.safetensors."""
    folder = tmp_path_factory.mktemp("student")
    for seed in range(3):
        cv2.imwrite(str(folder / f"hq{seed}.png"), tissue(160, 280, seed)[..., ::-1])
    cv2.imwrite(str(folder / "lq.png"), np.full((100, 180, 3), 90, np.uint8))
    teacher = ResnetGenerator(ResnetGeneratorConfig(4, 1))
    last = [layer for layer in teacher.head if isinstance(layer, torch.nn.Conv2d)][-1]
    torch.nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias.copy_(torch.atanh(torch.tensor(PALE_RED) * 2 - 1))
    save_whole(teacher.state_dict(), folder / "idm.safetensors", described("resnet_generator", teacher.config))
    shape = RrdbConfig(4, 1, 4)
    save_whole(Rrdb(shape).state_dict(), folder / "isr.safetensors", described("rrdb", shape))
    return folder


PALE_RED = (0.8, 0.6, 0.55)


def inputs(files, **changes):
    hq = sorted(files.glob("hq*.png"))
    return replace(StudentInputs({"hq": hq}, teacher=files / "idm.safetensors"), **changes)


def prepared(files, config, **changes):
    return prepare_student(config, inputs(files, **changes), CPU, {"data": "test"})


def trained(files, folder, config, before=None, **changes):
    stage, dataset = prepared(files, config, **changes)
    if before is not None:
        before(stage)
    fit(stage, dataset, config.loop, folder, CPU, {"recipe": "test"})
    return stage


def losses(folder):
    with (folder / "losses.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


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


@pytest.mark.parametrize("head", ["guided", "isr"])
def test_training_lowers_the_loss(files, tmp_path, head):
    config = replace(TINY, head=head, steps=50, learning_rate=8e-3, temporal_weight=0.5, frame_weight=0.5)
    trained(files, tmp_path, config)
    rows = losses(tmp_path)
    for term in ("pair", "frame"):
        numbers = [row[term] for row in rows]
        assert np.mean(numbers[-20:]) < 0.9 * np.mean(numbers[:15]), term


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


@pytest.mark.parametrize(
    "changes, message",
    [
        pytest.param({"pair_weight": 0.0}, "all 0", id="no weight"),
        pytest.param({"pair_weight": 0.0, "temporal_weight": 1.0}, "all 0", id="flicker alone"),
        pytest.param({"distill_weight": 1.0}, "--teacher", id="no teacher"),
        pytest.param({"isr_distill_weight": 1.0}, "student.head to isr", id="x4 teacher without a head"),
        pytest.param({"isr_distill_weight": 1.0, "head": "isr"}, "--isr-teacher", id="no x4 teacher"),
        pytest.param({"head": "isr"}, "student.frame_weight = 0", id="head without frames"),
        pytest.param({"frame_width_px": 510}, "student.frame_width_px = 510: expected a multiple of 4", id="width"),
        pytest.param({"data": DataConfig()}, "every data share is 0", id="no data"),
    ],
)
def test_what_cannot_teach_is_refused(files, changes, message):
    with pytest.raises(ConfigError) as caught:
        prepared(files, replace(TINY, **changes), teacher=None)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes, message",
    [
        pytest.param({"teacher": "isr.safetensors"}, "it holds rrdb; expected what edge-train idm writes", id="idm"),
        pytest.param({"isr_teacher": "idm.safetensors"}, "expected what edge-train isr writes", id="isr"),
        pytest.param({"init": "idm.safetensors"}, "expected what edge-train student writes", id="init"),
        pytest.param({"teacher": "none.safetensors"}, "not a readable checkpoint", id="missing"),
    ],
)
def test_teachers_of_another_kind_are_refused(files, changes, message):
    config = replace(TINY, head="isr", distill_weight=1.0, frame_weight=1.0, isr_distill_weight=1.0)
    paths = {"isr_teacher": files / "isr.safetensors", **{key: files / name for key, name in changes.items()}}
    with pytest.raises(ModelError, match=message):
        prepared(files, config, **paths)


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """student.safetensors and student-isr.safetensors with weights and a history."""
    folder = tmp_path_factory.mktemp("init")
    for name, kind, network in (
        ("student", "student", Student(SMALL)),
        ("student-isr", "student_isr", StudentIsr(StudentIsrConfig((8, 8, 8), (1, 1, 1), head_feat=4, head_block=1))),
    ):
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.05)
        metadata = {**described(kind, network.config), "recipe": "before", "steps": "7"}
        save_whole(network.state_dict(), folder / f"{name}.safetensors", metadata)
    return folder


@pytest.mark.parametrize(
    "head, init, loaded",
    [
        pytest.param("guided", "student", "", id="student"),
        pytest.param("isr", "student-isr", "", id="student with head"),
        pytest.param("isr", "student", "student.", id="student without its head"),
    ],
)
def test_a_run_begins_from_init_and_says_so(files, started, head, init, loaded):
    path = started / f"{init}.safetensors"
    stage, _ = prepared(files, replace(TINY, head=head, frame_weight=1.0), init=path)
    load = student_isr_from_checkpoint if init == "student-isr" else student_from_checkpoint
    held = load(path)[0].state_dict()
    for network in (stage.learners["student"].networks["student"], stage.learners["student"].averages["student"]):
        mine = network.state_dict()
        assert all(torch.equal(mine[loaded + key], value) for key, value in held.items())
    ((_, metadata),) = stage.products().values()
    assert json.loads(metadata["init"]) == {"recipe": "before", "steps": "7"}


def test_an_init_of_another_size_is_refused(files, started):
    config = replace(TINY, network=StudentConfig((8, 8, 16), (1, 1, 1)))
    with pytest.raises(ConfigError, match=r"student\.network\.num_feat = \(8, 8, 16\).*\(8, 8, 8\)"):
        prepared(files, config, init=started / "student.safetensors")


def test_a_run_goes_on_only_with_the_same_init(files, started, tmp_path):
    trained(files, tmp_path, TINY, init=started / "student.safetensors")
    with pytest.raises(ConfigError, match="begun with init"):
        trained(files, tmp_path, TINY)


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


def test_a_table_gives_the_networks_size():
    table = {"head": "isr", "network": {"num_feat": [8, 12, 16]}, "data": {"hq_share": 1}, "loop": {"seed": 5}}
    read = from_table(StudentTraining, table, "student", "x.toml")
    assert read.network == StudentConfig((8, 12, 16))
    assert (read.data.hq_share, read.loop.seed) == (1.0, 5)


@pytest.mark.parametrize(
    "table, message",
    [
        pytest.param({"network": {"num_feat": 8}}, "num_feat = 8: expected a list of 3", id="no list"),
        pytest.param({"network": {"num_feat": [8, 8]}}, r"num_feat = \[8, 8\]: expected a list of 3", id="too short"),
        pytest.param({"network": {"num_conv": [1, 2, "x"]}}, r"num_conv\[2\] = 'x'", id="no number"),
        pytest.param({"head": "bicubic"}, "one of guided, isr", id="head"),
        pytest.param({"temporal_weight": -1}, "at least 0", id="negative weight"),
    ],
)
def test_wrong_values_are_named_by_their_path(table, message):
    with pytest.raises(ConfigError, match=message):
        from_table(StudentTraining, table, "student", "x.toml")


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
