"""The frame path with real threads: order, drops, faults and a clean end."""

import threading
import time

import pytest

from edge.basics.errors import CameraLost, DeviceMissing, InputOutputError, ModelError
from edge.frames.frame import Frame
from edge.health.record import Health
from edge.live import Ending, Live
from edge.sources.holder import SourceHolder, SourceOrder
from edge.sources.open import SourceWish
from tests.doubles.scripted_source import IMAGE, ScriptedSource, opener
from tests.doubles.waiting import GUARD_S, wait_until


class Inverting:
    """Implements `edge.frames.stages.Enhancer`."""

    def __init__(self):
        self.calls = []
        self.threads = set()

    def start(self):
        self.calls.append("start")

    def correct_and_enhance(self, raw):
        self.threads.add(threading.current_thread().name)
        return raw.enhanced(255 - raw.image, "inverse", {"invert": 1.0})

    def judge(self, raw, made):
        self.threads.add(threading.current_thread().name)
        return made

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


class Unhurried(ScriptedSource):
    """Each frame is waited for, so that none is dropped."""

    paced = False


def run(sources, enhancer, enough, *, waits=False, **options):
    """Runs until the sink has enough pairs; a source may be an error that opening it raises."""
    stop, health = threading.Event(), Health()
    sink = CollectingSink(enough, stop)
    guard = threading.Timer(GUARD_S, stop.set)
    guard.start()
    held = SourceHolder(SourceOrder(SourceWish("scripted:")), opener(*sources), health, stop, waits=waits)
    live = Live(held, enhancer, [sink], health, Ending(stop), **options)
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
    wait_until(lambda: "close" in enhancer.calls)  # the program waits a second for it, and ends
    assert (enhancer.calls[0], enhancer.calls[-1]) == ("start", "close")
    assert sink.closed


@pytest.mark.slow
def test_the_enhancer_hears_that_no_frame_comes():
    enhancer = Inverting()

    class Silent(ScriptedSource):
        def read(self):
            wait_until(lambda: "idle" in enhancer.calls)
            return super().read()

    run([Silent(1)], enhancer, 1)
    assert "idle" in enhancer.calls


def test_a_lost_camera_is_opened_again():
    lost = Unhurried(1, CameraLost("/dev/video0: unplugged"))
    sink, _ = run([lost, ScriptedSource(7)], Inverting(), 2)
    assert sink.pairs[-1].raw.seq == 7


def test_a_source_that_ends_ends_the_program():
    class Short(ScriptedSource):
        def read(self):
            return super().read() if self._script else None

    sink, _ = run([Short(1)], Inverting(), 99)
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

    class ThereOnceReady(ScriptedSource):
        def read(self):
            assert ready.wait(GUARD_S)
            return super().read()

    sources = [DeviceMissing("/dev/video0: no such camera"), DeviceMissing("still not"), ThereOnceReady(3)]
    sink, health = run(sources, Inverting(), 1, waits=True, on_ready=ready.set)
    assert sink.pairs[0].raw.seq == 3
    assert health.part("source").state == "ok"
    assert ready.is_set()


def test_watches_are_ticked_and_a_part_may_end_the_program():
    ending = Ending(threading.Event())

    class Watch:
        def tick(self, now_ns):
            ending.fail(ModelError("the web server ended"))

    health = Health()
    held = SourceHolder(SourceOrder(SourceWish("scripted:")), opener(ScriptedSource()), health, ending.stop)
    live = Live(held, Inverting(), [], health, ending, watches=[Watch()])
    with pytest.raises(ModelError, match="web server"):
        live.run()


class Refusing(Inverting):
    """An engine that makes nothing of the first frame, and whose picture of the second is refused."""

    def correct_and_enhance(self, raw):
        return None if raw.seq == 1 else super().correct_and_enhance(raw)

    def judge(self, raw, made):
        return raw if raw.seq == 2 else made


def test_what_is_not_made_or_refused_is_shown_raw():
    sink, _ = run([Unhurried(1, 2, 3)], Refusing(), 3)
    assert [pair.enhanced.mode for pair in sink.pairs] == ["raw", "raw", "enhanced"]
    assert all(pair.raw.mode == "raw" for pair in sink.pairs)


def test_the_first_failure_is_what_the_program_ends_by():
    ending = Ending(threading.Event())
    ending.raise_failure()
    ending.fail(ModelError("first"))
    ending.fail(ModelError("second"))
    assert ending.stop.is_set()
    with pytest.raises(ModelError, match="first"):
        ending.raise_failure()


def test_the_source_is_replaced_while_it_runs():
    class Steady(ScriptedSource):
        def __init__(self, seq):
            super().__init__()
            self._seq = seq

        def read(self):
            if self._closed.wait(0.02):
                return None
            return Frame(IMAGE, self._seq, time.monotonic_ns())

    stop, health = threading.Event(), Health()
    sink = CollectingSink(10**6, stop)
    held = SourceHolder(SourceOrder(SourceWish("first:")), opener(Steady(1), Steady(2)), health, stop)
    live = Live(held, Inverting(), [sink], health, Ending(stop))
    thread = threading.Thread(target=live.run)
    thread.start()
    try:
        held.replace(SourceOrder(SourceWish("second:"))).result(GUARD_S)
        wait_until(lambda: sink.pairs and sink.pairs[-1].raw.seq == 2)
    finally:
        stop.set()
        thread.join()
