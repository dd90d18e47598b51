"""A held picture made again by a profile for stills, by a real engine's process."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from edge.basics.errors import EngineFailed, NotNow, UsageError
from edge.config import Config, EngineConfig
from edge.engines.golden import golden_frame
from edge.frames.frame import Frame, FramePair
from edge.guard import process as engine_process
from edge.health.news import Board, ReferenceChanged
from edge.health.record import Health
from edge.models.offered import Offered
from edge.saving.freeze import Freeze
from edge.saving.saver import PairSaver
from edge.stills.references import References
from edge.web.banner import stamp
from edge.web.views import status_of
from tests.doubles.scripted_worker import ORDERS, SCRIPTED
from tests.doubles.still_profiles import still_profile
from tests.doubles.waiting import GUARD_S
from tests.paths import REPOSITORY


class Room:
    """A unit with two profiles for stills, and a picture that can be held."""

    def __init__(self, tmp_path: Path) -> None:
        models = tmp_path / "models"
        still_profile(models, "miinet")
        still_profile(models, "miinet-guided", "guided")
        self.config = dataclasses.replace(Config(), engine=EngineConfig(models=str(models), keys="", backend="cpu"))
        self.board = Board()
        self.health = Health(self.board)
        self.saver = PairSaver(tmp_path / "saved", self.health, self.board)
        self.freeze = Freeze(self.health, self.board, self.saver)
        self.told: list[ReferenceChanged] = []
        self.news = threading.Condition()
        self.board.read(ReferenceChanged, self._hear)
        self.installed = Offered(self.config.engine.models, "")
        self.installed.look()
        self.references = References(self.config, self.freeze, self.board, self.installed.now)
        self.seq = 0

    def _hear(self, news: ReferenceChanged) -> None:
        with self.news:
            self.told.append(news)
            self.news.notify()

    def open(self) -> Room:
        self.references.start()
        return self

    def hold(self, first_pixel: int | None = None) -> FramePair:
        """A picture of this moment; on a busy machine the press may come too late for it to count as live."""
        held: list[FramePair] = []

        def is_held() -> bool:
            held.append(self._pressed_at(first_pixel))
            return self.freeze.frozen is held[-1]

        waited(is_held)
        return held[-1]

    def _pressed_at(self, first_pixel: int | None) -> FramePair:
        self.seq += 1
        image = golden_frame().copy()
        if first_pixel is not None:
            image[0, 0, 0] = first_pixel
        raw = Frame(image, self.seq, time.monotonic_ns())
        pair = FramePair(raw, raw.enhanced(raw.image, "live", {}))
        self.health.captured(raw)
        self.freeze.publish(pair)
        self.health.published(pair, time.monotonic_ns())
        self.freeze.press()
        self.freeze.release()
        return pair

    def state_of(self, profile: str, ended: tuple[str, ...] = ("made", "failed", "given up")) -> str:
        def last() -> str:
            states = [news.state for news in self.told if news.profile == profile]
            return states[-1] if states else ""

        with self.news:
            assert self.news.wait_for(lambda: last() in ended, GUARD_S)
            return last()


def waited(condition: Callable[[], object]) -> None:
    end = time.monotonic() + GUARD_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    room.references.close()
    room.saver.close()


@pytest.fixture
def scripted(room: Room, monkeypatch: pytest.MonkeyPatch) -> Room:
    """The engine does what the first pixel of a picture tells it."""
    monkeypatch.setattr(engine_process, "WORKER_COMMAND", [sys.executable, str(SCRIPTED)])
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    return room.open()


def test_profiles_for_stills_are_offered_and_no_others(room):
    assert room.references.offered() == ("cyclegan", "miinet", "miinet-guided")
    told = {one["name"]: one["synthesised"] for one in room.references.record()["profiles"]}
    assert told == {"cyclegan": True, "miinet": True, "miinet-guided": False}


@pytest.mark.slow
def test_a_held_picture_is_made_and_shown_in_its_place(room):
    room.open()
    held = room.hold()
    room.references.begin("miinet")
    with pytest.raises(NotNow, match="a picture by miinet is being made"):
        room.references.begin("miinet-guided")
    assert room.state_of("miinet") == "made"
    assert room.references.record()["done"] == [{"profile": "miinet", "seq": held.raw.seq, "synthesised": True}]
    assert room.freeze.frozen is held  # until somebody wants to see it
    room.references.show("miinet")
    shown = room.freeze.frozen
    assert shown.raw is held.raw
    assert shown.enhanced.profile == room.references.record()["shown"] == "miinet"
    assert np.any(shown.enhanced.image != held.raw.image)
    room.references.show("")
    assert room.freeze.frozen is held


@pytest.mark.slow
def test_synthesised_detail_is_said_in_the_pixels_and_guided_is_not(room):
    room.open()
    room.hold()
    verdict = room.health.verdict(time.monotonic_ns(), room.freeze.frozen.raw.t_capture_ns, frozen=True)
    for profile, is_synthesised in (("miinet", True), ("miinet-guided", False)):
        room.references.begin(profile)
        assert room.state_of(profile) == "made"
        status = status_of(room.references.made(profile).enhanced, verdict)
        assert status.is_synthesised is is_synthesised
        bare = dataclasses.replace(status, is_synthesised=False)
        picture = golden_frame()
        assert np.any(stamp(picture, status) != stamp(picture, bare)) == is_synthesised


def test_what_is_saved_of_it_says_by_what_it_was_made(room, tmp_path):
    room.saver.start()
    room.open()
    room.hold()
    room.references.begin("miinet")
    assert room.state_of("miinet") == "made"
    room.references.show("miinet")
    room.freeze.save()
    room.saver.close()
    newest = max((tmp_path / "saved").glob("*-2-enhanced.png"))
    model = json.loads(Path(f"{newest}.json").read_text())["model"]
    assert (model["profile"], model["detail"]) == ("miinet", "synthesised")
    assert b"profile=miinet" in newest.read_bytes()[:400]
    assert b"detail=synthesised" in newest.read_bytes()[:400]


def test_all_is_let_go_of_when_the_picture_is_held_no_more(room):
    room.open()
    room.hold()
    room.references.begin("miinet")
    assert room.state_of("miinet") == "made"
    room.freeze.go_live()
    assert room.references.record()["done"] == []
    with pytest.raises(NotNow, match="no picture is held"):
        room.references.made("miinet")
    with pytest.raises(NotNow, match="no picture is held"):
        room.references.begin("miinet")
    room.hold()
    with pytest.raises(NotNow, match="ask for it first"):
        room.references.made("miinet")


def engine_processes() -> list[psutil.Process]:
    found = []
    for one in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            found += [one] if str(SCRIPTED) in " ".join(one.cmdline()) else []
    return found


@pytest.mark.parametrize("how", ["cancelled", "held no more", "closed"])
def test_what_is_not_wanted_any_more_is_given_up_at_once(scripted, how):
    scripted.hold(ORDERS["hang"])
    scripted.references.begin("miinet")
    waited(lambda: scripted.references.record()["running"]["done"])
    waited(engine_processes)
    time.sleep(0.3)  # well into the picture; what is given up while it opens is the same to whoever asked
    {"cancelled": scripted.references.cancel, "held no more": scripted.freeze.go_live}.get(
        how, scripted.references.close
    )()
    assert scripted.state_of("miinet") == "given up"
    waited(lambda: not engine_processes())
    assert scripted.references.record()["running"] is None


def test_an_engine_that_fails_is_told_and_another_can_be_asked_for(scripted):
    scripted.hold(ORDERS["fail"])
    scripted.references.begin("miinet")
    assert scripted.state_of("miinet") == "failed"
    assert scripted.references.record()["failed"] == [{"profile": "miinet", "reason": "this frame failed"}]
    scripted.references.begin("miinet-guided")
    assert scripted.state_of("miinet-guided") == "failed"


def test_a_picture_that_does_not_show_what_was_held_is_refused(scripted):
    scripted.hold()  # the scripted engine gives the negative
    scripted.references.begin("miinet")
    assert scripted.state_of("miinet") == "failed"
    assert "its picture was refused" in scripted.references.record()["failed"][0]["reason"]


def test_a_name_that_is_not_offered_is_refused_in_one_line(room):
    room.open()
    with pytest.raises(UsageError, match=r"profile = 'live': expected one of cyclegan, miinet, miinet-guided$"):
        room.references.begin("live")


def test_an_engine_that_cannot_be_had_is_told(room):
    def none(profile, config):
        raise EngineFailed("no engine today")

    room.references = References(room.config, room.freeze, room.board, room.installed.now, none)
    room.open()
    room.hold()
    room.references.begin("miinet")
    assert room.state_of("miinet") == "failed"
    assert room.references.record()["failed"][0]["reason"] == "no engine today"
