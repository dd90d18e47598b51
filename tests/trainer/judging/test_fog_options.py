"""`edge-train evaluate --families` from the command line."""

import pytest

from trainer.cli import main
from trainer.judging import fog_report
from trainer.networks.student import Student, StudentConfig
from trainer.training.checkpoint import described, save_whole

SMALL = StudentConfig((8, 8, 8), (1, 1, 1), shrink=2)


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "still.safetensors"
    told = {**described("student", SMALL), "fogs": "airlight,forward_scatter,ring_back_scatter,wiped_streaks"}
    save_whole(Student(SMALL).state_dict(), path, told)
    return path


def test_tables_are_printed_and_the_pages_section_is_renewed(checkpoint, tmp_path, tissue, monkeypatch, capsys):
    asked = {}

    def held_out(data, num):
        asked.update(data=data, num=num)
        return {"throats": [tissue(90, 160, 1)], "larynx": [tissue(90, 160, 2)]}

    monkeypatch.setattr(fog_report, "held_out", held_out)
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin: fogs -->\nold\n<!-- end: fogs -->\nafter\n")
    argv = ["evaluate", str(checkpoint), "--families", "--pictures", "1", "--data", str(tmp_path), "--page", str(page)]
    assert main(argv) == 0
    assert asked == {"data": tmp_path, "num": 1}
    printed, written = capsys.readouterr().out, page.read_text()
    assert printed.strip() in written and "old" not in written and written.endswith("after\n")
    head = next(line for line in printed.splitlines() if line.startswith("| still | dew, drifting_smoke |"))
    assert [cell.strip() for cell in head.split("|")[3:8]] == ["+0.00", "+0.00 (dew)", "+0.00", "+0.00", "0.0%"]
    assert "Real" not in printed and "SurgClean" not in printed


def test_weights_that_are_none_are_one_line(checkpoint, tmp_path, capsys):
    argv = ["evaluate", str(checkpoint), "--families", "--data", str(tmp_path), "--lpips", str(tmp_path / "none")]
    assert main(argv) != 0
    assert "not readable weights of LPIPS" in capsys.readouterr().err
