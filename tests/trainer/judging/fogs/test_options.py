"""`edge-train evaluate --families` from the command line."""

import subprocess
import sys

import cv2
import pytest

from trainer.cli import main
from trainer.judging.fogs import report
from trainer.networks.student import Student, StudentConfig
from trainer.training.checkpoint import described, save_whole

SMALL = StudentConfig((8, 8, 8), (1, 1, 1), shrink=2)


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "still.safetensors"
    metadata = {**described("student", SMALL), "fogs": "airlight,forward_scatter,ring_back_scatter,wiped_streaks"}
    save_whole(Student(SMALL).state_dict(), path, metadata)
    return path


@pytest.fixture
def throats(tmp_path, tissue):
    """A manifest of two throats, both held out."""
    (tmp_path / "throats" / "hq").mkdir(parents=True)
    for seed in (1, 2):
        cv2.imwrite(str(tmp_path / "throats" / "hq" / f"{seed}.png"), tissue(90, 160, seed))
    manifest = tmp_path / "throats.json"
    command = ["prepare", str(tmp_path / "throats"), "-o", str(manifest), "--held-out", "1", "--near-bits", "0"]
    assert main(command) == 0
    return manifest


@pytest.mark.slow
def test_tables_are_printed_and_the_pages_section_is_renewed(
    checkpoint, throats, tmp_path, tissue, monkeypatch, capsys
):
    asked = {}

    def at_network_sizes(held_out, num):
        asked.update({name: [path.name for path in of] for name, of in held_out.sets.items()}, num=num)
        return {"throats": [tissue(90, 160, 1)]}

    monkeypatch.setattr(report, "at_network_sizes", at_network_sizes)
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin: fogs -->\nold\n<!-- end: fogs -->\nafter\n")
    argv = ["evaluate", str(checkpoint), "--families", "--num-pictures", "1", "--manifest", str(throats)]
    assert main([*argv, "--page", str(page)]) == 0
    assert asked == {"throats": ["1.png", "2.png"], "num": 1}
    printed, written = capsys.readouterr().out, page.read_text()
    assert printed.strip() in written and "old" not in written and written.endswith("after\n")
    head = next(line for line in printed.splitlines() if line.startswith("| still | dew, drifting_smoke |"))
    assert [cell.strip() for cell in head.split("|")[3:8]] == ["+0.00", "+0.00 (dew)", "+0.00", "+0.00", "0.0%"]
    assert "Real" not in printed and "SurgClean" not in printed


def test_weights_that_are_none_are_one_line(checkpoint, throats, tmp_path, capsys):
    weights = tmp_path / "none"
    weights.write_bytes(b"no weights")
    argv = ["evaluate", str(checkpoint), "--families", "--manifest", str(throats), "--lpips", str(weights)]
    assert main(argv) != 0
    assert "not readable weights of LPIPS" in capsys.readouterr().err


def test_without_pictures_it_is_one_line(checkpoint, capsys):
    assert main(["evaluate", str(checkpoint), "--families"]) == 2
    assert "--manifest is missing" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--demo", "--sr-benchmark", "--model-json"])
def test_an_option_that_families_would_ignore_is_refused(checkpoint, tmp_path, option, capsys):
    assert main(["evaluate", str(checkpoint), "--families", option, str(tmp_path)]) == 2
    assert f"{option} is not for --families; leave it out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param(["--throats", "t.json"], 2, "--throats: is --manifest now: --manifest throats.json", id="throats"),
        pytest.param(["--larynx", "l.json"], 2, "--larynx: is --manifest now: --manifest larynx.json", id="larynx"),
        pytest.param(["--pictures", "4"], 2, "--pictures: is --num-pictures now", id="pictures"),
        pytest.param(["--real", "R"], 2, "--real is for --families; add that", id="ignored"),
        pytest.param(["--num-pictures", "2"], 2, "--num-pictures is for --families", id="ignored number"),
        pytest.param(["--demo", "gone"], 74, "--demo gone: no such folder", id="no renders"),
        pytest.param(["--page", "gone.md"], 74, "--page gone.md: no such file", id="no page"),
        pytest.param(["--model-json", "gone.json"], 74, "--model-json gone.json: cannot be read", id="no model.json"),
    ],
)
def test_wrong_words_are_told_before_torch_is_loaded(checkpoint, throats, words, code, message):
    """In a Python of its own, where nothing else has loaded it."""
    argv = ["evaluate", str(checkpoint), "--manifest", str(throats), *words]
    script = f"""
import sys
from trainer.cli import main
try:
    code = main({argv!r})
except SystemExit as end:
    code = end.code
sys.exit(99 if "torch" in sys.modules else code)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == code and message in done.stderr.splitlines()[-1]


def test_a_mistyped_file_is_told_with_the_nearest(checkpoint, throats, capsys):
    assert main(["evaluate", str(checkpoint.with_name("stil.safetensors")), "--manifest", str(throats)]) == 74
    assert "no such file; did you mean 'still.safetensors'?" in capsys.readouterr().err
