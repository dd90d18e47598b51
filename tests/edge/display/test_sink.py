"""The screen's sink before a process that shows, fails and hangs as asked."""

from __future__ import annotations

import contextlib
import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.config import DisplayConfig
from edge.display import sink as sink_module
from edge.display.sink import DisplaySink
from edge.frames.frame import Frame, FramePair
from edge.gstreamer import child as child_module
from edge.gstreamer import program
from edge.health.news import ViewChanged
from edge.health.record import Health
from edge.health.state import Verdict
from edge.pictures.geometry import FRAME_SHAPE
from tests.doubles.children import children_before, new_children  # noqa: F401 - a fixture
from tests.doubles.waiting import GUARD_S
from tests.paths import REPOSITORY

COVER, NOTHING, OLD = 250, 240, 100
"""What is drawn for the cover, before the first pair, and added to a picture that is not live."""


class Viewing:
    def __init__(self) -> None:
        self.frozen: FramePair | None = None
        self.mode = "enhanced"

    def view(self) -> ViewChanged:
        return ViewChanged(self.frozen is not None, self.mode, 1.0)


def pair_of(level: int, age_ms: float = 0) -> FramePair:
    """Raw of this level, enhanced one level above."""
    taken_ns = time.monotonic_ns() - round(age_ms * 1e6)
    raw = Frame(np.full(FRAME_SHAPE, level, np.uint8), level, taken_ns)
    return FramePair(raw, replace(raw, image=np.full(FRAME_SHAPE, level + 1, np.uint8), mode="enhanced"))


def draw(pair, verdict: Verdict, view, out) -> None:
    if pair is None:
        out[:] = COVER if verdict.state == "no-signal" else NOTHING
    else:
        frame = pair.raw if view == "raw" else pair.enhanced
        np.copyto(out, frame.image)
        if verdict.state != "live" and not verdict.frozen:
            out += OLD


@pytest.fixture(autouse=True)
def played(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(child_module, "SCRIPTS", REPOSITORY / "tests/doubles/gst_scripts")
    monkeypatch.setattr(program, "SYSTEM_PYTHON", Path(sys.executable))
    monkeypatch.setenv("EDGE_TEST_SCREEN", str(tmp_path / "shown"))
    monkeypatch.setattr(sink_module, "BACKOFF_S", (0.05,))


@pytest.fixture
def shown(tmp_path: Path) -> Callable[[], list[int]]:
    """What the screen has shown until now."""
    path = tmp_path / "shown"
    return lambda: [int(line) for line in path.read_text().split()] if path.exists() else []


@contextlib.contextmanager
def running(sink: str, viewing: Viewing | None = None) -> Iterator[tuple[DisplaySink, Health]]:
    health = Health()
    health.enter("source", "ok")
    made = DisplaySink(replace(DisplayConfig(on=True), sink=sink), health, viewing or Viewing(), draw)
    made.start()
    try:
        yield made, health
    finally:
        made.close()
    until(lambda: not new_children())


def until(holds: Callable[[], object], within_s: float = GUARD_S) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def show(sink: DisplaySink, level: int, wanted: int, shown: Callable[[], list[int]]) -> None:
    """Publish it until it is seen so: on a busy machine one may be old before it is drawn."""
    deadline = time.monotonic() + GUARD_S
    while wanted not in shown():
        assert time.monotonic() < deadline, f"{wanted} did not come"
        sink.publish(pair_of(level))
        with contextlib.suppress(AssertionError):
            until(lambda: wanted in shown(), within_s=1.0)


def test_it_shows_that_it_starts_then_each_newest_pair(shown):
    with running("good") as (sink, health):
        until(lambda: NOTHING in shown())
        for level in range(10, 20):
            show(sink, level, level + 1, shown)
        about = sink.about()
        assert about["sink"] == "good" and about["reason"] == ""
        assert about["latency_ms"]["p50"] < 2000
        assert health.num_frames > 0
    assert COVER not in shown()


def test_a_picture_that_grows_old_is_drawn_anew_as_old(shown):
    with running("good") as (sink, _):
        sink.publish(pair_of(50))
        until(lambda: 51 + OLD in shown())
        num = len(shown())
        until(lambda: len(shown()) > num + 3)  # again and again, or the screen would be covered


def test_it_shows_what_the_heads_button_chose(shown):
    viewing = Viewing()
    with running("good", viewing) as (sink, _):
        viewing.mode = "raw"
        show(sink, 60, 60, shown)
        assert 61 not in shown()
        viewing.mode, viewing.frozen = "enhanced", pair_of(70, age_ms=60_000)
        sink.publish(pair_of(80))
        until(lambda: 71 in shown())  # frozen: old, and not said to be live
        num = len(shown())
        until(lambda: len(shown()) > num + 2)
        assert set(shown()[num:]) == {71}
        viewing.frozen = None
        show(sink, 90, 91, shown)


@pytest.mark.parametrize(
    ("sink", "words"),
    [("bad", "no screen (bad: it was asked to); plug one in"), ("absent", "apt-get install python3-gi")],
)
def test_what_cannot_be_opened_is_told_and_tried_again_beside_everything_else(sink, words, monkeypatch, caplog):
    tries = itertools.count(1)
    monkeypatch.setattr(sink_module, "Screen", sink_module.Screen)
    with running(sink) as (made, health):
        opened, made._open_screen = made._open_screen, lambda *given: (next(tries), opened(*given))[1]
        until(lambda: words in made.about()["reason"])
        until(lambda: next(tries) > 4)
        assert made.about()["sink"] == ""
        assert "the unit's own screen is lost" in health.verdict(time.monotonic_ns()).notices
        made.publish(pair_of(1))  # waits for nobody
    assert sum(words in record.getMessage() for record in caplog.records) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("sink", "words"), [("hangs", "hangs has shown nothing for 1 s"), ("dies", "has ended")])
def test_a_screens_process_that_hangs_or_ends_is_replaced(sink, words, shown, caplog):
    with running(sink) as (made, _):
        until(lambda: len(shown()) >= 3)  # each process shows one
        until(lambda: any(words in record.getMessage() for record in caplog.records))
        made.publish(pair_of(20))
        until(lambda: 21 in shown() or 21 + OLD in shown())


def test_close_does_not_wait_for_a_process_that_hangs(shown):
    with running("hangs") as (made, _):
        until(lambda: shown())
        closing = threading.Thread(target=made.close, daemon=True)
        closing.start()
        closing.join(GUARD_S)
        assert not closing.is_alive()
        made.close()
