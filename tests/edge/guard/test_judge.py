"""The output judge: gross faults are found, right answers to hard pictures are not."""

import math

import cv2
import numpy as np
import pytest

from benchmarks.judge.units import calibration_of, unit_frames
from edge.calibration.blocks import BlockCorrection, block_correction
from edge.calibration.file import write_calibration
from edge.guard.judge import OutputJudge
from edge.sources.demo.render import DemoRenderer
from edge.sources.demo.unit import unit_truth

NOISE = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), np.uint8)
REPEATED = "the same picture as before"


@pytest.fixture(scope="module")
def frames():
    renderer = DemoRenderer(0)
    return [(renderer.degraded(index), renderer.truth(index)) for index in (30, 60)]


@pytest.fixture(scope="module")
def other_scene():
    return DemoRenderer(5, spread=2).truth(0)


@pytest.fixture(scope="module")
def unit():
    """A fisheye unit's calibration, its frame, and the same corrected."""
    frame, seen = next(unit_frames("C-3", "fisheye", 2))
    return calibration_of(unit_truth("C-3", lens="fisheye")), frame, seen


def with_holes(good):
    holed = good.copy()
    for row, column in ((100, 200), (500, 900), (700, 1500), (200, 1400)):
        holed[row : row + 240, column : column + 280] = 0
    return holed


FAULTS = {
    "black": (lambda good: np.zeros_like(good), "black"),
    "nearly black": (lambda good: good // 32, "black"),
    "constant": (lambda good: np.full_like(good, 127), "constant"),
    "noise": (lambda good: NOISE, "noise"),
    "noise laid over": (lambda good: cv2.addWeighted(good, 0.4, NOISE, 0.6, 0), "noise"),
    "lower half black": (lambda good: np.concatenate([good[:540], np.zeros_like(good[540:])]), "places"),
    "holes of NaN": (with_holes, "places"),
    "upside down": (lambda good: np.ascontiguousarray(good[::-1]), "structure"),
    "shifted rows": (lambda good: np.roll(good, 240, 0), "structure"),
    "planar": (lambda good: np.ascontiguousarray(good.transpose(2, 0, 1)).reshape(good.shape), "structure"),
    "red and blue exchanged": (lambda good: np.ascontiguousarray(good[..., ::-1]), "colours"),
    "grey": (lambda good: np.repeat(good[..., 1:2], 3, axis=2), "colours"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_gross_fault_is_found(frames, name):
    raw, good = frames[0]
    make, word = FAULTS[name]
    assert word in OutputJudge().fault(raw, make(good))


@pytest.mark.slow
def test_another_scene_is_found_in_whole_and_in_half(frames, other_scene):
    raw, good = frames[0]
    assert "structure" in OutputJudge().fault(raw, other_scene)
    assert "structure" in OutputJudge().fault(raw, np.concatenate([good[:540], other_scene[540:]]))


def test_a_scene_under_fog_that_hides_everything_is_found(other_scene):
    blank = np.full_like(other_scene, 190)
    assert OutputJudge().fault(blank, other_scene) == "it shows what the camera does not"


def test_the_picture_before_is_found(frames):
    judge = OutputJudge()
    (first, good), (second, _) = frames
    assert judge.fault(first, good) == ""
    assert judge.fault(second, good) == REPEATED
    judge.forget()
    assert judge.fault(first, good) == ""


@pytest.mark.parametrize("rows", [slice(0, 1080), slice(540, 1080)], ids=["whole", "lower half"])
def test_an_engine_that_stands_still_is_found_once_the_scene_has_drifted_away(frames, rows):
    raw, good = frames[0]
    judge, said = OutputJudge(), []
    for step in range(8):
        drifted, answer = np.clip(raw.astype(np.int16) + step, 0, 255), np.clip(good.astype(np.int16) + step, 0, 255)
        answer[rows] = good[rows]
        said.append(judge.fault(drifted.astype(np.uint8), answer.astype(np.uint8)))
    assert said[:3] == [""] * 3
    assert said[4:] == [REPEATED] * 4


def test_a_scene_that_stands_still_is_let_pass(frames):
    judge = OutputJudge()
    raw, good = frames[0]
    for step in range(8):
        assert judge.fault(cv2.add(raw, (step % 2, 0, 0, 0)), good) == ""


GOOD = {
    "dehazed": lambda raw, good: (raw, good),
    "as it is": lambda raw, good: (raw, raw),
    "covered lens": lambda raw, good: (np.zeros_like(raw), np.zeros_like(raw)),
    "overexposed": lambda raw, good: (np.full_like(raw, 255), np.full_like(raw, 255)),
    "fog taken away, gain 4": lambda raw, good: (cv2.addWeighted(good, 0.25, good, 0, 140), good),
    "edge of fog taken away": lambda raw, good: (fog_around(good), good),
    "moved by 20 px": lambda raw, good: (raw, np.roll(good, (20, 20), (0, 1))),
}


def fog_around(good):
    """A film that has cleared in the middle: its edge is the strongest thing in the raw picture."""
    y, x = np.mgrid[:1080, :1920].astype(np.float32)
    film = 0.95 * np.clip((np.hypot(x - 960, y - 540) - 250) / 350, 0, 1)[..., None]
    film = film * film * (3 - 2 * film)
    return (good * (1 - film) + 210 * film).astype(np.uint8)


@pytest.mark.parametrize("name", GOOD)
def test_a_right_answer_is_let_pass(frames, name):
    raw, enhanced = GOOD[name](*frames[0])
    judge = OutputJudge()
    assert [judge.fault(raw, enhanced) for _ in range(3)] == [""] * 3


def test_a_scene_that_changes_at_once_is_let_pass(frames):
    judge = OutputJudge()
    raw, good = frames[0]
    for pair in ((raw, good), (np.zeros_like(raw), np.zeros_like(good)), (raw[:, ::-1], good[:, ::-1])):
        assert judge.fault(*pair) == ""


@pytest.mark.slow
def test_a_calibrated_unit_is_compared_through_its_lens(unit):
    calibration, frame, seen = unit
    judge = OutputJudge()
    assert "structure" in judge.fault(frame, seen)
    judge.look_through(BlockCorrection(calibration))
    assert judge.fault(frame, seen) == ""
    assert judge.measure(frame, seen).likeness > 0.55
    assert "structure" in judge.fault(frame, np.roll(seen, 240, 0))
    judge.look_through(None, is_known=False)
    assert judge.fault(frame, seen) == ""
    assert math.isnan(judge.measure(frame, seen).likeness)
    assert judge.fault(frame, np.zeros_like(seen)) == "black"


def test_what_a_unit_does_to_its_picture_comes_from_its_calibration(unit, tmp_path):
    calibration, frame, seen = unit
    path = tmp_path / "unit.calib"
    assert block_correction("", "", {}) == (None, True)
    assert block_correction(str(path), "gone", {}) == (None, False)
    write_calibration(path, calibration)
    correction, is_known = block_correction(str(path), "a", {})
    assert is_known
    small = cv2.resize(frame, (48, 27), interpolation=cv2.INTER_AREA)
    wanted = cv2.resize(seen, (48, 27), interpolation=cv2.INTER_AREA)
    assert np.abs(correction.apply(small).astype(int) - wanted).mean() < 5
    assert np.abs(small.astype(int) - wanted).mean() > 15
    assert block_correction(str(path), "a", {"calibration": {"unit": "C-3"}}) == (None, False)


@pytest.mark.slow
@pytest.mark.parametrize("num_back", [1, 2, 3])
def test_an_older_answer_is_found_though_only_noise_moved(frames, num_back):
    raw, good = frames[0]
    rng = np.random.default_rng(1)
    judge, answers = OutputJudge(), []
    for _ in range(4):
        noise = rng.normal(0, 1.5, raw.shape)
        noisy, answer = (np.clip(image + noise, 0, 255).astype(np.uint8) for image in (raw, good))
        assert judge.fault(noisy, answer) == ""
        answers.append(answer)
    another = np.clip(raw + rng.normal(0, 1.5, raw.shape), 0, 255).astype(np.uint8)
    assert judge.fault(another, answers[-num_back]) == REPEATED


def test_the_same_picture_again_has_the_same_answer(frames):
    raw, good = frames[0]
    judge = OutputJudge()
    assert [judge.fault(raw, good) for _ in range(6)] == [""] * 6
    judge.forget()
    assert judge.fault(frames[1][0], frames[1][1]) == ""


def test_a_white_answer_to_a_noisy_white_picture_is_let_pass():
    rng = np.random.default_rng(2)
    judge = OutputJudge()
    for _ in range(3):
        raw = np.clip(rng.normal(250, 4, (1080, 1920, 3)), 0, 255).astype(np.uint8)
        assert judge.fault(raw, np.full_like(raw, 255)) == ""
