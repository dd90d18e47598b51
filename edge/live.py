"""The way of a frame, live: source -> slot -> engine -> sinks, a thread each.

capture    opens and reads the source, reopens a lost camera
inference  the only thread that asks the engine
sinks      take the newest pair in threads of their own
main       waits, and looks after the unit each second
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from edge.basics.errors import CameraLost, DeviceMissing, EdgeError
from edge.frames.frame import Frame, FramePair
from edge.frames.slot import Slot
from edge.frames.stages import Enhancer, Sink, Source, Watch
from edge.health.record import Health

log = logging.getLogger(__name__)

BACKOFF_S = (0.1, 0.2, 0.5, 1.0)
OpenSource = Callable[[], Source]


class Live:
    """Runs until it is stopped, its source ends, or a thread fails.

    Args:
        open_source: opens the source; called again, with backoff, when a camera is lost.
        wait: a camera that is missing at the start is waited for; else that is an error.
        on_ready: called once the sinks are open, and the source is or is waited for.
    """

    def __init__(
        self,
        open_source: OpenSource,
        enhancer: Enhancer,
        sinks: Sequence[Sink],
        health: Health,
        stop: threading.Event,
        *,
        watches: Sequence[Watch] = (),
        wait: bool = False,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._open_source = open_source
        self._enhancer = enhancer
        self._sinks = sinks
        self._health = health
        self._stop = stop
        self._watches = watches
        self._wait = wait
        self._on_ready = on_ready
        self._captured: Slot[Frame] = Slot()
        self._source: Source | None = None
        self._has_begun = threading.Event()
        self._wanted: tuple[OpenSource, bool, Future[None]] | None = None
        self._failure: BaseException | None = None
        self.num_attempts = 0

    def run(self) -> None:
        """Open the sinks, start the threads, wait for `stop`, and end them all.

        Raises:
            EdgeError: the source or a sink cannot be opened, or a thread failed.
        """
        self._health.track_drops("inference", lambda: self._captured.dropped)
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
            if self._source is not None:
                self._source.close()
            for sink in started:
                sink.close()
            for thread in threads:
                if thread.is_alive():
                    thread.join(1.0)
        if self._failure is not None:
            raise self._failure

    def fail(self, error: BaseException) -> None:
        """End the program with this error: a part without which it cannot go on has ended."""
        self._failure = self._failure or error
        self._stop.set()

    def replace_source(self, open_source: OpenSource, *, same_device: bool) -> Future[None]:
        """Go over to another source; done when it is open. The future raises EdgeError where it cannot be had.

        Args:
            same_device: the running source must be closed first; it is opened again where that was in vain.
        """
        asked: Future[None] = Future()
        self._wanted = (open_source, same_device, asked)
        return asked

    def _look_after(self) -> None:
        while not self._has_begun.is_set():
            if self._stop.wait(0.05):
                return
        self._health.enter("sinks", "ok")
        self._on_ready()
        while not self._stop.wait(1.0):
            now_ns = time.monotonic_ns()
            for watch in self._watches:
                watch.tick(now_ns)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._failure = self._failure or error
            log.debug("%s failed", work.__name__.strip("_"), exc_info=True)
        finally:
            self._stop.set()
            self._captured.close()

    # ---- capture

    def _capture(self) -> None:
        source = self._opened()
        while source is not None and not self._stop.is_set():
            if self._wanted is not None:
                source = self._exchanged(source)
                continue
            if not source.paced and not self._captured.wait_empty(0.5):
                continue
            try:
                frame = source.read()
            except CameraLost as error:
                source = self._reopened(source, error)
                continue
            if frame is None:
                return
            self._health.captured(frame)
            self._captured.put(frame)

    def _opened(self) -> Source | None:
        """The source at the start."""
        try:
            return self._took(self._open_source())
        except DeviceMissing as error:
            if not self._wait:
                raise
            self._has_begun.set()
            return self._reopened(None, error)

    def _took(self, source: Source) -> Source:
        self._source = source
        self._health.set_source(source.uri)  # the source's own words hide a stream's password
        self._has_begun.set()
        if self._stop.is_set():  # `run` may have looked for a source to close just before
            source.close()
        return source

    def _reopened(self, lost: Source | None, error: EdgeError) -> Source | None:
        self._health.enter("source", "failed", str(error))
        if lost is not None:
            lost.close()
        attempt = 0
        while not self._stop.wait(BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]):
            attempt += 1
            try:
                source = self._exchanged(None) if self._wanted is not None else None
                source = source or self._took(self._open_source())
            except DeviceMissing as again:
                log.debug("not back yet: %s", again)
                continue
            finally:
                self.num_attempts += 1
            log.info("source is back after %d attempts", attempt)
            return source
        return None

    def _exchanged(self, source: Source | None) -> Source | None:
        """The source that `replace_source` asked for, or the one there was."""
        assert self._wanted is not None, "the caller looked"
        (open_source, same_device, asked), self._wanted = self._wanted, None
        if source is not None and same_device:
            source.close()
        try:
            found = open_source()
        except EdgeError as error:
            asked.set_exception(error)
            return self._reopened(source, error) if source is not None and same_device else source
        if source is not None:
            source.close()
        self._open_source = open_source
        self._took(found)
        asked.set_result(None)
        return found

    # ---- inference

    def _inference(self) -> None:
        self._enhancer.start()
        try:
            while not self._stop.is_set():
                raw = self._captured.take(0.5)
                if raw is None:
                    self._enhancer.idle()
                    continue
                pair = FramePair(raw, self._enhancer.enhance(raw))
                for sink in self._sinks:
                    sink.publish(pair)
        finally:
            self._enhancer.close()
