"""The way of a frame, live: source -> slot -> engine -> sinks, a thread each.

capture    reads the source, reopens a lost camera
inference  the only thread that touches the engine
sinks      take the newest pair in threads of their own
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from edge.engines.base import Engine
from edge.errors import CameraLost, DeviceMissing
from edge.frame import Frame, FramePair
from edge.health import Health
from edge.sinks.base import Sink
from edge.slot import Slot
from edge.sources.base import Source

log = logging.getLogger(__name__)

BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)


class Live:
    """Runs until it is stopped, its source ends, or a thread fails.

    Args:
        open_source: opens the source; called again, with backoff, when a camera is lost.
        open_engine: called in the inference thread, which owns the engine.
        on_ready: called once source and sinks are open.
    """

    def __init__(
        self,
        open_source: Callable[[], Source],
        open_engine: Callable[[], Engine],
        sinks: Sequence[Sink],
        health: Health,
        stop: threading.Event,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._open_source = open_source
        self._open_engine = open_engine
        self._sinks = sinks
        self._health = health
        self._stop = stop
        self._on_ready = on_ready
        self._captured: Slot[Frame] = Slot()
        self._source: Source | None = None
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Open source and sinks, start the threads, wait for `stop`, and end them all.

        Raises:
            EdgeError: the source or a sink cannot be opened, or a thread failed.
        """
        self._health.track_drops("inference", lambda: self._captured.dropped)
        self._source = self._open_source()
        self._health.set_source(self._source.uri)  # the source's own words hide a stream's password
        threads = [
            threading.Thread(target=self._guarded, args=(work,), name=work.__name__.strip("_"), daemon=True)
            for work in (self._capture, self._inference)
        ]
        started: list[Sink] = []
        try:
            for sink in self._sinks:
                sink.start()
                started.append(sink)
            for thread in threads:
                thread.start()
            self._on_ready()
            while not self._stop.wait(1.0):
                pass
        finally:
            self._stop.set()
            self._captured.close()
            self._source.close()
            for sink in started:
                sink.close()
            for thread in threads:
                if thread.is_alive():
                    thread.join(1.0)
        if self._failure is not None:
            raise self._failure

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._failure = error
            log.debug("%s failed", work.__name__.strip("_"), exc_info=True)
        finally:
            self._stop.set()
            self._captured.close()

    def _capture(self) -> None:
        source = self._source
        while source is not None and not self._stop.is_set():
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

    def _reopened(self, lost: Source, error: CameraLost) -> Source | None:
        log.warning("source lost: %s", error)
        self._health.source_lost(str(error))
        lost.close()
        attempt = 0
        while not self._stop.wait(BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]):
            attempt += 1
            try:
                source = self._open_source()
            except DeviceMissing as again:
                log.debug("not back yet: %s", again)
                continue
            self._source = source
            self._health.source_back()
            log.info("source is back after %d attempts", attempt)
            return source
        return None

    def _inference(self) -> None:
        engine = self._open_engine()
        device = ""
        failed = False
        try:
            while not self._stop.is_set():
                if device != engine.device:  # at the start, and when a GPU failed or came back
                    device = engine.device
                    self._health.set_engine(engine.profile, engine.model_sha256, device)
                raw = self._captured.take(0.5)
                if raw is None:
                    continue
                try:
                    result = engine.enhance(raw.image)
                except Exception as error:  # whatever an engine's library raises, the raw picture must stay
                    enhanced = raw
                    if not failed:
                        log.error("engine failed, showing the raw picture: %s", error)
                    failed = True
                    log.debug("engine failed", exc_info=True)
                    self._health.engine_failed(str(error))
                else:
                    enhanced = raw.enhanced(result.image, engine.profile, result.stage_ms)
                    if failed:
                        self._health.engine_recovered()
                        failed = False
                pair = FramePair(raw, enhanced)
                for sink in self._sinks:
                    sink.publish(pair)
        finally:
            engine.close()
