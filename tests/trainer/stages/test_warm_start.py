"""Both generators learn simulated pairs, and the dehazing module's stage goes on from them."""

from dataclasses import replace

import pytest
import torch

from edge.basics.errors import ConfigError, InputOutputError, ModelError
from tests.doubles.training.training_bench import CPU, losses, run_to_its_end
from trainer.networks.from_checkpoint import idm_from_checkpoint
from trainer.networks.patch_discriminator import PatchDiscriminatorConfig
from trainer.networks.resnet_generator import ResnetGeneratorConfig
from trainer.stages.idm import IdmConfig, prepare_idm
from trainer.stages.warm_start import PRODUCT, WarmStartConfig, check_start, prepare_warm_start
from trainer.training.checkpoint import nested, read_whole
from trainer.training.loop import LoopConfig, fit

LOOP = LoopConfig(workers=0, threads=1, log_every=1, checkpoint_every=3, sample_every=50, ema_decay=0.5)
IDM = IdmConfig(
    width_px=48,
    height_px=28,
    variants=0,
    steps=4,
    pool=2,
    beta=0.0,
    fog="families",
    tone=0.3,
    enlarge=True,
    longest_px=96,
    generator=ResnetGeneratorConfig(num_feat=4, num_block=1, shrink=3, skip=True, stem_norm=False),
    discriminator=PatchDiscriminatorConfig(num_feat=4),
    loop=LOOP,
)
WARM = WarmStartConfig(steps=6, batch=2, learning_rate=2e-3, warmup_steps=1, reverse_every=3, loop=LOOP)


@pytest.fixture(scope="module")
def pictures(two_domains):
    return tuple(sorted((two_domains / domain).iterdir()) for domain in ("lq", "hq"))


def warmed(pictures, folder, config=WARM, idm=IDM):
    return run_to_its_end(prepare_warm_start(config, idm, [*pictures[0], *pictures[1]], CPU, {}), config.loop, folder)


@pytest.fixture(scope="module")
def warm(pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("warm")
    warmed(pictures, folder)
    return folder


def test_both_generators_learn_and_the_way_back_less_often(warm):
    rows = losses(warm)
    assert [row["reverse"] for row in rows[:3]] == [rows[0]["reverse"]] * 3
    assert rows[3]["reverse"] != rows[0]["reverse"]
    tensors, about = read_whole(warm / PRODUCT, "")
    for name in ("gen_lq_to_hq", "gen_hq_to_lq"):
        assert nested(name, tensors)["head.1.weight"].abs().max() > 0  # it begins as the identity
    assert about["fogs"].startswith("airlight")
    assert idm_from_checkpoint(warm / "idm.safetensors")[0].config.shrink == 3


def test_cut_between_two_steps_of_the_way_back_it_goes_on_with_the_same_losses(warm, pictures, tmp_path):
    loop = replace(LOOP, checkpoint_every=2)
    config = replace(WARM, loop=loop)
    paths = [*pictures[0], *pictures[1]]

    def cut_at_the_third(stage):
        step = stage.step
        stage.step = lambda batch, number: step(batch, number) if number < 2 else pytest.fail("cut")

    with pytest.raises(pytest.fail.Exception):
        run_to_its_end(prepare_warm_start(config, IDM, paths, CPU, {}), loop, tmp_path, cut_at_the_third)
    run_to_its_end(prepare_warm_start(config, IDM, paths, CPU, {}), loop, tmp_path)
    assert losses(tmp_path) == losses(warm)


def test_the_stage_begins_with_what_was_learnt_and_says_so(warm, pictures, tmp_path):
    init = warm / PRODUCT
    stage, dataset = prepare_idm(IDM, pictures, ([], []), CPU, {}, init)
    found = stage.learners["generators"].networks["gen_hq_to_lq"].state_dict()
    wanted = nested("gen_hq_to_lq", read_whole(init, "")[0])
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    fit(stage, dataset, LOOP, tmp_path, CPU, {})
    about = idm_from_checkpoint(tmp_path / "idm.safetensors")[1]
    assert len(about["warm_start_sha256"]) == 64 and '"recipe": "test"' in about["warm_start"]
    other = warm.parent / "other.safetensors"
    other.write_bytes((init).read_bytes().replace(b'"recipe":"test"', b'"recipe":"tesT"'))
    with pytest.raises(ConfigError, match="warm_start_sha256"):  # another start is another run
        again, more = prepare_idm(IDM, pictures, ([], []), CPU, {}, other)
        fit(again, more, LOOP, tmp_path, CPU, {})


def test_a_plan_may_be_changed_on_the_way_where_it_is_asked_for(warm, pictures, tmp_path):
    run_to_its_end(prepare_idm(IDM, pictures, ([], []), CPU, {}, warm / PRODUCT), LOOP, tmp_path)
    longer = replace(IDM, steps=7)
    with pytest.raises(ConfigError, match=r"idm.steps = 4, now 7"):
        fit(*prepare_idm(longer, pictures, ([], []), CPU, {}, warm / PRODUCT), LOOP, tmp_path, CPU, {})
    assert fit(*prepare_idm(longer, pictures, ([], []), CPU, {}, warm / PRODUCT), LOOP, tmp_path, CPU, {}, replans=True)
    assert [row["step"] for row in losses(tmp_path)] == [1, 2, 3, 4, 5, 6, 7]
    other = replace(longer, learning_rate=1e-5)
    with pytest.raises(ConfigError, match="learning_rate"):
        fit(*prepare_idm(other, pictures, ([], []), CPU, {}, warm / PRODUCT), LOOP, tmp_path, CPU, {}, replans=True)


def test_the_rate_of_the_generators_rises_where_discriminators_are_new(pictures):
    stage, _ = prepare_idm(replace(IDM, generator_warmup_steps=3), pictures, ([], []), CPU, {})
    rates = [stage.learners["generators"].adam.rate_at(step) for step in range(2)]
    assert rates == pytest.approx([IDM.learning_rate / 4, IDM.learning_rate / 2])
    assert stage.learners["discriminators"].adam.rate_at(0) == IDM.learning_rate


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"generator": ResnetGeneratorConfig(8, 1, 3, True, False)}, ConfigError, "idm.generator.num_feat = 8"),
        ({"generator": ResnetGeneratorConfig(4, 1, 3, False, False)}, ConfigError, "idm.generator.skip = False"),
        (None, ModelError, "not a warm start"),
    ],
)
def test_another_start_is_refused(warm, pictures, change, kind, message):
    init = warm / (PRODUCT if change else "idm.safetensors")
    with pytest.raises(kind, match=message):
        prepare_idm(replace(IDM, **(change or {})), pictures, ([], []), CPU, {}, init)


def test_config_and_option_must_say_the_same_of_the_beginning(tmp_path):
    with pytest.raises(ConfigError, match="give --init RUN"):
        check_start(WARM, None)
    with pytest.raises(ConfigError, match="begins from nothing"):
        check_start(WarmStartConfig(), tmp_path)
    check_start(WARM, tmp_path)
    check_start(WarmStartConfig(), None)


@pytest.mark.parametrize(
    ("config", "idm", "train", "kind", "message"),
    [
        (WarmStartConfig(), IDM, ["x"], ConfigError, "warm_start.steps = 0"),
        (WARM, replace(IDM, fog="none"), ["x"], ConfigError, "idm.fog = 'none'"),
        (WARM, replace(IDM, left_out=("smog",)), ["x"], ConfigError, "'smog' is no family"),
        (WARM, IDM, [], InputOutputError, "no picture to train on"),
    ],
)
def test_what_cannot_be_begun_is_told_in_a_line(pictures, config, idm, train, kind, message):
    with pytest.raises(kind, match=message):
        prepare_warm_start(config, idm, train and pictures[1], CPU, {})
