"""What systemd is told of the live program."""

import time

import numpy as np
import pytest

from edge.frames.frame import Frame, FramePair
from edge.health.record import Health
from edge.health.state import EngineFacts
from edge.pictures.geometry import FRAME_SHAPE
from edge.service.life import Life


class WritesDown:
    """Implements the calls of `edge.service.notify.Notifier` that are used; keeps their order."""

    def __init__(self):
        self.calls = []
        self.text = ""

    def status(self, text):
        self.text = text

    def __getattr__(self, name):
        return lambda: self.calls.append(name)


@pytest.fixture
def unit():
    return Unit()


class Unit:
    def __init__(self):
        self.notifier, self.health, self.num_frames = WritesDown(), Health(), 0
        self.life = Life(self.notifier, self.health)

    def publish(self):
        self.num_frames += 1
        frame = Frame(np.zeros(FRAME_SHAPE, np.uint8), self.num_frames, time.monotonic_ns())
        self.health.captured(frame)
        self.health.published(FramePair(frame, frame), time.monotonic_ns())

    def tick(self):
        """The calls of one tick."""
        del self.notifier.calls[:]
        self.life.tick(time.monotonic_ns())
        return list(self.notifier.calls)


def test_ready_comes_with_the_first_picture_and_once(unit):
    assert unit.tick() == []
    assert unit.notifier.text.startswith("starting: waiting for the first picture")
    unit.publish()
    assert unit.tick() == ["ready", "watchdog"]
    unit.publish()
    assert unit.tick() == ["watchdog"]


def test_only_new_pictures_feed_the_watchdog(unit):
    unit.publish()
    unit.tick()
    for _ in range(7):  # of a source that is not lost now
        unit.health.attempted()
    assert [unit.tick(), unit.tick()] == [[], []]
    unit.publish()
    unit.publish()
    assert unit.tick() == ["watchdog"]


def test_a_camera_that_is_waited_for_is_ready_and_looking_for_it_is_life(unit):
    unit.health.enter("source", "failed", "/dev/video0: no such camera")
    assert unit.tick() == ["ready"]
    assert unit.notifier.text.startswith("no-signal: /dev/video0: no such camera")
    assert unit.tick() == []
    unit.health.attempted()
    assert unit.tick() == ["watchdog"]
    unit.publish()
    assert unit.tick() == ["watchdog"]


def test_a_reload_ends_with_ready(unit):
    unit.publish()
    unit.tick()
    del unit.notifier.calls[:]
    unit.life.reload_begins()
    unit.life.reload_ends()
    assert unit.notifier.calls == ["reloading", "ready"]


def test_a_reload_before_the_first_picture_does_not_make_it_ready(unit):
    unit.life.reload_begins()
    unit.life.reload_ends()
    assert unit.notifier.calls == []


def test_the_status_names_what_is_shown(unit):
    unit.publish()
    unit.health.set_source("camera:/dev/video0")
    unit.health.set_engine(EngineFacts("live", "c0ffee", "cpu"))
    unit.health.notice("disk", "DISK FULL")
    unit.tick()
    assert unit.notifier.text == "live; camera:/dev/video0; profile live on cpu; DISK FULL"
