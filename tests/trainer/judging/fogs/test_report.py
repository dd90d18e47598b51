"""The tables say who was taught what, and what each gained on the rest."""

import cv2
import numpy as np
import pytest

from trainer.data.fogs.catalogue import FAMILIES, TAUGHT
from trainer.judging.fogs import report
from trainer.judging.fogs.gains import Gain
from trainer.judging.held_out import HeldOut
from trainer.judging.judged import Judged

NOTHING = Gain(20.0, 0.0, 0.0, 0.9, 0.1, 3.0, 0.0, 0.0)


def gain(psnr, **changes):
    return Gain(**{**{f: getattr(NOTHING, f) for f in NOTHING.__dataclass_fields__}, "psnr": psnr, **changes})


@pytest.mark.parametrize(("num", "levels"), [(0, [0, 10, 20, 30, 40]), (2, [0, 20]), (9, [0, 10, 20, 30, 40])], ids=str)
def test_pictures_are_taken_evenly_and_only_of_the_kinds_that_there_are(tmp_path, num, levels):
    for level in range(5):
        cv2.imwrite(str(tmp_path / f"{level}.png"), np.full((54, 96, 3), 10 * level, np.uint8))
    found = report.at_network_sizes(HeldOut({"larynx": sorted(tmp_path.iterdir())}), num)
    assert list(found) == ["larynx"]
    assert [int(picture.mean()) for picture in found["larynx"]] == levels
    assert {picture.shape for picture in found["larynx"]} == {(270, 480, 3)}


@pytest.fixture
def scores():
    """`live` gains 1 dB on what it was taught and 4 and 6 on what it was not; `other` 2 everywhere."""
    on = dict.fromkeys(TAUGHT, 1.0) | {"dew": 4.0, "drifting_smoke": 6.0}
    return {f: {"live": [gain(on[f], worse=0.25)], "other": [gain(2.0)]} for f in FAMILIES}


def row(text, start):
    return next(line for line in text.splitlines() if line.startswith(f"| {start} |")).split("|")


def test_the_headline_counts_only_what_a_network_was_not_taught(scores):
    text = report.headline_table(scores, ["live", "other"], {"live": frozenset(TAUGHT), "other": frozenset()})
    live, other = row(text, "live"), row(text, "other")
    assert live[2].strip() == "dew, drifting_smoke" and other[2].strip() == "all"
    assert live[3].strip() == "+5.00" and other[3].strip() == "+2.00"
    assert live[4].strip() == "+4.00 (dew)" and live[7].strip() == "25.0%"


def test_leaving_one_out_takes_the_network_that_lacks_that_one_alone(scores):
    scores = {f: {**by, "live-no-airlight": [gain(3.0)]} for f, by in scores.items()}
    taught = {"live": frozenset(TAUGHT), "live-no-airlight": frozenset(TAUGHT) - {"airlight"}, "other": frozenset()}
    text = report.leave_one_out_table(scores, taught)
    assert row(text, "airlight")[2:4] == [" live-no-airlight ", " +3.00 "]
    assert row(text, "dew")[2:4] == [" live ", " +4.00 "]
    assert row(text, "wiped_streaks")[2].strip() == "none lacks it"
    assert row(text, "mean")[3].strip() == "+4.33" and row(text, "worst")[3].strip() == "+3.00"


def test_families_are_marked_taught_or_not_or_test_only(scores):
    text = report.families_table(scores, ["live", "other"], {"live": frozenset(TAUGHT)}, {})
    marks = {tuple(c.strip() for c in line.split("|")[1:4]) for line in text.splitlines()[2:]}
    assert {("airlight", "live", "yes"), ("airlight", "other", "no"), ("dew", "live", "test only")} <= marks


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pans_motion_is_true_and_its_fog_stays_on_the_window(family, tissue):
    frames, motions = report.foggy_pan(tissue(90, 160, 3), family)
    assert len(frames) == len(motions) + 1 == report.VIDEO_FRAMES
    still = [np.zeros_like(motion) for motion in motions]
    assert report.relative_flicker(frames, motions) < report.relative_flicker(frames, still)


def test_doing_nothing_flickers_as_its_input_and_frames_blown_up_in_turn_more(tissue):
    turn = iter(range(1000))
    methods = {"input": lambda lq: lq, "pumping": lambda lq: (lq * (0.7 if next(turn) % 2 else 1.0)).astype(np.uint8)}
    found = report.flickers(tissue(90, 160, 3), methods)
    assert set(found) == set(FAMILIES)
    assert all(of["input"] == 1 and of["pumping"] > 1.5 for of in found.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kinds", "num_tables"), [pytest.param(("throats", "larynx"), 9, id="both"), pytest.param(("larynx",), 6, id="one")]
)
def test_every_table_is_there_for_a_network_that_does_nothing(kinds, num_tables, tissue, monkeypatch):
    pictures = {kind: [tissue(90, 160, 1)] for kind in kinds}
    monkeypatch.setattr(report, "at_network_sizes", lambda held_out, num: pictures)
    judged = Judged(dehazers={"nothing": lambda lq: lq}, taught={"nothing": frozenset(TAUGHT)})
    text = report.judge_fogs(judged, report.FogTask(HeldOut()))
    assert text.count("### ") == num_tables
    for line in text.splitlines():
        if line.startswith("| nothing | dew"):
            assert line.split("|")[3].strip() == "+0.00" and line.split("|")[7].strip() == "0.0%"
    assert "| nothing | dew" in text and f"### Fogs with one thing plain, {kinds[0]}" in text
