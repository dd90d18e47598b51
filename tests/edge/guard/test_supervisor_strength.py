"""How much of the enhancement is asked for and judged, and what a frame says of it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from edge.frames.frame import Frame
from edge.guard.judge import OutputJudge


def test_the_engine_is_asked_for_as_much_as_is_to_be_shown_and_for_nothing_at_strength_0(stage):
    strengths = [1.0]
    on = stage(strength=lambda: strengths[-1])
    assert on.show(3) == "eee"
    strengths.append(0.4)
    made = on.supervisor.correct_and_enhance(Frame(on._scene, 9, on.now_ns))
    assert (made.mode, made.strength) == ("enhanced", 0.4)
    asked = len(on.started[0].strengths)
    strengths.append(0.0)
    assert on.show(2) == "rr"
    assert on.health.verdict(on.now_ns).frame_fault == "the strength is 0"
    assert len(on.started[0].strengths) == asked
    strengths.append(1.0)
    assert on.show(1) == "e"
    assert on.health.verdict(on.now_ns).frame_fault == ""


def test_a_foreign_picture_is_refused_however_little_of_it_would_be_shown(stage):
    on = stage(strength=lambda: 0.3)
    foreign = np.random.default_rng(1).integers(0, 255, (27, 48, 3), np.uint8)
    on.supervisor._judge = OutputJudge()
    on._scene = cv2.resize(on._scene[:27, :48], (1920, 1080), interpolation=cv2.INTER_CUBIC)
    on.on_frame = lambda rung: cv2.resize(foreign, (1920, 1080), interpolation=cv2.INTER_CUBIC)
    assert on.show(1) == "r"
    assert "its structure is not the camera's" in on.health.verdict(on.now_ns).frame_fault


def test_a_profile_that_corrects_in_its_graph_is_shown_whole_or_not_at_all(stage):
    strengths = [0.4]
    on = stage(strength=lambda: strengths[-1])
    setup = on.supervisor._setup
    corrects = {name: {**one, "calibration": {}} for name, one in setup.manifests.items()}
    on.supervisor._setup = replace(setup, manifests=corrects)
    assert on.show(1) == "e"
    made = on.supervisor.correct_and_enhance(Frame(on._scene, 9, on.now_ns))
    assert (made.strength, on.started[0].strengths[-1]) == (1.0, 1.0)
    refused = "this profile shows all or nothing, not a strength of 40%"
    assert on.health.verdict(on.now_ns).notices == (refused,)
    strengths.append(0.0)
    assert on.show(1) == "r"
    assert on.health.verdict(on.now_ns).notices == ()


def test_at_strength_0_a_unit_corrected_on_the_host_is_still_seen_through_its_correction(stage):
    """Else lens and colours would jump where the slider comes to its end."""
    on = stage(strength=lambda: 0.0)
    assert on.show(1) == "r"
    setup = on.supervisor._setup
    on.supervisor._setup = replace(setup, unit=replace(setup.unit, calibration="unit.calib"))
    assert on.show(1) == "e"
    made = on.supervisor.correct_and_enhance(Frame(on._scene, 9, on.now_ns))
    assert (made.mode, made.strength, on.started[0].strengths[-1]) == ("enhanced", 0.0, 0.0)
    assert on.health.verdict(on.now_ns).frame_fault == ""
    in_graph = {name: {**one, "calibration": {}} for name, one in setup.manifests.items()}
    on.supervisor._setup = replace(on.supervisor._setup, manifests=in_graph)
    assert on.show(1) == "r"


def test_a_frame_says_what_made_it(stage):
    on = stage()
    assert on.show(1) == "e"
    made = on.supervisor.correct_and_enhance(Frame(on._scene, 9, on.now_ns))
    assert made.model == on.health.engine().record()
    assert made.model["sha256"] == on.started[0].order.sha256
