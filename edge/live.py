"""The way of a frame, live: a thread for each part, and nothing queues between them.

capture      source -> slot
inference    slot -> correct, shrink, predict maps, apply at 1080p -> judge -> every sink
                     \\______ the engine, in a process of its own ______/
sinks        take the newest pair in threads of their own
main         waits, and looks after the unit each second
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from edge.frames.frame import Frame, FramePair
from edge.frames.slot import Slot
from edge.frames.stages import Enhancer, HeldSource, Sink, Watch
from edge.health.record import Health

log = logging.getLogger(__name__)

TAKE_S = 0.5
"""An idle thread looks so often whether it shall stop."""


class Ending:
    """When the program ends, and by which error; made before its parts, since each of them may end it.

    Attributes:
        stop: set when everybody shall end.
    """

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self._failure: BaseException | None = None

    def fail(self, error: BaseException) -> None:
        """End the program with this error: a part without which it cannot go on has ended. The first one counts."""
        self._failure = self._failure or error
        self.stop.set()

    def raise_failure(self) -> None:
        """Raise what the program ended by, where it was an error."""
        if self._failure is not None:
            raise self._failure


class Live:
    """Runs until it is stopped, its source ends, or a thread fails.

    Args:
        on_ready: called once the sinks are open, and the source is or is waited for.
    """

    def __init__(
        self,
        source: HeldSource,
        engine: Enhancer,
        sinks: Sequence[Sink],
        health: Health,
        ending: Ending,
        *,
        watches: Sequence[Watch] = (),
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._source, self._engine, self._sinks = source, engine, sinks
        self._health, self._ending, self._stop = health, ending, ending.stop
        self._watches, self._on_ready = watches, on_ready
        self._captured: Slot[Frame] = Slot()
        health.track_drops("inference", lambda: self._captured.dropped)

    def run(self) -> None:
        """Open the sinks, start the threads, wait for `stop`, and end them all.

        Raises:
            EdgeError: the source or a sink cannot be opened, or a thread failed.
        """
        threads = [
            threading.Thread(target=self._guarded, args=(work,), name=work.__name__.strip("_"), daemon=True)
            for work in (self._inference, self._capture)
        ]
        started: list[Sink] = []
        try:
            for sink in self._sinks:
                sink.start()
                started.append(sink)
            for thread in threads:
                thread.start()
            self._look_after()
        finally:
            self._stop.set()
            self._captured.close()
            self._source.close()
            for sink in started:
                sink.close()
            for thread in threads:
                if thread.is_alive():
                    thread.join(1.0)
        self._ending.raise_failure()

    def _capture(self) -> None:
        while not self._stop.is_set():
            if not self._source.paced and not self._captured.wait_empty(TAKE_S):
                continue
            frame = self._source.read()
            if frame is None:
                return
            self._health.captured(frame, time.monotonic_ns())
            self._captured.put(frame)

    def _inference(self) -> None:
        self._engine.start()
        try:
            while not self._stop.is_set():
                raw = self._captured.take(TAKE_S)
                if raw is None:
                    self._engine.idle()
                    continue
                made = self._engine.correct_and_enhance(raw)
                shown = raw if made is None else self._engine.judge(raw, made)
                pair = FramePair(raw, shown)
                for sink in self._sinks:
                    sink.publish(pair)
        finally:
            self._engine.close()

    def _look_after(self) -> None:
        while not self._source.has_begun:
            if self._stop.wait(0.05):
                return
        self._on_ready()
        self._health.enter("sinks", "ok")
        while not self._stop.wait(1.0):
            now_ns = time.monotonic_ns()
            for watch in self._watches:
                watch.tick(now_ns)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            log.debug("%s failed", work.__name__.strip("_"), exc_info=True)
            self._ending.fail(error)
        finally:
            self._stop.set()
            self._captured.close()
