"""What a person may get wrong at `edge-train prepare`: one line each."""

import re

import pytest

from tests.doubles.training.prepare_bench import parsed, prepare, put, scene


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        pytest.param(
            ["--lq", "foggy"], 2, "--lq foggy: matches no picture below .*; folders there: hq, lq, mid", id="lq"
        ),
        pytest.param(["--hq", "hq", "x*"], 2, r"--hq x\*: matches no picture", id="hq"),
        pytest.param(["--group-by", "(P[0-9]+)"], 2, r"--group-by \(P\[0-9\]\+\): found in no path", id="group"),
        pytest.param(["--min-size", "500x500"], 74, "none of 10 pictures can be used; 1.png: 96x72 px", id="small"),
        pytest.param(["--decision", "{tmp}/none.csv"], 74, r"none\.csv: cannot be read", id="no table"),
        pytest.param(
            ["--decision", "{tmp}/far.csv"], 78, "none of its 1 pictures, such as z.png, is in", id="other table"
        ),
        pytest.param(["--decision", "{tmp}/bad.csv"], 78, "line 2: 1.png: domain = 'good'", id="bad table"),
        pytest.param(
            ["--contact-sheet", "{tmp}/pictures/s"], 2, "sheets are pictures too; give a folder outside", id="in"
        ),
        pytest.param(["--contact-sheet", "{tmp}/bad.csv/s"], 74, "bad.csv/s: cannot be written", id="no folder"),
        pytest.param(["-o", "{tmp}/pictures"], 74, "pictures: cannot be written .*; give another -o", id="output"),
    ],
)
def test_slips_get_one_line(sorted_folder, tmp_path, capsys, arguments, code, message):
    (tmp_path / "far.csv").write_text("path,domain\nz.png,lq\n")
    (tmp_path / "bad.csv").write_text("path,domain\n1.png,good\n")
    options = [argument.format(tmp=tmp_path) for argument in arguments]
    assert prepare(sorted_folder, "-o", tmp_path / "m.json", *options) == code
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert re.search(f"^edge-train: .*{message}", line), line


@pytest.mark.parametrize(
    "arguments, message",
    [
        pytest.param(["--group-by", "P[0-9]+"], "expected one group in parentheses", id="no group"),
        pytest.param(["--group-by", "(P"], "is no regular expression", id="no expression"),
        pytest.param(["--min-size", "64"], "expected WIDTHxHEIGHT in pixels", id="size"),
        pytest.param(["--held-out", "18"], "expected a share from 0 to 1", id="percent"),
        pytest.param(["--held-out", "some"], "expected a share from 0 to 1", id="word"),
        pytest.param(["--near-bits", "65"], "invalid choice: 65", id="bits"),
    ],
)
def test_options_that_cannot_be(capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        parsed(["folder", "-o", "m.json", *arguments])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_too_few_groups_are_reported(tmp_path, capsys):
    folder = put(tmp_path / "pictures", {"patient1_a.png": scene(1), "patient1_b.png": scene(2)})
    assert prepare(folder, "-o", tmp_path / "m.json", "--held-out", "0") == 0
    printed = capsys.readouterr()
    assert "all pictures are train: groups: 1, --held-out 0.0; give another share" in printed.err
    assert "name no patient" not in printed.err
    assert "2 pictures in 1 groups, the largest of 2" in printed.out
