"""`edge-train evaluate --report` from the command line: what it leaves, goes on with, and refuses."""

import hashlib
import json
import re
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest

from tests.paths import REPOSITORY
from trainer.cli import main
from trainer.judging.comparing import methods
from trainer.judging.comparing.records import read_comparison
from trainer.judging.comparing.summary import summarised
from trainer.networks.rrdb import Rrdb, RrdbConfig
from trainer.training.checkpoint import described, save_whole

KILLED = """
import os, signal, sys
from trainer.cli import main
from trainer.judging.comparing import comparing
from pathlib import Path
num, whole = 0, comparing.line_of
def line_of(record):
    global num
    num += 1
    if num == int(sys.argv[1]):
        with (Path(sys.argv[2]) / "records.jsonl").open("ab") as file:
            file.write(whole(record)[:int(sys.argv[3])])
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(record)
comparing.line_of = line_of
main(sys.argv[4:])
"""


def contents(folder):
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*.*")}


@pytest.fixture(scope="module")
def finished(place, tmp_path_factory):
    """A finished comparison and what it printed to a page."""
    report = tmp_path_factory.mktemp("finished") / "report"
    page = report.parent / "page.md"
    page.write_text("before\n<!-- begin: comparison -->\nold\n<!-- end: comparison -->\nafter\n")
    files = [str(place / name / "idm.safetensors") for name in ("cyclegan", "miinet")]
    folders = [
        "--manifest",
        str(place / "throats.json"),
        "--real",
        str(place / "real"),
        "--pairs",
        str(place / "pairs"),
    ]
    assert main(["evaluate", *files, *folders, "--report", str(report), "--page", str(page), "--sweep"]) == 0
    return report, page.read_text()


@pytest.mark.slow
def test_every_method_has_a_record_and_a_picture_of_every_case(finished):
    comparison = read_comparison(finished[0])
    assert comparison.is_finished
    assert comparison.run.names == ["original", "cyclegan/idm", "miinet/idm", "hq"]
    assert [(case.kind, case.source) for case in comparison.run.cases] == [
        ("throats", "1.png"),
        ("throats", "2.png"),
        ("pairs", "a_hazy.png"),
        ("real", "lens.png"),
    ]
    assert len(comparison.records) == 3 * 4 + 3
    assert comparison.records[1].shown == "pictures/0001-cyclegan-idm.jpg"
    sizes = {r.number: cv2.imread(str(finished[0] / r.shown)).shape[1::-1] for r in comparison.records}
    assert sizes == {1: (480, 270), 2: (480, 270), 3: (128, 72), 4: (120, 90)}


@pytest.mark.slow
def test_measures_are_where_they_mean_something(finished):
    by_method = {(r.number, r.method): r.measures for r in read_comparison(finished[0]).records}
    assert "structure_ssim" not in by_method[1, "original"] and "gain" in by_method[1, "original"]
    assert by_method[1, "original"]["gain"] == 0 and by_method[1, "original"]["detail_invented"] == 0
    assert {"structure_ssim", "consistency", "psnr"} <= by_method[3, "miinet/idm"].keys()
    assert "psnr" not in by_method[4, "miinet/idm"] and "haze" in by_method[4, "miinet/idm"]
    assert "psnr" not in by_method[1, "hq"] and "consistency" not in by_method[1, "hq"]


@pytest.mark.slow
def test_the_page_has_the_tables_and_the_curve_is_drawn(finished):
    report, page = finished
    assert "old" not in page and page.endswith("after\n")
    assert re.search(r"\| originals \(LQ\) \| \d+\.\d\d \(", page) and "### Beta swept" in page
    drawing = (report / "sweep.svg").read_text()
    assert drawing.count("beta 1.5") == drawing.count("<polyline") > 1
    assert [point.beta for point in summarised(read_comparison(report)).sweep] == [0.0, 1.5]
    assert "by β" in (report / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_what_enlarges_alone_has_a_section_of_its_own(place, tmp_path):
    network = Rrdb(RrdbConfig(4, 1, 4))
    save_whole(network.state_dict(), tmp_path / "isr.safetensors", described("rrdb", network.config))
    page = tmp_path / "page.md"
    page.write_text("<!-- begin: comparison -->\nold\n<!-- end: comparison -->\n<!-- begin: x4 -->\n<!-- end: x4 -->\n")
    words = ["--manifest", place / "throats.json", "--report", tmp_path / "report", "--page", page]
    assert main(["evaluate", str(tmp_path / "isr.safetensors"), *map(str, words)]) == 0
    comparison, _, x4 = page.read_text().partition("<!-- begin: x4 -->")
    assert "old" in comparison and "### x4 alone, sharp LR" in x4 and "| throats | isr |" in x4


@pytest.mark.slow
@pytest.mark.parametrize("written", [0, 40], ids=["before the line", "in the line"])
def test_a_killed_run_goes_on_to_the_same_bytes(finished, command, tmp_path, written):
    report = tmp_path / "report"
    script = [sys.executable, "-c", KILLED, "6", str(report), str(written), *command(report)]
    ended = subprocess.run(script, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    before = (report / "records.jsonl").read_bytes()
    assert before.count(b"\n") == 5
    first = (report / "pictures" / "0001-original.jpg").stat().st_mtime_ns
    assert main(command(report, "--sweep")) == 0
    assert contents(report) == contents(finished[0])
    assert (report / "pictures" / "0001-original.jpg").stat().st_mtime_ns == first


@pytest.mark.slow
def test_a_finished_one_is_not_computed_again(finished, command, monkeypatch):
    monkeypatch.setattr("trainer.judging.comparing.comparing.measured", None)
    assert main(command(finished[0])) == 0


def refused(argv, capsys):
    capsys.readouterr()
    assert main(argv) != 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("edge-train")]
    return line


@pytest.mark.slow
@pytest.mark.parametrize(
    "more, networks, message",
    [
        pytest.param(["--fogs-each", "2"], ("cyclegan/idm", "miinet/idm"), "fogs_each = 1, not 2", id="setting"),
        pytest.param([], ("cyclegan/idm", "still"), "miinet/idm, hq, not original, idm, still, hq;", id="network"),
        pytest.param(["--niqe", "gone"], ("cyclegan/idm", "miinet/idm"), "gone: not NIQE's model", id="no model"),
    ],
)
def test_a_folder_of_other_settings_is_refused(finished, command, capsys, more, networks, message):
    before = contents(finished[0])
    assert message in refused(command(finished[0], *more, networks=networks), capsys)
    assert contents(finished[0]) == before


def test_a_folder_with_something_else_is_refused_before_anything_is_read(command, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(methods, "read_compared", None)
    (tmp_path / "letter.txt").write_text("dear")
    assert "has no run.json" in refused(command(tmp_path), capsys)
    assert "letter.txt/below: cannot be written" in refused(command(tmp_path / "letter.txt/below"), capsys)


@pytest.mark.slow
def test_a_record_of_another_case_is_refused(finished, command, tmp_path, capsys):
    report = tmp_path / "report"
    report.mkdir()
    (report / "run.json").write_bytes((finished[0] / "run.json").read_bytes())
    lines = (finished[0] / "records.jsonl").read_bytes().splitlines(keepends=True)
    (report / "records.jsonl").write_bytes(lines[0] + lines[2])
    assert "records.jsonl: line 2 is case 1 by miinet/idm, expected 1 by cyclegan/idm" in refused(
        command(report), capsys
    )


def test_pairs_of_two_sizes_are_named_before_anything_is_made(command, place, tmp_path, capsys):
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    for name, height in (("b_hazy", 72), ("b_clear", 80)):
        cv2.imwrite(str(pairs / f"{name}.png"), np.full((height, 128, 3), 90, np.uint8))
    line = refused(command(tmp_path / "report", "--pairs", pairs), capsys)
    assert "b_hazy.png has 128x72 px" in line and "b_clear.png 128x80 px" in line
    assert not (tmp_path / "report").exists()
    (pairs / "b_clear.png").unlink()
    assert "no b_clear beside it" in refused(command(tmp_path / "report", "--pairs", pairs), capsys)


@pytest.mark.slow
def test_a_copy_of_a_training_picture_is_refused(command, place, tissue, tmp_path, capsys):
    """Another size and quality of a held-out picture, on the training side of another manifest."""
    (tmp_path / "set").mkdir()
    copy = cv2.resize(cv2.imread(str(place / "throats" / "2.png")), (240, 135), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / "set" / "copy.jpg"), copy, [cv2.IMWRITE_JPEG_QUALITY, 60])
    prepare = ["prepare", str(tmp_path / "set"), "-o", str(tmp_path / "set.json"), "--hq", "*", "--held-out", "0"]
    assert main(prepare) == 0
    line = refused(command(tmp_path / "report", "--trained-on", tmp_path / "set.json"), capsys)
    assert "2.png is judged and" in line and "copy.jpg" in line

    entries = json.loads((tmp_path / "set.json").read_text())
    for entry in entries["entries"]:
        entry["domain"] = "unsorted"  # nothing is taught by it
    (tmp_path / "set.json").write_text(json.dumps(entries))
    assert main(command(tmp_path / "report", "--trained-on", tmp_path / "set.json")) == 0


@pytest.mark.parametrize(
    "argv, message",
    [
        pytest.param(["--families"], "--families is not for --report", id="both"),
        pytest.param(["--fogs-each", "0"], "--fogs-each 0: expected 1 or more", id="no fog"),
        pytest.param(["--num-pictures", "-1"], "--num-pictures -1: expected 0 or more", id="negative"),
    ],
)
def test_slips_are_one_line(command, tmp_path, capsys, argv, message):
    assert message in refused(command(tmp_path / "report", *argv), capsys)


def test_options_of_the_report_need_it(place, capsys):
    argv = ["evaluate", str(place / "still.safetensors"), "--manifest", str(place / "throats.json"), "--vgg", "x"]
    assert "--vgg is for --report DIR" in refused(argv, capsys)


def test_a_sweep_needs_two_betas_and_networks_that_name_theirs(command, tmp_path, capsys):
    with_student = command(tmp_path / "r", "--sweep", networks=("still", "miinet/idm"))
    assert "still names no idm.beta" in refused(with_student, capsys)
    assert "all have beta 1.5" in refused(command(tmp_path / "r", "--sweep", networks=("miinet/idm",)), capsys)


@pytest.mark.slow
def test_a_checkpoint_of_an_unknown_kind_is_refused(command, place, tmp_path, capsys):
    from safetensors.torch import save_file
    from torch import zeros

    save_file({"a": zeros(1)}, place / "other.safetensors", {"vgg": "{}"})
    line = refused(command(tmp_path / "r", networks=("other",)), capsys)
    assert "other.safetensors: not a product of edge-train" in line


@pytest.mark.slow
def test_what_a_network_learned_from_is_asked_for(finished, command, place, capsys):
    capsys.readouterr()
    assert main(command(finished[0])) == 0
    assert "give it with --trained-on" in capsys.readouterr().err
    assert main(command(finished[0], "--trained-on", place / "throats.json")) == 0
    assert "--trained-on" not in capsys.readouterr().err
