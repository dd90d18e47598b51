"""The frame path with real threads: order, drops, faults and a clean end."""

import threading
import time

import numpy as np
import pytest

from edge.engines.base import Enhanced
from edge.errors import CameraLost, InputOutputError, ModelError
from edge.frame import Frame
from edge.health import Health
from edge.live import Live

IMAGE = np.zeros((1080, 1920, 3), np.uint8)
IMAGE.flags.writeable = False


class ScriptedSource:
    """Gives the scripted items.

    A number is a frame of that seq, an exception is raised, and then it waits to be closed.
    """

    uri, fps, paced = "scripted:", 30.0, True

    def __init__(self, *script):
        self._script = list(script)
        self._closed = threading.Event()

    def read(self):
        if not self._script:
            self._closed.wait(10)
            return None
        item = self._script.pop(0)
        if isinstance(item, Exception):
            raise item
        return Frame(IMAGE, item, time.monotonic_ns())

    def close(self):
        self._closed.set()


class InvertingEngine:
    profile, model_sha256, device = "inverse", "0" * 64, "test"

    def __init__(self, failing=(), error=None):
        self._error = error
        self.closed = False
        self.threads = set()
        self._failing = set(failing)
        self._calls = 0

    def enhance(self, image):
        self.threads.add(threading.current_thread().name)
        self._calls += 1
        if self._calls in self._failing:
            raise self._error
        return Enhanced(255 - image, {"invert": 1.0})

    def close(self):
        self.closed = True


class CollectingSink:
    def __init__(self, enough, stop):
        self.pairs, self.closed = [], False
        self._enough, self._stop = enough, stop

    def start(self):
        pass

    def publish(self, pair):
        self.pairs.append(pair)
        if len(self.pairs) >= self._enough:
            self._stop.set()

    def close(self):
        self.closed = True


def run(sources, engine, enough):
    stop, health = threading.Event(), Health()
    sink = CollectingSink(enough, stop)
    queue = list(sources)
    guard = threading.Timer(20, stop.set)
    guard.start()
    live = Live(lambda: queue.pop(0), lambda: engine, [sink], health, stop)
    try:
        live.run()
    finally:
        guard.cancel()
    return sink, health


def test_raw_and_enhanced_travel_as_one_moment():
    engine = InvertingEngine()
    sink, _ = run([ScriptedSource(4)], engine, 1)
    pair = sink.pairs[0]
    assert pair.raw.seq == pair.enhanced.seq == 4
    assert (pair.raw.mode, pair.enhanced.mode) == ("raw", "enhanced")
    assert pair.enhanced.image[0, 0, 0] == 255
    assert pair.enhanced.stage_ms == {"invert": 1.0}
    assert engine.threads == {"inference"}
    assert engine.closed
    assert sink.closed


def test_health_names_the_device_that_took_over():
    class Fallen(InvertingEngine):
        def enhance(self, image):
            self.device = "cpu"
            return super().enhance(image)

    class SlowSource(ScriptedSource):
        def read(self):
            time.sleep(0.05)
            return super().read()

    _, health = run([SlowSource(1, 2, 3)], Fallen(), 3)
    assert health.snapshot(time.monotonic_ns())["device"] == "cpu"


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), ModelError("bad"), Exception("of a library")])
def test_a_failing_engine_gives_the_raw_picture_and_comes_back(error):
    class SlowSource(ScriptedSource):
        def read(self):
            time.sleep(0.05)
            return super().read()

    sink, health = run([SlowSource(1, 2, 3)], InvertingEngine(failing={2}, error=error), 3)
    assert [pair.enhanced.mode for pair in sink.pairs] == ["enhanced", "raw", "enhanced"]
    assert np.array_equal(sink.pairs[1].enhanced.image, IMAGE)
    assert health.snapshot(time.monotonic_ns())["state"] != "degraded"


def test_a_lost_camera_is_opened_again():
    lost = ScriptedSource(1, CameraLost("/dev/video0: unplugged"))
    sink, _ = run([lost, ScriptedSource(7)], InvertingEngine(), 2)
    assert sink.pairs[-1].raw.seq == 7


def test_a_source_that_ends_ends_the_program():
    class Ending(ScriptedSource):
        def read(self):
            return super().read() if self._script else None

    sink, _ = run([Ending(1)], InvertingEngine(), 99)
    assert sink.closed


@pytest.mark.parametrize("error", [InputOutputError("clip.mp4: cut"), ZeroDivisionError("a defect")])
def test_a_failed_thread_stops_the_program_with_its_error(error):
    with pytest.raises(type(error)):
        run([ScriptedSource(error)], InvertingEngine(), 99)


def test_a_source_that_cannot_be_opened_starts_nothing():
    def refuse():
        raise InputOutputError("none.mp4: no such file")

    stop = threading.Event()
    sink = CollectingSink(1, stop)
    with pytest.raises(InputOutputError):
        Live(refuse, InvertingEngine, [sink], Health(), stop).run()
    assert not sink.closed
