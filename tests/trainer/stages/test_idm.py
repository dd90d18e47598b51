"""The image dehazing module's stage."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from edge.basics.errors import ConfigError, InputOutputError, ModelError
from tests.doubles.training.training_bench import losses, run_to_its_end
from trainer.networks.from_checkpoint import idm_from_checkpoint
from trainer.networks.patch_discriminator import PatchDiscriminatorConfig
from trainer.networks.resnet_generator import ResnetGeneratorConfig
from trainer.stages.idm import IdmConfig, prepare_idm
from trainer.training.loop import LoopConfig
from trainer.training.parallel import Placement

CPU = Placement(torch.device("cpu"))
LOOP = LoopConfig(workers=0, threads=1, log_every=2, checkpoint_every=4, sample_every=50, ema_decay=0.0)
TINY = IdmConfig(
    width_px=48,
    height_px=30,
    variants=2,
    steps=6,
    pool=2,
    generator=ResnetGeneratorConfig(num_feat=4, num_block=1),
    discriminator=PatchDiscriminatorConfig(num_feat=4),
    loop=LOOP,
)


@pytest.fixture(scope="module")
def pictures(two_domains):
    return tuple(sorted((two_domains / domain).iterdir()) for domain in ("lq", "hq"))


@pytest.fixture
def config(vgg16_file):
    return replace(TINY, vgg=str(vgg16_file))


def trained(config, pictures, folder, before=None):
    prepared = prepare_idm(config, pictures, ([], []), CPU, {"data": "test"})
    return run_to_its_end(prepared, config.loop, folder, before)


def test_the_defaults_are_the_papers():
    paper = IdmConfig()
    assert (paper.width_px, paper.height_px, paper.epochs, paper.variants, paper.batch) == (480, 270, 400, 23, 1)
    assert (paper.lambda_cycle, paper.beta, paper.lambda_identity) == (10.0, 1.5, 0.0)
    assert (paper.learning_rate, paper.beta1, paper.beta2, paper.pool) == (2e-4, 0.5, 0.999, 50)
    assert paper.generator == ResnetGeneratorConfig(64, 9)


def test_epochs_of_the_paper_are_its_steps(config, pictures):
    few = replace(config, steps=0, epochs=400, variants=23)
    stage, _ = prepare_idm(few, pictures, ([], []), CPU, {})
    assert stage.steps == 400 * 23 * 6


def test_terms_add_up_to_equation_5(config, pictures, tmp_path):
    trained(config, pictures, tmp_path)
    for row in losses(tmp_path):
        sides = {name: row[f"{name}_lq"] + row[f"{name}_hq"] for name in ("gen", "cycle", "perceptual")}
        assert row["total"] == pytest.approx(sides["gen"] + 10 * sides["cycle"] + 1.5 * sides["perceptual"], rel=1e-5)


def test_beta_0_is_cyclegan_and_needs_no_vgg(pictures, tmp_path):
    trained(replace(TINY, beta=0.0), pictures, tmp_path)
    for row in losses(tmp_path):
        assert "perceptual_lq" not in row
        cycles = row["cycle_lq"] + row["cycle_hq"]
        assert row["total"] == pytest.approx(row["gen_lq"] + row["gen_hq"] + 10 * cycles, rel=1e-5)


def test_a_step_moves_all_four_networks_and_no_vgg(config, pictures):
    stage, dataset = prepare_idm(config, pictures, ([], []), CPU, {})
    networks = {n: net for learner in stage.learners.values() for n, net in learner.networks.items()}
    before = {n: {k: v.clone() for k, v in net.state_dict().items()} for n, net in networks.items()}
    features = stage.learners["generators"].objective._features[0]
    kept = [p.clone() for p in features.parameters()]
    lq, hq = dataset[0]
    stage.step((lq[None], hq[None]), 0)
    assert sorted(networks) == ["disc_hq", "disc_lq", "gen_hq_to_lq", "gen_lq_to_hq"]
    for name, network in networks.items():
        assert any(not torch.equal(v, before[name][k]) for k, v in network.state_dict().items()), name
    assert all(torch.equal(a, b) for a, b in zip(kept, features.parameters(), strict=True))


def test_discriminators_learn_nothing_from_the_generators_step(config, pictures):
    stage, dataset = prepare_idm(config, pictures, ([], []), CPU, {})
    seen = []
    move = stage.learners["discriminators"].move

    def look(*args):
        seen.extend(p.grad for judge in stage.judges for p in judge.parameters())
        return move(*args)

    stage.learners["discriminators"].move = look
    lq, hq = dataset[0]
    stage.step((lq[None], hq[None]), 0)
    assert seen and all(grad is None for grad in seen)


@pytest.mark.parametrize("ema_decay", [pytest.param(0.0, marks=pytest.mark.slow), 0.9])
def test_a_cut_run_goes_on_as_if_uncut(config, pictures, tmp_path, ema_decay, cut_at):
    """Generators, discriminators, both Adams, averages and image pools all come back."""
    config = replace(config, steps=9, loop=replace(LOOP, ema_decay=ema_decay))
    trained(config, pictures, tmp_path / "uncut")
    with pytest.raises(KeyboardInterrupt):
        trained(config, pictures, tmp_path / "cut", before=lambda stage: cut_at(stage, 6))
    trained(config, pictures, tmp_path / "cut")
    assert losses(tmp_path / "cut") == losses(tmp_path / "uncut")
    one, other = (idm_from_checkpoint(tmp_path / f / "idm.safetensors")[0].state_dict() for f in ("cut", "uncut"))
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.slow
def test_training_lowers_the_cycle_loss(config, pictures, tmp_path):
    trained(replace(config, steps=60, learning_rate=2e-3), pictures, tmp_path)
    cycles = [row["cycle_lq"] + row["cycle_hq"] for row in losses(tmp_path)]
    assert np.mean(cycles[-10:]) < 0.7 * np.mean(cycles[:10])


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"channels_last": False}, id="NCHW"),
        pytest.param({"workers": 2}, id="workers"),
        pytest.param({"cache_gib": 0.0}, id="streamed"),
    ],
)
def test_how_it_is_run_does_not_change_what_is_learned(config, pictures, tmp_path, changes):
    trained(config, pictures, tmp_path / "one")
    trained(replace(config, loop=replace(LOOP, **changes)), pictures, tmp_path / "other")
    for row, expected in zip(losses(tmp_path / "other"), losses(tmp_path / "one"), strict=True):
        assert row == pytest.approx(expected, rel=2e-3)


def test_bf16_is_near(config, pictures, tmp_path):
    trained(config, pictures, tmp_path / "one")
    trained(replace(config, loop=replace(LOOP, precision="bf16")), pictures, tmp_path / "other")
    first, expected = losses(tmp_path / "other")[0], losses(tmp_path / "one")[0]
    assert first != expected
    assert first == pytest.approx(expected, rel=0.05)


def test_the_identity_loss_is_an_option(config, pictures, tmp_path):
    trained(replace(config, lambda_identity=5.0), pictures, tmp_path)
    row = losses(tmp_path)[0]
    rest = sum(w * (row[f"{n}_lq"] + row[f"{n}_hq"]) for n, w in (("gen", 1), ("cycle", 10), ("perceptual", 1.5)))
    assert row["total"] == pytest.approx(rest + 5 * row["identity"], rel=1e-5)


def test_the_pair_term_is_added_where_it_is_asked_for(pictures, tmp_path):
    anchored = replace(TINY, beta=0.0, fog="families", lambda_pair=20.0)
    trained(anchored, pictures, tmp_path)
    row = losses(tmp_path)[0]
    rest = row["gen_lq"] + row["gen_hq"] + 10 * (row["cycle_lq"] + row["cycle_hq"])
    assert row["pair"] > 0 and row["total"] == pytest.approx(rest + 20 * row["pair"], rel=1e-5)


def test_the_pair_term_is_the_distance_to_lq_without_its_fog(pictures):
    anchored = replace(TINY, beta=0.0, fog="families", lambda_pair=1.0, generator=replace(TINY.generator, skip=True))
    stage, dataset = prepare_idm(anchored, pictures, ([], []), CPU, {})
    lq, hq, truth = stage._views(tuple(view[None] for view in dataset[1]))
    terms, _ = stage.learners["generators"].objective(lq, hq, truth)  # with a skip a network begins as the identity
    error = (lq - truth) / 2
    steps = sum((error.diff(dim=dim)).abs().mean() for dim in (2, 3))
    assert terms["pair"].item() == pytest.approx((error.abs().mean() + 0.5 * steps + 5 * error.square().mean()).item())


def test_the_product_is_the_generator_to_hq(config, pictures, tmp_path):
    stage = trained(config, pictures, tmp_path)
    network, about = idm_from_checkpoint(tmp_path / "idm.safetensors")
    assert network.config == config.generator
    assert about["recipe"] == "test"
    expected = stage.learners["generators"].networks["gen_lq_to_hq"].state_dict()
    assert all(torch.equal(network.state_dict()[key], value) for key, value in expected.items())


def test_the_sample_shows_six_columns(config, pictures):
    stage, _ = prepare_idm(config, pictures, ([], []), CPU, {})
    assert stage.sample().shape == (4 * 30, 6 * 48, 3)


@pytest.mark.parametrize(
    "changes, domains, error, message",
    [
        pytest.param({"vgg": ""}, (0, 1), ConfigError, r"idm\.vgg = ''.*idm\.beta to 0", id="no vgg"),
        pytest.param({"lambda_pair": 2.0}, (0, 1), ConfigError, r"idm\.lambda_pair = 2: .*fog", id="no truth"),
        pytest.param({"vgg": "gone.safetensors"}, (0, 1), ModelError, r"gone\.safetensors", id="vgg missing"),
        pytest.param({}, (None, 1), InputOutputError, "no LQ picture", id="empty LQ"),
        pytest.param({}, (0, None), InputOutputError, "no HQ picture", id="empty HQ"),
        pytest.param(
            {"width_px": 480, "height_px": 270}, (0, 1), InputOutputError, r"96x64 px, smaller", id="too small"
        ),
    ],
)
def test_bad_input(config, pictures, changes, domains, error, message):
    chosen = tuple([] if domain is None else pictures[domain] for domain in domains)
    with pytest.raises(error, match=message) as caught:
        prepare_idm(replace(config, **changes), chosen, ([], []), CPU, {})
    assert "\n" not in str(caught.value)


def test_small_pictures_may_be_enlarged(config, pictures):
    _, dataset = prepare_idm(replace(config, width_px=160, height_px=90, enlarge=True), pictures, ([], []), CPU, {})
    assert dataset[0][0].shape == (3, 90, 160)
