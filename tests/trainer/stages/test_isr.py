"""The super-resolution module's stage, in both phases."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from edge.basics.errors import ConfigError, InputOutputError, ModelError
from edge.basics.settings import from_table
from tests.doubles.training.training_bench import losses, run_to_its_end
from trainer.networks.from_checkpoint import isr_from_checkpoint
from trainer.networks.rrdb import Rrdb, RrdbConfig
from trainer.stages.isr import IsrConfig, prepare_isr, rate_of
from trainer.training.loop import LoopConfig
from trainer.training.parallel import Placement

CPU = Placement(torch.device("cpu"))
LOOP = LoopConfig(workers=0, threads=1, log_every=2, checkpoint_every=4, sample_every=50, ema_decay=0.9)
L1 = IsrConfig(
    crop_px=32, steps=6, batch=2, blur_sigma_px=1.0, blur_share=0.2,
    vgg_layer="vgg16.conv5_3", disc_num_feat=4, generator=RrdbConfig(8, 1, 4), loop=LOOP,
)  # fmt: skip
GAN = replace(L1, phase="gan", perceptual_weight=0.0)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, tissue):
    folder = tmp_path_factory.mktemp("hq")
    for seed in range(4):
        cv2.imwrite(str(folder / f"{seed}.png"), tissue(64, 96, seed)[..., ::-1])
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def init(tmp_path_factory):
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("weights") / "rrdb.safetensors"
    save_file(Rrdb(L1.generator).state_dict(), path)
    return path


def trained(config, pictures, folder, init=None, before=None):
    prepared = prepare_isr(config, pictures, [], CPU, {"data": "test"}, init)
    return run_to_its_end(prepared, config.loop, folder, before)


def step_once(stage, dataset):
    batch = tuple(torch.stack(parts) for parts in zip(*(dataset[i] for i in range(stage.batch)), strict=True))
    return stage.step(batch, 0)


def test_the_defaults_are_the_papers():
    paper = IsrConfig()
    assert (paper.crop_px, paper.blur_sigma_px, paper.epochs, paper.batch) == (224, 5.0, 400, 16)
    assert (paper.perceptual_weight, paper.adversarial_weight, paper.pixel_weight) == (1.0, 5e-3, 1e-2)
    assert (paper.beta1, paper.beta2, paper.vgg_layer, paper.loop.ema_decay) == (0.9, 0.999, "vgg19.conv5_4", 0.999)
    assert paper.generator == RrdbConfig(64, 23, 32)


@pytest.mark.parametrize(
    "phase, steps, expected",
    [
        pytest.param("l1", 1_000_000, {0: 2e-4, 199_999: 2e-4, 200_000: 1e-4, 800_000: 1.25e-5}, id="l1"),
        pytest.param("gan", 400_000, {49_999: 1e-4, 50_000: 5e-5, 100_000: 2.5e-5, 300_000: 6.25e-6}, id="gan"),
    ],
)
def test_rates_halve_where_esrgan_says(phase, steps, expected):
    rate = rate_of(IsrConfig(phase=phase), steps)
    assert {step: rate(step) for step in expected} == pytest.approx(expected)


def test_epochs_are_steps(pictures):
    assert prepare_isr(replace(L1, steps=0, epochs=400, batch=3), pictures, [], CPU, {})[0].steps == 534


def test_phase_l1_is_the_mean_absolute_error(pictures):
    stage, dataset = prepare_isr(L1, pictures, [], CPU, {})
    lr, hr = (torch.stack(parts).float() / 255 for parts in zip(dataset[0], dataset[1], strict=True))
    with torch.no_grad():
        expected = (stage.learners["generator"].networks["generator"](lr) - hr).abs().mean()
    terms = step_once(stage, dataset)
    assert list(terms) == ["total"]
    assert terms["total"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_phase_gan_adds_up_to_equation_3(pictures, init, vgg16_conv5_3_file, tmp_path):
    config = replace(GAN, steps=2, perceptual_weight=0.5, vgg=str(vgg16_conv5_3_file))
    trained(config, pictures, tmp_path, init)
    for row in losses(tmp_path):
        sum_of_terms = 0.5 * row["perceptual"] + 5e-3 * row["adversarial"] + 1e-2 * row["pixel"]
        assert row["total"] == pytest.approx(sum_of_terms, rel=1e-5)
        assert min(row["perceptual"], row["adversarial"], row["pixel"]) > 0


def test_the_discriminator_judges_what_was_made_before_the_generator_moved(pictures, init):
    """Both losses of the first step, from the networks as they begin; each kind is normalised by itself."""
    stage, dataset = prepare_isr(GAN, pictures, [], CPU, {}, init)
    lr, hr = (torch.stack(parts).float() / 255 for parts in zip(dataset[0], dataset[1], strict=True))
    with torch.no_grad():
        fake = stage.learners["generator"].networks["generator"](lr)
        real, made = (stage.judge(picture).flatten() for picture in (hr, fake))
    softplus = torch.nn.functional.softplus
    of_judge = softplus(made.mean() - real).mean() + softplus(made - real.mean()).mean()
    of_generator = softplus(real - made.mean()).mean() + softplus(real.mean() - made).mean()
    terms = step_once(stage, dataset)
    assert terms["discriminator"].item() == pytest.approx(of_judge.item(), rel=1e-4)
    assert terms["adversarial"].item() == pytest.approx(of_generator.item(), rel=1e-4)
    assert terms["score_real"].item() == pytest.approx(real.mean().item(), rel=1e-3, abs=1e-5)
    assert terms["score_fake"].item() == pytest.approx(made.mean().item(), rel=1e-3, abs=1e-5)


def test_each_step_of_the_gan_moves_its_own_network(pictures, init, vgg16_file):
    config = replace(GAN, perceptual_weight=1.0, vgg=str(vgg16_file), vgg_layer="vgg16.pool2")
    stage, dataset = prepare_isr(config, pictures, [], CPU, {}, init)
    judge, generator = stage.judge, stage.learners["generator"].networks["generator"]
    features = stage.learners["generator"].objective._others[1]
    kept = {n: [p.clone() for p in net.parameters()] for n, net in (("f", features), ("d", judge), ("g", generator))}
    seen = []
    move = stage.learners["discriminator"].move

    def look(*args):
        seen.extend(p.grad for p in judge.parameters())
        assert all(torch.equal(a, b) for a, b in zip(kept["d"], judge.parameters(), strict=True))
        return move(*args)

    stage.learners["discriminator"].move = look
    step_once(stage, dataset)
    assert seen and all(grad is None for grad in seen)
    for name, network in (("d", judge), ("g", generator)):
        assert not all(torch.equal(a, b) for a, b in zip(kept[name], network.parameters(), strict=True)), name
    assert all(torch.equal(a, b) for a, b in zip(kept["f"], features.parameters(), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("config", [L1, GAN], ids=["l1", "gan"])
@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_a_cut_run_goes_on_as_if_uncut(config, pictures, init, tmp_path, ema_decay, cut_at):
    """Networks, batch statistics, both Adams and averages all come back."""
    config = replace(config, steps=9, loop=replace(LOOP, ema_decay=ema_decay))
    trained(config, pictures, tmp_path / "uncut", init)
    with pytest.raises(KeyboardInterrupt):
        trained(config, pictures, tmp_path / "cut", init, before=lambda stage: cut_at(stage, 6))
    trained(config, pictures, tmp_path / "cut", init)
    assert (tmp_path / "cut" / "losses.csv").read_text() == (tmp_path / "uncut" / "losses.csv").read_text()
    assert len(losses(tmp_path / "cut")) == 9
    one, other = (isr_from_checkpoint(tmp_path / f / "isr.safetensors")[0].state_dict() for f in ("cut", "uncut"))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_phase_l1_lowers_its_loss(pictures, tmp_path):
    trained(replace(L1, steps=40, l1_rate=5e-3), pictures, tmp_path)
    totals = [row["total"] for row in losses(tmp_path)]
    assert np.mean(totals[-10:]) < 0.5 * np.mean(totals[:10])


def test_phase_gan_lowers_its_losses(pictures, init, vgg16_file, tmp_path):
    config = replace(GAN, steps=16, gan_rate=2e-3, perceptual_weight=1.0, vgg=str(vgg16_file), vgg_layer="vgg16.pool2")
    trained(config, pictures, tmp_path, init)
    rows = losses(tmp_path)
    for name in ("perceptual", "pixel", "total"):
        last, first = (np.mean([row[name] for row in part]) for part in (rows[-5:], rows[:5]))
        assert last < 0.85 * first, name


def test_the_discriminator_learns_to_tell_fakes(pictures, init):
    """Shown the same pictures again it comes far below 2 log 2, where it knows nothing."""
    stage, dataset = prepare_isr(replace(GAN, gan_rate=2e-3, steps=32), pictures, [], CPU, {}, init)
    lr, hr = (torch.stack(parts).float() / 255 for parts in zip(*(dataset[n] for n in range(4)), strict=True))
    blocks = torch.nn.functional.interpolate(lr, scale_factor=4.0, mode="nearest")
    for number in range(32):
        terms, _ = stage.learners["discriminator"].move(number, hr, blocks)
    assert terms["total"] < 1.0
    assert terms["score_real"] > terms["score_fake"] + 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"loop": replace(LOOP, channels_last=False)}, id="NCHW"),
        pytest.param({"loop": replace(LOOP, workers=1)}, id="a worker"),
        pytest.param({"loop": replace(LOOP, cache_gib=0.0)}, id="streamed"),
        pytest.param({"checkpointed": True}, id="checkpointed"),
    ],
)
def test_how_it_is_run_does_not_change_what_is_learned(pictures, init, tmp_path, changes):
    trained(GAN, pictures, tmp_path / "one", init)
    trained(replace(GAN, **changes), pictures, tmp_path / "other", init)
    for row, expected in zip(losses(tmp_path / "other"), losses(tmp_path / "one"), strict=True):
        for name in ("total", "pixel", "adversarial", "discriminator"):
            assert row[name] == pytest.approx(expected[name], rel=2e-3), name


def test_bf16_is_near(pictures, init, tmp_path):
    trained(GAN, pictures, tmp_path / "one", init)
    trained(replace(GAN, loop=replace(LOOP, precision="bf16")), pictures, tmp_path / "other", init)
    first, expected = losses(tmp_path / "other")[0], losses(tmp_path / "one")[0]
    assert first != expected
    for name in ("total", "pixel", "adversarial", "discriminator"):
        assert first[name] == pytest.approx(expected[name], rel=0.05), name


def test_init_fills_the_network_and_its_average(pictures, init, tmp_path):
    stage, _ = prepare_isr(L1, pictures, [], CPU, {}, init)
    torch.manual_seed(5)
    expected = Rrdb(L1.generator).state_dict()
    learner = stage.learners["generator"]
    for network in (learner.networks["generator"], learner.averages["generator"]):
        assert all(torch.equal(network.state_dict()[key], value) for key, value in expected.items())


def test_the_product_is_the_average(pictures, tmp_path):
    stage = trained(L1, pictures, tmp_path)
    network, about = isr_from_checkpoint(tmp_path / "isr.safetensors")
    assert (network.config, about["recipe"], about["steps"]) == (L1.generator, "test", "6")
    learner = stage.learners["generator"]
    average, raw = (part["generator"].state_dict() for part in (learner.averages, learner.networks))
    assert all(torch.equal(network.state_dict()[key], value) for key, value in average.items())
    assert not all(torch.equal(average[key], value) for key, value in raw.items())


def test_the_sample_shows_bicubic_ours_and_truth(pictures):
    stage, _ = prepare_isr(L1, pictures, pictures[:2], CPU, {})
    picture = stage.sample()
    assert picture.shape == (2 * 32, 3 * 32, 3)
    truth = cv2.imread(str(pictures[0]))[16:48, 32:64, ::-1]
    assert np.array_equal(picture[:32, 64:], truth)
    assert np.abs(picture[:32, :32].astype(int) - truth).mean() < 20


@pytest.mark.parametrize(
    "before, now, init_now, message",
    [
        pytest.param({}, {"l1_rate": 1e-3}, None, r"isr\.l1_rate = 0\.0002, now 0\.001", id="another rate"),
        pytest.param({}, {}, "init", r"isr\.init = ''", id="other weights to start from"),
        pytest.param({"checkpointed": True}, {"checkpointed": False}, None, "", id="checkpointed may change"),
    ],
)
def test_a_run_goes_on_with_its_own_settings(pictures, init, tmp_path, before, now, init_now, message):
    trained(replace(L1, steps=2, **before), pictures, tmp_path)
    start = init if init_now else None
    if not message:
        trained(replace(L1, steps=2, **now), pictures, tmp_path, start)
        return
    with pytest.raises(ConfigError, match=message):
        trained(replace(L1, steps=2, **now), pictures, tmp_path, start)


@pytest.mark.parametrize(
    "config, changes, error, message",
    [
        pytest.param(L1, {"crop_px": 34}, ConfigError, r"isr\.crop_px = 34: .*multiple of 4", id="crop of l1"),
        pytest.param(GAN, {"crop_px": 48}, ConfigError, r"isr\.crop_px = 48: .*multiple of 32", id="crop of gan"),
        pytest.param(L1, {"crop_px": 96}, InputOutputError, r"0\.png: 96x64 px, smaller than isr\.crop_px", id="small"),
        pytest.param(GAN, {"perceptual_weight": 1.0}, ConfigError, r"isr\.vgg = ''.*VGG16's weights", id="no vgg"),
        pytest.param(GAN, {"perceptual_weight": 1.0, "vgg": "gone.pth"}, ModelError, r"gone\.pth", id="vgg missing"),
        pytest.param(L1, {"l1_halved_at": "0.2 half"}, ConfigError, r"isr\.l1_halved_at = '0\.2 half'", id="words"),
        pytest.param(L1, {"l1_halved_at": "200000"}, ConfigError, "shares of the run from 0 to 1", id="steps"),
        pytest.param(L1, {"generator": RrdbConfig(8, 2, 4)}, ModelError, "30 of 72 weights missing", id="other init"),
    ],
)
def test_bad_input(pictures, init, config, changes, error, message):
    with pytest.raises(error, match=message) as caught:
        prepare_isr(replace(config, **changes), pictures, [], CPU, {}, init)
    assert "\n" not in str(caught.value)


def test_phase_gan_needs_weights_to_start_from(pictures):
    with pytest.raises(ConfigError, match=r"isr\.phase = 'gan'.*--init"):
        prepare_isr(GAN, pictures, [], CPU, {})


def test_no_picture(tmp_path):
    with pytest.raises(InputOutputError, match="no HQ picture"):
        prepare_isr(L1, [], [], CPU, {})


def test_the_table_reads_from_toml():
    table = {"phase": "gan", "crop_px": 128, "generator": {"num_block": 4}, "loop": {"seed": 5}}
    config = from_table(IsrConfig, table, "isr", "x.toml")
    assert (config.phase, config.generator, config.loop.seed) == ("gan", RrdbConfig(64, 4, 32), 5)
    with pytest.raises(ConfigError, match=r"isr\.phase = 'both': expected one of l1, gan"):
        from_table(IsrConfig, {"phase": "both"}, "isr", "x.toml")


def test_settings_can_be_kept(pictures):
    stage, _ = prepare_isr(L1, pictures, [], CPU, {"data": "abc"})
    kept = json.loads(json.dumps(dict(stage.settings)))
    assert (kept["data"], kept["isr.crop_px"], kept["steps"]) == ("abc", 32, 6)
