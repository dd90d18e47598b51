"""The solver on a unit whose faults are known, at 1% read noise; and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

from calib.session import Session, read_session
from calib.solving.board import Board, BoardFinder
from calib.solving.flat import solve_flat
from calib.solving.lens import directions_of, solve_lens
from calib.solving.light import full_size
from calib.solving.solve import Balance, common_controls, solve, solve_chart
from calib.solving.spots import find_spots
from calib.solving.white import solve_white
from edge.basics.errors import InputOutputError, UsageError
from edge.calibration.calibration import Lens
from edge.calibration.lens import projected
from edge.calibration.targets import charuco_board
from edge.pictures.files import read_picture
from edge.pictures.marks import png_bytes

# The bars are the product's own promises, in docs/results.md.


def test_dark_level_is_the_sensors(solution, bench):
    np.testing.assert_allclose(solution.calibration.dark, bench.truth.dark, atol=3e-4)
    assert solution.dark.noise == pytest.approx(bench.truth.read_noise, rel=0.05)


def test_hot_pixels_are_found_and_nothing_else(solution, bench):
    found = {tuple(place) for place in solution.calibration.hot_px.tolist()}
    planted = {tuple(place) for place in bench.truth.hot_px.tolist()}
    assert len(found & planted) >= 0.95 * len(planted)
    assert len(found - planted) < 1e-5 * 1920 * 1080


def test_fall_off_of_one_to_four_is_corrected_within_one_percent(solution, bench):
    corrected = full_size(solution.calibration.gain) * bench.truth.fall_off()
    corrected /= corrected.mean(axis=(0, 1))
    assert bench.truth.fall_off()[..., 1].min() == pytest.approx(0.25, abs=0.01)
    assert corrected.std(axis=(0, 1)).max() < 0.01
    assert solution.flat.fall_off == pytest.approx(0.25, abs=0.01)
    assert solution.calibration.figures["noise_factor_at_rim"] == pytest.approx(4, abs=0.2)


def test_dust_is_not_in_the_gain_but_in_the_list(solution, bench):
    spots = find_spots(solution.flat.residual, solution.flat.gain)
    for dust in bench.truth.dust:
        nearest = min(spots, key=lambda spot: np.hypot(spot.x_px - dust.x_px, spot.y_px - dust.y_px))
        assert np.hypot(nearest.x_px - dust.x_px, nearest.y_px - dust.y_px) < 3
        assert nearest.kind == ("dirt" if dust.depth > 0 else "droplet")
    assert len(spots) == len(bench.truth.dust)


def test_white_balance_is_within_half_a_percent(solution, bench):
    truth = 1 / bench.truth.cast.sum(axis=1)
    np.testing.assert_allclose(solution.calibration.white, truth / truth.min(), rtol=0.005)


def test_chart_colours_are_right_and_grey_stays_grey(solution):
    deltas = solution.chart.fit.delta_after
    assert deltas.mean() < 1.5 and deltas.max() < 4
    assert solution.chart.fit.delta_before.mean() > 3  # the matrix has something to do
    np.testing.assert_allclose(solution.calibration.matrix.sum(axis=1), 1, atol=1e-5)


def test_focal_length_and_reprojection(solution, bench):
    lens = solution.calibration.lens
    truth = bench.truth.camera
    assert lens.model == "radial"
    np.testing.assert_allclose(lens.focal_px, (truth[0, 0], truth[1, 1]), rtol=0.003)
    np.testing.assert_allclose(lens.centre_px, truth[:2, 2], atol=1)
    assert lens.rms_px < 0.3


@pytest.mark.slow
def test_a_fisheye_is_known_by_the_views_left_out(bench):
    finder = BoardFinder()
    boards = [finder.find(bench.frame("lens", position, lens="fisheye")) for position in range(14)]
    fit = solve_lens([board for board in boards if board is not None])
    assert fit.lens.model == "fisheye"
    assert fit.held_out_px["fisheye"] < 0.5 * fit.held_out_px["radial"]


def test_parts_without_a_session_stay_neutral(sessions):
    calibration = solve([sessions / "dark"]).calibration
    assert calibration.parts == ("dark",)
    assert calibration.lens is None and (calibration.gain == 1).all() and (calibration.white == 1).all()


def test_sessions_of_two_units_are_refused(sessions, bench, write_session, tmp_path):
    other = write_session(tmp_path / "flat", "flat", bench.frames("flat", 3), unit="B-2")
    with pytest.raises(UsageError, match=r"of unit '[AB]-\d', .* of '[AB]-\d'; calibrate each by itself"):
        solve([sessions / "dark", other])


def test_sessions_of_two_camera_modes_are_refused(sessions, bench, write_session, tmp_path):
    other = write_session(tmp_path / "flat", "flat", bench.frames("flat", 3), mode="1920x1080 YUYV")
    with pytest.raises(UsageError, match=r"camera mode"):
        solve([sessions / "dark", other])


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (["flat"], "flat is solved with dark; give a dark session too"),
        (["dark", "white"], "white is solved with flat"),
        (["dark", "flat", "chart"], "chart is solved with white"),
        (["dark", "dark"], "holds dark, as .* does; give one of them"),
    ],
    ids=["flat alone", "white without flat", "chart without white", "twice"],
)
def test_sessions_that_do_not_go_together(sessions, targets, words):
    with pytest.raises(UsageError, match=words):
        solve([sessions / target for target in targets])


def test_an_altered_frame_is_refused(copied):
    folder = copied("dark")
    path = folder / "dark-003.png"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.unlink()
    path.write_bytes(content)
    with pytest.raises(InputOutputError, match=r"dark-003.png: sha256 is \w+…, session.json says"):
        solve([folder])


def test_a_missing_frame_is_refused(copied):
    folder = copied("dark")
    (folder / "dark-001.png").unlink()
    with pytest.raises(InputOutputError, match=r"dark-001.png: cannot be read"):
        solve([folder])


def test_an_unfinished_session_is_refused(copied):
    folder = copied("dark")
    record = json.loads((folder / "session.json").read_text())
    (folder / "session.json").unlink()
    (folder / "session.json").write_text(json.dumps({**record, "wanted": 30}))
    with pytest.raises(InputOutputError, match="holds 6 of 30 frames; run its capture command again"):
        solve([folder])


def test_mixed_resolutions_are_refused(bench, write_session, tmp_path):
    frames = bench.frames("dark", 3)
    frames[2] = np.ascontiguousarray(frames[2][:720, :1280])
    folder = write_session(tmp_path / "dark", "dark", frames)
    with pytest.raises(InputOutputError, match=r"dark-002.png: is 1280x720, the frames before it are 1920x1080"):
        solve([folder])


@pytest.mark.parametrize(
    ("exposure", "words"),
    [
        (3.0, "frame 0 is saturated in .* of its pixels, expected under 0.2%; lower the exposure"),
        (0.1, "frame 0 is too dark: .* of full scale, expected at least 10%; raise the exposure"),
    ],
    ids=["saturated", "dark"],
)
def test_flat_frames_of_a_wrong_exposure_are_refused(solution, bench, exposure, words):
    with pytest.raises(InputOutputError, match=words):
        solve_flat(bench.frames("flat", 3, exposure=exposure), solution.dark)


def test_a_card_in_too_few_positions_is_refused(solution, bench):
    with pytest.raises(InputOutputError, match="2 positions of the card, expected at least 3"):
        solve_flat(bench.frames("flat", 2), solution.dark)


def test_a_chart_is_no_plain_card(solution, bench):
    with pytest.raises(InputOutputError, match=r"the card is not plain: .* of the picture is more than 10% off"):
        solve_flat([bench.frame("lens", 5, exposure=1.2)] * 3, solution.dark)


@pytest.mark.parametrize(
    ("target", "exposure", "words"),
    [
        ("white", 4.0, "is saturated in .*; lower the exposure"),
        ("white", 0.05, "the card shows .* of full scale, expected 5% to 90%"),
        ("chart", 1.0, "the middle of the picture is not one card"),
    ],
    ids=["saturated", "dark", "no card"],
)
def test_grey_cards_that_cannot_be_balanced_are_refused(solution, bench, target, exposure, words):
    with pytest.raises(InputOutputError, match=words):
        solve_white([bench.frame(target, exposure=exposure)], solution.dark, solution.flat)


def test_light_under_the_cap_is_refused(bench, write_session, tmp_path):
    folder = write_session(tmp_path / "dark", "dark", [bench.frame("white")])
    with pytest.raises(InputOutputError, match=r"frame 0 shows .* of full scale, expected under 12%; put the cap on"):
        solve([folder])


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (lambda image: image[::-1, ::-1], "the chart is upside down: turn it"),
        (lambda image: np.roll(image, 560, axis=1), "the chart is partly out of view|patches are seen"),
        (lambda image: np.full_like(image, 120), "no chart with 24 patches is seen"),
    ],
    ids=["upside down", "partly out of view", "no chart"],
)
def test_a_chart_that_cannot_be_read_is_refused(solution, bench, write_session, tmp_path, move, words):
    bad = write_session(tmp_path / "chart", "chart", [np.ascontiguousarray(move(bench.frame("chart")))])
    with pytest.raises(InputOutputError, match=rf"chart-000.png: .*({words})"):
        solve_chart(read_session(bad), Balance(solution.dark, solution.flat, solution.white))


def test_a_saturated_chart_is_refused(solution, bench, write_session, tmp_path):
    bad = write_session(tmp_path / "chart", "chart", [bench.frame("chart", exposure=2.0)])
    with pytest.raises(InputOutputError, match=r"the chart's white is saturated in .*; lower the exposure"):
        solve_chart(read_session(bad), Balance(solution.dark, solution.flat, solution.white))


def boards_of(bench, positions):
    finder = BoardFinder()
    return [board for board in (finder.find(bench.frame("lens", position)) for position in positions) if board]


def test_a_board_seen_from_one_side_only_is_refused(bench):
    truth = bench.truth
    (fx, fy), (cx, cy) = np.diag(truth.camera)[:2], truth.camera[:2, 2]
    lens = Lens("radial", (fx, fy), (cx, cy), tuple(truth.distortion), 0.0)
    board_mm = charuco_board().getChessboardCorners() - np.float32([60, 40, 0])
    rng = np.random.default_rng(0)
    boards = []
    for step in range(12):  # one tilt, in every part of the view
        at_mm = np.array([(step % 4 - 1.5) * 45, (step // 4 - 1) * 32, 150.0])
        seen = projected(lens, directions_of(board_mm, np.array([0.4, 0.3, 0.0]), at_mm))
        seen += rng.normal(0, 0.05, seen.shape)
        boards.append(Board(seen.astype(np.float32), np.arange(len(seen), dtype=np.int32), board_mm))
    with pytest.raises(InputOutputError, match="seen from one side only: its tilts differ by 0 degrees"):
        solve_lens(boards)


def test_too_few_views_and_too_little_of_the_view_are_refused(bench):
    every = boards_of(bench, range(4))
    with pytest.raises(InputOutputError, match="found in 4 pictures, expected at least 8"):
        solve_lens(every)
    with pytest.raises(InputOutputError, match=r"covered \d+% of the view, expected at least 60%"):
        solve_lens([every[0]] * 9)


def test_no_session_there(tmp_path):
    with pytest.raises(InputOutputError, match=r"session.json: cannot be read .* made by edge-calib capture"):
        solve([tmp_path])
    (tmp_path / "session.json").write_text("{}")
    with pytest.raises(InputOutputError, match="not a session of this program"):
        solve([tmp_path])


def test_frames_are_lossless(sessions, bench):
    path: Path = sessions / "white" / "white-000.png"
    np.testing.assert_array_equal(read_picture(path), bench.frame("white"))
    assert path.read_bytes()[:8] == png_bytes(np.zeros((2, 2, 3), np.uint8), "")[:8]


def session_with(**controls):
    return Session(Path("x"), "dark", "", "A-1", "camera:", "1920x1080 MJPG", 1, controls, None, "")


def test_a_calibration_holds_the_settings_that_all_sessions_had_and_none_that_the_camera_made_by_itself(caplog):
    made = {"auto_exposure": 1.0, "exposure": 120.0, "gain": 2.0, "auto_white_balance": 1.0}
    sessions = [session_with(**made, white_balance_kelvin=kelvin) for kelvin in (4600.0, 5200.0)]
    assert common_controls(sessions) == {
        "auto_exposure": 1.0,
        "exposure": 120.0,
        "gain": 2.0,
        "auto_white_balance": 1.0,
    }
    assert not caplog.records
    by_itself = session_with(auto_exposure=3.0, exposure=120.0, sharpness=3.0)
    assert common_controls([by_itself]) == {"auto_exposure": 3.0, "sharpness": 3.0}
    sessions = [session_with(exposure=120.0, sharpness=1.0), session_with(exposure=90.0, sharpness=1.0)]
    assert common_controls(sessions) == {"sharpness": 1.0}
    assert "the sessions differ in exposure" in caplog.text
