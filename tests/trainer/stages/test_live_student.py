"""A student that shrinks, is taught the families of fog, and pays for decibels."""

from dataclasses import replace

import cv2
import pytest
import torch

from edge.basics.errors import ConfigError
from trainer.config import read_config
from trainer.data.fog_pairs import FogPairs
from trainer.data.fogs.catalogue import TAUGHT
from trainer.data.student_items import DataConfig
from trainer.networks.from_checkpoint import student_from_checkpoint
from trainer.networks.student import StudentConfig
from trainer.stages.student import prepare_student
from trainer.stages.student_config import StudentInputs, StudentTraining
from trainer.training.loop import LoopConfig, fit
from trainer.training.parallel import Placement

CPU = Placement(torch.device("cpu"))
TINY = StudentTraining(
    steps=3,
    batch=2,
    warmup_steps=1,
    width_px=112,
    height_px=64,
    decibel_weight=0.01,
    harm_weight=0.02,
    network=StudentConfig((8, 8, 8), (1, 1, 1), shrink=3, smoothing=3, confidence=True),
    data=DataConfig(hq_share=1.0, fog="families", left_out=("airlight",)),
    loop=LoopConfig(workers=0, threads=1, log_every=1, checkpoint_every=3, sample_every=50, compile=False),
)


@pytest.fixture(scope="module")
def files(tmp_path_factory, tissue):
    folder = tmp_path_factory.mktemp("live")
    for seed in range(2):
        cv2.imwrite(str(folder / f"hq{seed}.png"), tissue(160, 280, seed)[..., ::-1])
    return StudentInputs({"hq": sorted(folder.glob("hq*.png"))})


@pytest.fixture(scope="module")
def run(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    stage, dataset = prepare_student(TINY, files, CPU, {})
    fit(stage, dataset, TINY.loop, folder, CPU, {"recipe": "test"})
    return stage, folder


def test_it_is_trained_on_what_it_sees_and_shrinks_by_itself_afterwards(run):
    stage, folder = run
    assert stage.learners["student"].networks["student"].config.shrink == 1
    network, _ = student_from_checkpoint(folder / "student.safetensors")
    assert network.config == TINY.network
    gain, _ = network(torch.rand(1, 3, 192, 336))
    assert gain.shape == (1, 3, 192, 336)


def test_its_file_says_which_fogs_it_was_taught(run):
    _, metadata = student_from_checkpoint(run[1] / "student.safetensors")
    assert metadata["fogs"].split(",") == [name for name in TAUGHT if name != "airlight"]
    assert run[0].settings["student.data.left_out"] == ["airlight"]


def test_its_pairs_are_drawn_from_the_families_that_are_left(files):
    _, dataset = prepare_student(TINY, files, CPU, {})
    assert dataset.degrade == FogPairs(tuple(name for name in TAUGHT if name != "airlight"))


def test_every_term_is_in_the_total(run):
    head, *rows = [line.split(",") for line in (run[1] / "losses.csv").read_text().splitlines()]
    for row in rows:
        of = dict(zip(head, map(float, row), strict=True))
        assert of["total"] == pytest.approx(of["pair"] + 0.01 * of["decibel"] + 0.02 * of["harm"], rel=1e-4)


def test_decibels_and_moments_count_from_their_steps_on(files, tmp_path):
    late = replace(TINY, steps=3, temporal_weight=2.0, decibels_from=1, moments_from=2)
    stage, dataset = prepare_student(late, files, CPU, {})
    fit(stage, dataset, late.loop, tmp_path, CPU, {})
    head, *rows = [line.split(",") for line in (tmp_path / "losses.csv").read_text().splitlines()]
    first, second, third = (dict(zip(head, map(float, row), strict=True)) for row in rows)
    assert first["total"] == pytest.approx(first["pair"], rel=1e-4)
    judged = [of["pair"] + 0.01 * of["decibel"] + 0.02 * of["harm"] for of in (second, third)]
    assert second["total"] == pytest.approx(judged[0], rel=1e-4)
    assert first["temporal"] == second["temporal"] == 0 < third["temporal"]
    assert third["total"] == pytest.approx(judged[1] + 2 * third["temporal"], rel=1e-4)


def test_before_moments_count_the_later_one_is_the_first_again(files):
    _, dataset = prepare_student(replace(TINY, temporal_weight=1.0, moments_from=2), files, CPU, {})
    items = [dict(zip(dataset.parts.names(), dataset[index], strict=True)) for index in range(10)]
    for index, of in enumerate(items):
        assert (of["motion"].tolist() == [0, 0, 1]) == (index < 4)
    same = [torch.equal(of["lq"], of["later_lq"]) for of in items]
    assert all(same[:4]) and not all(same[4:])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"frame_weight": 0.5}, "student.network.shrink = 3: head isr and frame_weight see", id="frames"),
        pytest.param({"head": "isr", "frame_weight": 1.0}, "student.network.shrink = 3", id="x4"),
        pytest.param({"pair_weight": 0.0, "frame_weight": 1.0}, "student.pair_weight = 0", id="decibels without pairs"),
        pytest.param(
            {"data": DataConfig(hq_share=1.0, fog="families", left_out=TAUGHT)}, "no family is left", id="fog"
        ),
        pytest.param({"data": DataConfig(hq_share=1.0, fog="families", left_out=("mist",))}, "'mist'", id="unknown"),
    ],
)
def test_what_does_not_go_together_is_refused(files, changes, message):
    with pytest.raises(ConfigError, match=message):
        prepare_student(replace(TINY, **changes), files, CPU, {})


def test_a_student_starts_from_one_of_another_view_but_not_from_one_of_another_size(run, files):
    inputs = replace(files, init=run[1] / "student.safetensors")
    other = replace(TINY, network=replace(TINY.network, shrink=2, smoothing=5))
    assert prepare_student(other, inputs, CPU, {})[0].config.network.smoothing == 5
    with pytest.raises(ConfigError, match="num_feat"):
        prepare_student(replace(TINY, network=replace(TINY.network, num_feat=(8, 8, 16))), inputs, CPU, {})


def test_the_shipped_config_trains_on_free_pictures_and_what_the_network_sees():
    config = read_config("live").student
    assert set(config.data.shares()) == {"larynx", "oral", "demo"}
    assert (config.width_px * config.network.shrink, config.height_px * config.network.shrink) == (480, 270)
    assert config.data.fog == "families" and config.data.left_out == ()
