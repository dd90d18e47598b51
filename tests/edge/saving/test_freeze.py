"""The button: freeze and save the moment of the press, back to live, raw and enhanced."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from edge.frames.frame import Frame, FramePair
from edge.health.news import Board, News, NotSaved, Saved, ViewChanged
from edge.health.record import Health
from edge.saving import freeze as freeze_module
from edge.saving.freeze import Freeze
from edge.saving.patient_session import PatientSession
from tests.doubles.studio import Shelf
from tests.doubles.waiting import GUARD_S


class Desk:
    """Where pictures come in, and what was asked to be saved and posted.

    Attributes:
        now_ns: the time for the freezer; it stands still between two pictures, so that none grows old by itself.
    """

    def __init__(self) -> None:
        self.board = Board()
        self.health = Health(self.board)
        self.posted: list[News] = []
        self.shelf = Shelf()
        self.session = PatientSession(self.board, None, 0)
        self.freeze = Freeze(self.health, self.board, self.shelf, session=self.session.now)
        self.board.read(ViewChanged, self.posted.append)
        self.seq, self.now_ns = 0, time.monotonic_ns()

    @property
    def saved(self) -> list[FramePair]:
        return self.shelf.pairs

    def show(self, age_s: float = 0.0) -> FramePair:
        self.seq += 1
        self.now_ns += 1_000_000
        raw = Frame(np.zeros((4, 4, 3), np.uint8), self.seq, self.now_ns - int(age_s * 1e9))
        pair = FramePair(raw, raw.enhanced(raw.image, "live", {}))
        self.health.captured(raw)
        self.freeze.publish(pair)
        self.health.published(pair, self.now_ns)
        return pair

    @property
    def notices(self) -> tuple[str, ...]:
        return self.health.verdict(self.now_ns).notices


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk()
    monkeypatch.setattr(freeze_module, "time", SimpleNamespace(monotonic_ns=lambda: desk.now_ns))
    return desk


def test_a_short_press_freezes_and_saves_the_moment_of_the_press(desk):
    moment = desk.show()
    desk.freeze.press()
    desk.show()  # time goes on while the finger is down
    assert desk.freeze.frozen is None
    desk.freeze.release()
    assert desk.freeze.frozen is moment
    assert desk.saved == [moment]
    assert desk.posted == [ViewChanged(True, "enhanced")]


def test_the_next_press_goes_back_to_live_and_saves_nothing_more(desk):
    desk.show()
    for _ in range(2):
        desk.freeze.press()
        desk.freeze.release()
    assert desk.freeze.frozen is None
    assert len(desk.saved) == 1
    assert desk.posted[-1] == ViewChanged(False, "enhanced")


def test_a_long_press_turns_raw_and_enhanced_about_and_freezes_nothing(desk):
    desk.show()
    for wanted in ("raw", "enhanced"):
        desk.freeze.press()
        desk.freeze.long_press()
        desk.freeze.release()
        assert desk.freeze.view() == ViewChanged(False, wanted)
    assert desk.saved == []


def test_a_release_whose_press_was_lost_does_nothing(desk):
    desk.show()
    desk.freeze.release()
    desk.freeze.long_press()
    assert desk.freeze.view() == ViewChanged(False, "enhanced")
    assert desk.saved == []


def test_without_a_picture_nothing_is_saved_and_the_banner_says_so(desk):
    desk.freeze.press()
    desk.freeze.release()
    assert desk.freeze.frozen is None
    assert desk.notices == ("NOT SAVED: there is no picture yet",)


def test_an_old_picture_is_neither_frozen_nor_saved(desk):
    desk.show(age_s=2)
    desk.freeze.press()
    desk.freeze.release()
    assert desk.freeze.frozen is None
    assert desk.saved == []
    assert desk.notices[0].startswith("NOT SAVED: the picture was not live")


def test_a_failed_save_stays_in_the_banner_until_one_succeeds(desk):
    desk.board.post(NotSaved("/media: No space left on device"))
    assert desk.notices == ("NOT SAVED: /media: No space left on device",)
    desk.board.post(Saved("throat-1-enhanced.png"))
    assert desk.notices == ("saved throat-1-enhanced.png",)
    assert desk.health.verdict(time.monotonic_ns() + 5 * 10**9).notices == ()


def test_the_page_saves_what_is_shown_in_the_same_way_as_the_button(desk):
    live = desk.show()
    assert desk.freeze.save() is live
    desk.freeze.press()
    desk.freeze.release()
    desk.show()
    assert desk.freeze.save() is live, "the held one, not the one that came since"
    assert desk.saved == [live, live, live]


@pytest.mark.parametrize("age_s", [None, 2.0])
def test_the_page_is_told_why_nothing_is_saved(desk, age_s):
    if age_s is not None:
        desk.show(age_s)
    assert desk.freeze.save() is None
    assert desk.saved == []
    assert desk.notices[0].startswith("NOT SAVED: ")


def test_the_strength_is_kept_and_posted(desk):
    assert desk.freeze.strength() == 1.0
    desk.freeze.set_strength(0.3)
    assert desk.freeze.strength() == 0.3
    assert desk.posted == [ViewChanged(False, "enhanced", 0.3)]


def test_of_two_changes_at_once_the_last_news_is_the_view_that_holds(desk, monkeypatch):
    """The first thread has looked at the view and stands still before it tells; meanwhile the second changes it."""
    looked, changed = threading.Event(), threading.Event()
    view = desk.freeze.view

    def slow_view():
        seen = view()
        if threading.current_thread() is first and not looked.is_set():
            looked.set()
            changed.wait(0.5)
        return seen

    monkeypatch.setattr(desk.freeze, "view", slow_view)
    first = threading.Thread(target=desk.freeze.set_strength, args=(0.3,))
    first.start()
    assert looked.wait(GUARD_S)
    desk.freeze.set_strength(0.8)
    changed.set()
    first.join(GUARD_S)
    assert desk.posted[-1] == view() == ViewChanged(False, "enhanced", 0.8)


def of(desk: Desk) -> list[str]:
    return [session["label"] if session else "" for session in desk.shelf.sessions]


@pytest.mark.parametrize("by_button", [True, False])
def test_what_is_held_of_one_patient_is_let_go_of_when_another_ones_session_is_opened(desk, by_button):
    desk.session.open("A")
    desk.show()
    if by_button:
        desk.freeze.press()
        desk.freeze.release()
    else:
        assert desk.freeze.hold() == ""
    desk.session.open("B")
    assert desk.freeze.frozen is None and desk.posted[-1] == ViewChanged(False, "enhanced")
    present = desk.show()
    assert desk.freeze.save() is present
    assert of(desk) == (["A", "B"] if by_button else ["B"])


def test_what_is_held_over_the_end_of_its_session_is_saved_in_it(desk):
    desk.session.open("A")
    held = desk.show()
    desk.freeze.hold()
    desk.session.close()
    assert desk.freeze.frozen is held and desk.freeze.save() is held
    assert of(desk) == ["A"]


def test_a_press_in_one_session_that_is_let_go_in_another_saves_in_the_first_and_holds_nothing(desk):
    desk.session.open("A")
    pressed = desk.show()
    desk.freeze.press()
    desk.session.open("B")
    desk.freeze.release()
    assert desk.freeze.frozen is None and desk.saved == [pressed] and of(desk) == ["A"]


def test_a_held_picture_that_is_made_again_stays_of_its_session(desk):
    desk.session.open("A")
    held = desk.show()
    desk.freeze.hold()
    again = FramePair(held.raw, held.raw.enhanced(held.raw.image, "quality", {}))
    desk.session.close()
    assert desk.freeze.show_instead(again) and desk.freeze.save() is again
    assert of(desk) == ["A"]
