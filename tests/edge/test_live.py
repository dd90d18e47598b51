"""The frame path with real threads: order, drops, faults and a clean end."""

import threading
import time

import numpy as np
import pytest

from edge.basics.errors import CameraLost, DeviceMissing, InputOutputError, ModelError
from edge.frames.frame import Frame
from edge.health.record import Health
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


class Inverting:
    """Implements `edge.frames.stages.Enhancer`."""

    def __init__(self):
        self.calls = []
        self.threads = set()

    def start(self):
        self.calls.append("start")

    def enhance(self, raw):
        self.threads.add(threading.current_thread().name)
        return raw.enhanced(255 - raw.image, "inverse", {"invert": 1.0})

    def idle(self):
        self.calls.append("idle")

    def close(self):
        self.calls.append("close")


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


def run(sources, enhancer, enough, **options):
    """Runs until the sink has enough pairs; a source may be an error that opening it raises."""
    stop, health = threading.Event(), Health()
    sink = CollectingSink(enough, stop)
    queue = list(sources)

    def open_source():
        found = queue.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    guard = threading.Timer(20, stop.set)
    guard.start()
    live = Live(open_source, enhancer, [sink], health, stop, **options)
    try:
        live.run()
    finally:
        guard.cancel()
    return sink, health


def test_raw_and_enhanced_travel_as_one_moment():
    enhancer = Inverting()
    sink, _ = run([ScriptedSource(4)], enhancer, 1)
    pair = sink.pairs[0]
    assert pair.raw.seq == pair.enhanced.seq == 4
    assert (pair.raw.mode, pair.enhanced.mode) == ("raw", "enhanced")
    assert pair.enhanced.image[0, 0, 0] == 255
    assert pair.enhanced.stage_ms == {"invert": 1.0}
    assert enhancer.threads == {"inference"}
    assert (enhancer.calls[0], enhancer.calls[-1]) == ("start", "close")
    assert sink.closed


def test_the_enhancer_hears_that_no_frame_comes():
    class Silent(ScriptedSource):
        def read(self):
            time.sleep(1.2)
            return super().read()

    enhancer = Inverting()
    run([Silent(1)], enhancer, 1)
    assert "idle" in enhancer.calls


def test_a_lost_camera_is_opened_again():
    lost = ScriptedSource(1, CameraLost("/dev/video0: unplugged"))
    sink, _ = run([lost, ScriptedSource(7)], Inverting(), 2)
    assert sink.pairs[-1].raw.seq == 7


def test_a_source_that_ends_ends_the_program():
    class Ending(ScriptedSource):
        def read(self):
            return super().read() if self._script else None

    sink, _ = run([Ending(1)], Inverting(), 99)
    assert sink.closed


@pytest.mark.parametrize("error", [InputOutputError("clip.mp4: cut"), ZeroDivisionError("a defect")])
def test_a_failed_thread_stops_the_program_with_its_error(error):
    with pytest.raises(type(error)):
        run([ScriptedSource(error)], Inverting(), 99)


def test_a_source_that_cannot_be_opened_ends_the_program():
    with pytest.raises(InputOutputError):
        run([InputOutputError("none.mp4: no such file")], Inverting(), 1)
    with pytest.raises(DeviceMissing):
        run([DeviceMissing("/dev/video0: no such camera")], Inverting(), 1)


def test_a_missing_camera_is_waited_for_where_that_is_asked():
    ready = threading.Event()
    sources = [DeviceMissing("/dev/video0: no such camera"), DeviceMissing("still not"), ScriptedSource(3)]
    sink, health = run(sources, Inverting(), 1, wait=True, on_ready=ready.set)
    assert sink.pairs[0].raw.seq == 3
    assert health.part("source").state == "ok"
    assert ready.is_set()


def test_watches_are_ticked_and_a_part_may_end_the_program():
    class Watch:
        def tick(self, now_ns):
            live.fail(ModelError("the web server ended"))

    stop = threading.Event()
    live = Live(lambda: ScriptedSource(), Inverting(), [], Health(), stop, watches=[Watch()])
    with pytest.raises(ModelError, match="web server"):
        live.run()


class Replaced:
    """A source that plays until it is replaced; counts what is open."""

    uri, fps, paced, num_open = "scripted:", 30.0, True, 0

    def __init__(self, seq):
        self._seq = seq
        Replaced.num_open += 1

    def read(self):
        time.sleep(0.02)
        return Frame(IMAGE, self._seq, time.monotonic_ns())

    def close(self):
        if self._seq is not None:
            self._seq = None
            Replaced.num_open -= 1


@pytest.mark.parametrize("same_device", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_a_source_is_replaced_or_stays(same_device, fails):
    Replaced.num_open = 0
    stop = threading.Event()
    sink = CollectingSink(10**6, stop)
    most_open = []

    def other():
        most_open.append(Replaced.num_open)
        if fails:
            raise DeviceMissing("/dev/video1: no such camera")
        return Replaced(2)

    live = Live(lambda: Replaced(1), Inverting(), [sink], Health(), stop)
    thread = threading.Thread(target=live.run)
    thread.start()
    try:
        asked = live.replace_source(other, same_device=same_device)
        if fails:
            with pytest.raises(DeviceMissing):
                asked.result(10)
        else:
            asked.result(10)
        begin = len(sink.pairs) + 2
        while len(sink.pairs) <= begin:
            time.sleep(0.02)
        assert sink.pairs[-1].raw.seq == (1 if fails else 2)
        assert most_open == [0 if same_device else 1]
        assert Replaced.num_open == 1
    finally:
        stop.set()
        thread.join()
