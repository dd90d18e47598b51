"""The button: freeze and save the moment of the press, back to live, raw and enhanced."""

from __future__ import annotations

import time

import numpy as np
import pytest

from edge.frames.frame import Frame, FramePair
from edge.health.record import Health
from edge.saving.freeze import Control


class Desk:
    """A control with pictures coming in, and what it asked to be saved and told."""

    def __init__(self) -> None:
        self.health = Health()
        self.saved: list[FramePair] = []
        self.told: list[tuple[str, dict]] = []
        self.control = Control(self.health, self.saved.append)
        self.control.listen(lambda kind, data: self.told.append((kind, data)))
        self.seq = 0

    def show(self, age_s: float = 0.0) -> FramePair:
        self.seq += 1
        raw = Frame(np.zeros((4, 4, 3), np.uint8), self.seq, time.monotonic_ns() - int(age_s * 1e9))
        pair = FramePair(raw, raw.enhanced(raw.image, "live", {}))
        self.health.captured(raw)
        self.control.publish(pair)
        self.health.published(pair, time.monotonic_ns())
        return pair

    @property
    def notices(self) -> tuple[str, ...]:
        return self.health.verdict(time.monotonic_ns()).notices


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_short_press_freezes_and_saves_the_moment_of_the_press(desk):
    moment = desk.show()
    desk.control.press()
    desk.show()  # time goes on while the finger is down
    assert desk.control.frozen is None
    desk.control.release()
    assert desk.control.frozen is moment
    assert desk.saved == [moment]
    assert desk.told == [("state", {"frozen": True, "view": "enhanced"})]


def test_the_next_press_goes_back_to_live_and_saves_nothing_more(desk):
    desk.show()
    for _ in range(2):
        desk.control.press()
        desk.control.release()
    assert desk.control.frozen is None
    assert len(desk.saved) == 1
    assert desk.told[-1] == ("state", {"frozen": False, "view": "enhanced"})


def test_a_long_press_turns_raw_and_enhanced_about_and_freezes_nothing(desk):
    desk.show()
    for wanted in ("raw", "enhanced"):
        desk.control.press()
        desk.control.long_press()
        desk.control.release()
        assert desk.control.state() == {"frozen": False, "view": wanted}
    assert desk.saved == []


def test_a_release_whose_press_was_lost_does_nothing(desk):
    desk.show()
    desk.control.release()
    desk.control.long_press()
    assert desk.control.state() == {"frozen": False, "view": "enhanced"}
    assert desk.saved == []


def test_without_a_picture_nothing_is_saved_and_the_banner_says_so(desk):
    desk.control.press()
    desk.control.release()
    assert desk.control.frozen is None
    assert desk.notices == ("NOT SAVED: there is no picture yet",)


def test_an_old_picture_is_neither_frozen_nor_saved(desk):
    desk.show(age_s=2)
    desk.control.press()
    desk.control.release()
    assert desk.control.frozen is None
    assert desk.saved == []
    assert desk.notices[0].startswith("NOT SAVED: the picture was not live")


def test_a_failed_save_stays_in_the_banner_until_one_succeeds(desk):
    desk.control.not_saved("/media: No space left on device")
    assert desk.notices == ("NOT SAVED: /media: No space left on device",)
    desk.control.saved("throat-1-enhanced.png")
    assert desk.notices == ("saved throat-1-enhanced.png",)
    assert desk.health.verdict(time.monotonic_ns() + 5 * 10**9).notices == ()
    assert [kind for kind, _ in desk.told] == ["not-saved", "saved"]
