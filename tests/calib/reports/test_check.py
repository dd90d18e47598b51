"""`edge-calib check`, `solve` and `show` as a user runs them."""

import re
from datetime import datetime, timezone

import numpy as np
import pytest

from calib.cli import main
from calib.reports.check import check
from calib.reports.report import solution_page
from calib.reports.verdict import verdict
from calib.solving.board import BoardFinder
from edge.basics.errors import UsageError
from edge.calibration.calibration import Calibration
from edge.calibration.file import read_calibration, write_calibration
from edge.pictures.files import read_picture
from edge.sources.demo.unit import unit_truth


@pytest.fixture(scope="module")
def stored(solution, tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "unit.calib"
    write_calibration(path, solution.calibration)
    return path


@pytest.mark.slow
def test_a_unit_as_it_was_passes(stored, bench, write_session, tmp_path, capsys):
    flat = write_session(tmp_path / "flat", "flat", bench.frames("flat", 3))
    chart = write_session(tmp_path / "chart", "chart", [bench.frame("chart", 2)])
    assert main(["check", str(stored), str(flat), str(chart), "--report", str(tmp_path / "check.html")]) == 0
    printed = capsys.readouterr().out
    assert "ok      no new spots on the window" in printed and printed.endswith("pass\n")
    page = (tmp_path / "check.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 3 and 'class="good"' in page and 'class="bad"' not in page


@pytest.mark.slow
def test_new_dust_is_found_where_it_lies(stored, bench, write_session, tmp_path, capsys):
    flat = write_session(tmp_path / "flat", "flat", bench.frames("flat", 2, dust=12))
    result = check(read_calibration(stored), [flat])
    new = unit_truth("A-1", num_dust=12).dust[8:]
    assert len(result.flat.spots) == len(new)
    for dust in new:
        assert min(np.hypot(spot.x_px - dust.x_px, spot.y_px - dust.y_px) for spot in result.flat.spots) < 4
    assert not result.passed
    assert main(["check", str(stored), str(flat)]) == 1
    assert "FAILED  4 new spots on the window: clean it" in capsys.readouterr().out


def test_a_light_that_changed_is_drift(stored, bench, write_session, tmp_path):
    y, x = np.mgrid[-1:1:1080j, -1:1:1920j]
    dimmed = (1 - 0.12 * (x**2 + y**2) / 2)[..., None]
    frames = [np.rint(frame * dimmed).astype(np.uint8) for frame in bench.frames("flat", 3)]
    result = check(read_calibration(stored), [write_session(tmp_path / "flat", "flat", frames)])
    assert result.flat.drift_max > 0.08 and result.flat.drift_rms > 0.02
    assert not result.passed
    assert result.flat.spots == []


def test_colours_that_changed_fail(stored, bench, write_session, tmp_path):
    frame = bench.frame("chart")
    yellowed = np.rint(frame * np.array([1, 1, 0.85])).astype(np.uint8)
    result = check(read_calibration(stored), [write_session(tmp_path / "chart", "chart", [yellowed])])
    assert result.chart.fit.delta_after.mean() > 3 and not result.passed


def test_sessions_that_do_not_belong_are_refused(stored, sessions, bench, write_session, tmp_path):
    calibration = read_calibration(stored)
    other = write_session(tmp_path / "flat", "flat", bench.frames("flat", 1), unit="B-2")
    with pytest.raises(UsageError, match="is of unit 'B-2', the calibration of 'A-1'"):
        check(calibration, [other])
    with pytest.raises(UsageError, match="holds dark; a check takes flat and chart sessions"):
        check(calibration, [sessions / "dark"])


def test_show_prints_what_it_holds(stored, capsys):
    assert main(["show", str(stored)]) == 0
    printed = capsys.readouterr().out
    for words in ("unit                     A-1", "dark, flat, white, chart, lens", "radial, focal length", "days ago"):
        assert words in printed


def test_show_of_a_damaged_file_is_one_line(stored, tmp_path, capsys):
    damaged = tmp_path / "unit.calib"
    damaged.write_bytes(stored.read_bytes()[:-1] + b"x")
    assert main(["show", str(damaged)]) == 78
    (line,) = capsys.readouterr().err.splitlines()
    assert "sha256 is" in line and "make it again with edge-calib solve" in line


@pytest.mark.slow
def test_solve_writes_file_and_report_and_overwrites_nothing(sessions, tmp_path, capsys):
    output = tmp_path / "unit.calib"
    arguments = ["solve", str(sessions / "dark"), str(sessions / "lens"), "-o", str(output)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "not captured, so left as it is: flat, white, chart" in printed
    assert re.search(r"^unit \S+: good: lens off by 0\.\d\d px \(at most 1\.00 px\)$", printed, re.MULTILINE)
    assert "read noise" not in printed
    assert read_calibration(output).parts == ("dark", "lens")
    page = output.with_suffix(".html").read_text()
    assert "<h2>Dark frames</h2>" in page and "<h2>Lens</h2>" in page and "<h2>Colour chart</h2>" not in page
    content = output.read_bytes()
    assert main(arguments) == 2
    assert "exists; replace it with --force" in capsys.readouterr().err
    assert output.read_bytes() == content


def test_solve_says_every_figure_with_its_unit_when_asked(sessions, tmp_path, capsys):
    words = ["solve", str(sessions / "dark"), "-o", str(tmp_path / "unit.calib"), "--verbose"]
    assert main(words) == 0
    assert re.search(r"^read noise +0\.\d+ of full scale$", capsys.readouterr().out, re.MULTILINE)


def test_solve_refuses_an_output_without_a_folder_before_it_reads_a_session(tmp_path, capsys):
    assert main(["solve", str(tmp_path / "absent"), "-o", str(tmp_path / "no" / "unit.calib")]) == 2
    assert f"there is no folder {tmp_path / 'no'}; make it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("mean", "is_good", "shown"),
    [
        (2.9, True, "good: colours off on average by CIEDE2000 2.9 (at most 3.0)"),
        (
            3.4,
            False,
            "NOT GOOD, capture again what is over its limit: colours off on average by CIEDE2000 3.4",
        ),
    ],
)
def test_the_verdict_names_the_limits(mean, is_good, shown):
    figures = {"chart_ciede2000_mean": mean, "read_noise": 0.01}
    now = datetime.now(timezone.utc)
    found = verdict(Calibration("A-1", "1920x1080 demo", now, "test", ("chart",), figures=figures))
    assert found[0] == is_good and found[1].startswith(f"unit A-1: {shown}")


def test_the_report_shows_every_part(solution):
    page = solution_page(solution)
    for words in ("Dark frames", "Flat field", "White balance", "Colour chart", "Lens", "bluish green", "droplet at"):
        assert words in page
    assert page.count("data:image/jpeg;base64,") >= 9 and "<svg" in page


def test_a_failed_solve_leaves_nothing(sessions, tmp_path, capsys):
    output = tmp_path / "unit.calib"
    assert main(["solve", str(sessions / "flat"), "-o", str(output)]) == 2
    assert list(tmp_path.iterdir()) == []


def test_the_board_can_be_printed(tmp_path, bench):
    assert main(["board", "-o", str(tmp_path / "board.png")]) == 0
    board = read_picture(tmp_path / "board.png")
    assert board.shape == (1000, 1400, 3)
    assert len(BoardFinder().find(board).ids) == 77
