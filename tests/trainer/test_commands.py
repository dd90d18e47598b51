"""`edge-train idm`, `isr`, `student`, `pack` and `unpack` as a person runs them, on one process and on two."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from tests.doubles.training.training_bench import losses
from trainer.cli import main
from trainer.networks.from_checkpoint import idm_from_checkpoint

TINY = """
[idm]
width_px = 48
height_px = 30
variants = 0
steps = 6
batch = 2
pool = 3
[idm.generator]
num_feat = 4
num_block = 1
[idm.discriminator]
num_feat = 4
[idm.loop]
workers = 0
threads = 1
ema_decay = 0.5
checkpoint_every = 3

[isr]
crop_px = 64
steps = 4
batch = 4
disc_num_feat = 4
perceptual_weight = 0.0
[isr.generator]
num_feat = 4
num_block = 1
num_grow_ch = 4
[isr.loop]
workers = 0
threads = 1

[student]
steps = 4
batch = 2
warmup_steps = 2
temporal_weight = 0.5
frame_weight = 0.5
frame_width_px = 64
frame_height_px = 64
[student.network]
num_feat = [4, 4, 4]
num_conv = [1, 1, 1]
[student.data]
hq_share = 1.0
[student.loop]
workers = 0
threads = 1
compile = false
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory, two_domains, vgg16_file):
    """A folder with a config and a manifest of the two domains."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "tiny.toml").write_text(TINY.replace("[idm]\n", f'[idm]\nvgg = "{vgg16_file}"\n', 1))
    assert main(["prepare", str(two_domains), "-o", str(folder / "manifest.json"), "--min-size", "32x32"]) == 0
    return folder


def command(place, stage, run, *more):
    return [stage, str(place / "tiny.toml"), "--manifest", str(place / "manifest.json"), "-o", str(run), *more]


def init(place, run):
    if not (run / "isr.safetensors").exists():
        assert main(command(place, "isr", run, "--phase", "l1")) == 0
    return ["--phase", "gan", "--init", str(run / "isr.safetensors")]


STAGES = ["idm", "isr", "student"]


@pytest.fixture(scope="module")
def one_and_two(place, made_once):
    """A folder with each stage's run by one process and by two."""

    def make(folder):
        more = {"isr": init(place, folder / "l1")}
        processes = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        torchrun = [sys.executable, *processes, "-m", "trainer"]
        for stage in STAGES:
            assert main(command(place, stage, folder / stage / "one", *more.get(stage, ()))) == 0
            two = command(place, stage, folder / stage / "two", *more.get(stage, ()), "--device", "cpu")
            done = subprocess.run([*torchrun, *two], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[-3000:]

    return made_once("one-and-two", make)


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_two_processes_give_the_losses_of_one(one_and_two, stage):
    """Global image pool, batch statistics and relativistic means included.

    Sums differ in their order alone, by which the first step agrees to five digits: the new generator's fakes are
    nearly flat, and batch statistics magnify what rounding left in them. Adam's first steps, which take a gradient's
    sign more than its size, magnify it again.
    """
    one, two = losses(one_and_two / stage / "one"), losses(one_and_two / stage / "two")
    assert len(one) == len(two) > 0
    assert two[0] == pytest.approx(one[0], rel=1e-5, abs=2e-5)
    for row, expected in zip(two, one, strict=True):
        assert row == pytest.approx(expected, rel=3e-3, abs=3e-4)


@pytest.mark.slow
def test_a_run_moves_to_another_machine(place, tmp_path, capsys):
    run, carry, again = tmp_path / "run", tmp_path / "carry", tmp_path / "again"
    assert main(command(place, "idm", run, "--minutes", "1e-9")) == 0
    assert "time is up; the same command goes on" in capsys.readouterr().out
    assert main(["pack", str(run), "-o", str(carry)]) == 0
    assert main(["unpack", str(carry), "-o", str(again)]) == 0
    assert "at step 3" in capsys.readouterr().out
    assert main(command(place, "idm", again)) == 0
    assert [row["step"] for row in losses(again)] == [1, 2, 3, 4, 5, 6]
    assert losses(again)[:3] == losses(run)
    assert idm_from_checkpoint(again / "idm.safetensors")[1]["steps"] == "6"


def test_a_warm_start_and_what_goes_on_from_it(place, tmp_path, capsys):
    fogged = ['idm.fog="families"', "idm.enlarge=true", "warm_start.steps=2", "idm.generator.skip=true"]
    tiny = ["warm_start.loop.workers=0", "warm_start.loop.threads=1", "warm_start.reverse_every=1"]
    sets = [part for one in (*fogged, *tiny) for part in ("--set", one)]
    assert main(command(place, "warm-start", tmp_path / "warm", *sets)) == 0
    init = str(tmp_path / "warm" / "generators.safetensors")
    assert main(command(place, "idm", tmp_path / "run", "--steps", "3", *sets)) == 78
    assert "give --init RUN/generators.safetensors" in capsys.readouterr().err
    assert main(command(place, "idm", tmp_path / "run", "--init", init, "--steps", "3", *sets)) == 0
    assert main(command(place, "idm", tmp_path / "run", "--init", init, "--steps", "4", *sets)) == 0
    about = idm_from_checkpoint(tmp_path / "run" / "idm.safetensors")[1]
    assert about["steps"] == "4" and "warm_start_sha256" in about["settings"]
    assert about["fogs"].split(",")[0] == "airlight"


def test_what_the_product_says_of_itself(place, tmp_path):
    assert main(command(place, "idm", tmp_path / "run", "--beta", "0", "--seed", "7", "--set", "idm.steps=2")) == 0
    about = idm_from_checkpoint(tmp_path / "run" / "idm.safetensors")[1]
    assert about["recipe"] == "tiny"
    assert about["steps"] == "2"
    assert '"idm.beta": 0.0' in about["settings"]
    assert '"idm.loop.seed": 7' in about["settings"]
    assert len(about["data_manifest_sha256"]) == 64


def prepared(folder, **pictures):
    for domain, (width, height) in pictures.items():
        (folder / domain).mkdir(parents=True)
        for number in range(4):
            rng = np.random.default_rng(number + 10 * len(domain) + width)
            cv2.imwrite(str(folder / domain / f"{number}.png"), rng.integers(0, 256, (height, width, 3), np.uint8))
    assert main(["prepare", str(folder), "-o", str(folder / "manifest.json"), "--min-size", "8x8"]) == 0
    return folder / "manifest.json"


def change(folder):
    manifest = prepared(folder, lq=(96, 64), hq=(96, 64))
    (folder / "lq" / "1.png").write_bytes(b"other")
    return manifest


@pytest.mark.parametrize(
    "stage, pictures, code, message",
    [
        pytest.param("idm", {"hq": (96, 64)}, 78, "no picture has domain lq", id="empty LQ"),
        pytest.param("idm", {"lq": (96, 64)}, 78, "no picture has domain hq", id="empty HQ"),
        pytest.param("isr", {"lq": (96, 64)}, 78, "no picture has domain hq", id="no HQ for isr"),
        pytest.param("idm", {"lq": (40, 64), "hq": (96, 64)}, 74, "40x64 px, smaller than", id="smaller than a view"),
        pytest.param("isr", {"hq": (96, 20)}, 74, "96x20 px, smaller than", id="smaller than the crop"),
        pytest.param("idm", change, 74, "1.png: changed since it was prepared", id="changed file"),
    ],
)
def test_pictures_that_do_not_serve(place, tmp_path, capsys, stage, pictures, code, message):
    manifest = pictures(tmp_path) if callable(pictures) else prepared(tmp_path, **pictures)
    capsys.readouterr()
    assert main([stage, str(place / "tiny.toml"), "--manifest", str(manifest), "-o", str(tmp_path / "run")]) == code
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "more, code, message",
    [
        pytest.param(["--vgg", "gone.safetensors"], 74, "gone.safetensors: no such file", id="no VGG"),
        pytest.param(["--device", "tpu"], 2, "invalid choice", id="device"),
        pytest.param(
            ["--set", "idm.stpes=3"],
            2,
            "--set idm.stpes=3: no key idm.stpes; did you mean 'idm.steps'?",
            id="set: unknown key",
        ),
        pytest.param(
            ["--set", "idm.steps.x=3"], 2, "no key idm.steps.x; did you mean 'idm.steps'?", id="set: no table"
        ),
        pytest.param(
            ["--set", "idm.steps=many"], 78, "--set idm.steps=many: idm.steps = 'many': exp", id="set: wrong type"
        ),
        pytest.param(
            ["--set", "idm.pool=3", "--set", "idm.loop=3"],
            78,
            "--set idm.loop=3: idm.loop = 3: expected a table",
            id="set: the second",
        ),
        pytest.param(["--set", "idm.steps"], 2, "--set idm.steps: expected KEY=VALUE", id="set: no value"),
        pytest.param(["--beta", "-1"], 78, "--beta: idm.beta = -1.0: expected a number of at least 0", id="beta"),
    ],
)
def test_wrong_options(place, tmp_path, capsys, more, code, message):
    try:
        assert main(command(place, "idm", tmp_path / "run", *more)) == code
    except SystemExit as stopped:
        assert stopped.code == code
    assert message in capsys.readouterr().err
