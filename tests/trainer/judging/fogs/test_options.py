"""`edge-train evaluate --families` from the command line."""

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
        asked.update(names=[path.name for path in held_out.throats], larynx=held_out.larynx, num=num)
        return {"throats": [tissue(90, 160, 1)]}

    monkeypatch.setattr(report, "at_network_sizes", at_network_sizes)
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin: fogs -->\nold\n<!-- end: fogs -->\nafter\n")
    argv = ["evaluate", str(checkpoint), "--families", "--pictures", "1", "--throats", str(throats)]
    assert main([*argv, "--page", str(page)]) == 0
    assert asked == {"names": ["1.png", "2.png"], "larynx": [], "num": 1}
    printed, written = capsys.readouterr().out, page.read_text()
    assert printed.strip() in written and "old" not in written and written.endswith("after\n")
    head = next(line for line in printed.splitlines() if line.startswith("| still | dew, drifting_smoke |"))
    assert [cell.strip() for cell in head.split("|")[3:8]] == ["+0.00", "+0.00 (dew)", "+0.00", "+0.00", "0.0%"]
    assert "Real" not in printed and "SurgClean" not in printed


def test_weights_that_are_none_are_one_line(checkpoint, throats, tmp_path, capsys):
    argv = ["evaluate", str(checkpoint), "--families", "--throats", str(throats), "--lpips", str(tmp_path / "none")]
    assert main(argv) != 0
    assert "not readable weights of LPIPS" in capsys.readouterr().err


def test_without_pictures_it_is_one_line(checkpoint, capsys):
    assert main(["evaluate", str(checkpoint), "--families"]) == 2
    assert "--throats or --larynx is missing" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--demo", "--sr-benchmark", "--model-json"])
def test_an_option_that_families_would_ignore_is_refused(checkpoint, tmp_path, option, capsys):
    assert main(["evaluate", str(checkpoint), "--families", option, str(tmp_path)]) == 2
    assert f"{option} is not for --families; leave it out" in capsys.readouterr().err
