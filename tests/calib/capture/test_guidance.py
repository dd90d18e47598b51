"""The guidance: what is right is taken, what is wrong is said in words."""

import re

import cv2
import numpy as np
import pytest

from calib.capture.guidance import ChartJudge, DarkJudge, FlatJudge, LensJudge, ScenesJudge, WhiteJudge
from calib.capture.look import look_at

JUDGES = {
    "dark": DarkJudge,
    "flat": FlatJudge,
    "white": WhiteJudge,
    "chart": ChartJudge,
    "lens": lambda: LensJudge(16),
    "scenes": ScenesJudge,
}


@pytest.mark.parametrize("target", JUDGES)
def test_a_good_frame_held_still_is_ready(bench, target):
    look = look_at(bench.frame(target))
    advice = JUDGES[target]().judge(look, look)
    assert advice.ready, advice.words
    assert advice.words == ""


@pytest.mark.parametrize(
    ("judge", "target", "exposure", "words"),
    [
        ("dark", "flat", 1.0, "Light comes in: .* Put the cap on."),
        ("flat", "flat", 3.0, "Saturated: .* Lower the exposure"),
        ("flat", "flat", 0.2, r"Too dark: the brightest part at \d+% of full scale, aim for 20% to 90%"),
        ("flat", "lens", 1.3, "The card does not fill the view, or is not plain"),
        ("white", "chart", 1.0, "Fill the middle of the picture with the grey card alone"),
        ("chart", "white", 1.0, "No chart with 24 patches is seen|Only .* patches are seen"),
        ("chart", "chart", 0.05, "Too dark"),
        ("lens", "flat", 1.0, "The board is not seen"),
        ("scenes", "dark", 1.0, "Too dark"),
    ],
    ids=["no cap", "saturated", "dark", "no card", "no grey card", "no chart", "dark chart", "no board", "nothing"],
)
def test_what_is_wrong_is_said(bench, judge, target, exposure, words):
    look = look_at(bench.frame(target, exposure=exposure))
    advice = JUDGES[judge]().judge(look, look)
    assert not advice.ready
    assert re.search(words, advice.words), advice.words


@pytest.mark.parametrize("target", ["flat", "white", "chart", "lens"])
def test_a_target_that_moves_is_not_taken(bench, target):
    advice = JUDGES[target]().judge(look_at(bench.frame(target, 1)), look_at(bench.frame(target, 0)))
    assert not advice.ready
    assert [check.name for check in advice.checks if not check.ok] == ["motion"]
    assert advice.words == "Hold still."


def test_the_chart_upside_down_is_said(bench):
    look = look_at(np.ascontiguousarray(bench.frame("chart")[::-1, ::-1]))
    assert ChartJudge().judge(look, look).words.startswith("The chart is upside down: turn it")


def test_a_blurred_chart_is_out_of_focus(bench):
    look = look_at(cv2.GaussianBlur(bench.frame("chart"), (0, 0), 5))
    advice = ChartJudge().judge(look, look)
    assert "sharpness" in [check.name for check in advice.checks if not check.ok] or not advice.ready
    assert look.sharpness() < 1.5 < look_at(bench.frame("chart")).sharpness()


def test_the_card_must_be_moved_between_two_frames(bench):
    judge, look = FlatJudge(), look_at(bench.frame("flat"))
    judge.taken(look, judge.judge(look, look))
    assert judge.judge(look, look).words == "Move or turn the card a little, then hold it still."
    moved = look_at(bench.frame("flat", 1))
    assert judge.judge(moved, moved).ready


def test_the_board_is_taken_once_a_pose_and_led_to_where_it_was_not(bench):
    judge = LensJudge(6)
    for position in (0, 4, 8):  # the left of the view
        look = look_at(bench.frame("lens", position))
        advice = judge.judge(look, look)
        assert advice.ready, advice.words
        judge.taken(look, advice)
    assert judge.judge(look, look).words.startswith("Taken. Move the board to another place")
    look = look_at(bench.frame("lens", 12))
    assert judge.judge(look, look).words.startswith(("Bring the board to the", "Taken."))
    right = look_at(bench.frame("lens", 3))
    advice = judge.judge(right, right)
    assert advice.ready, advice.words
    assert np.mean(advice.covered) < 0.5 and len(advice.points) > 40


def test_no_two_scenes_are_alike(bench):
    judge, look = ScenesJudge(), look_at(bench.frame("scenes"))
    judge.taken(look, judge.judge(look, look))
    again = judge.judge(look, look)
    assert again.words.startswith("Much like one that is taken")
    other = look_at(bench.frame("scenes", 1))
    assert judge.judge(other, other).ready
    resumed = ScenesJudge([int(again.about["phash"], 16)])
    assert not resumed.judge(look, look).ready
