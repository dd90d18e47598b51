"""The output judge: gross faults are found, right answers to hard pictures are not."""

import cv2
import numpy as np
import pytest

from edge.engines.judge import OutputJudge
from edge.sources.demo_render import DemoRenderer


@pytest.fixture(scope="module")
def frames():
    renderer = DemoRenderer(0)
    return [(renderer.degraded(index), renderer.truth(index)) for index in (30, 60)]


FAULTS = {
    "black": (lambda good: np.zeros_like(good), "black"),
    "constant": (lambda good: np.full_like(good, 127), "constant"),
    "noise": (lambda good: np.random.default_rng(0).integers(0, 256, good.shape, np.uint8), "noise"),
    "lower half black": (lambda good: np.concatenate([good[:540], np.zeros_like(good[540:])]), "structure"),
    "upside down": (lambda good: np.ascontiguousarray(good[::-1]), "structure"),
    "negative": (lambda good: 255 - good, "structure"),
    "shifted rows": (lambda good: np.roll(good, 240, 0), "structure"),
    "red and blue swapped": (lambda good: np.ascontiguousarray(good[..., ::-1]), "colours"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_gross_fault_is_found(frames, name):
    raw, good = frames[0]
    make, word = FAULTS[name]
    assert word in OutputJudge().fault(raw, make(good))


def test_the_picture_before_is_found(frames):
    judge = OutputJudge()
    (first, good), (second, _) = frames
    assert judge.fault(first, good) == ""
    assert judge.fault(second, good) == "the same picture as before"
    judge.forget()
    assert judge.fault(first, good) == ""


GOOD = {
    "dehazed": lambda raw, good: (raw, good),
    "still": lambda raw, good: (raw, raw),
    "covered lens": lambda raw, good: (np.zeros_like(raw), np.zeros_like(raw)),
    "overexposed": lambda raw, good: (np.full_like(raw, 255), np.full_like(raw, 255)),
    "fog taken away, gain 4": lambda raw, good: (cv2.addWeighted(good, 0.25, good, 0, 140), good),
    "lens corrected by 30 px": lambda raw, good: (raw, np.roll(good, (20, 30), (0, 1))),
}


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
