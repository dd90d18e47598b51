"""A camera on the network, as a source of judged frames."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from edge.basics.errors import CameraLost
from edge.frames.frame import Frame
from edge.frames.lending import Lend, nothing_lent
from edge.frames.slot import Slot
from edge.pictures.geometry import Fit
from edge.sources.jpeg import JpegReader
from edge.sources.judgement import Fault, FrameJudge
from edge.sources.network.feed import Feed, Received
from edge.sources.pace import FrameFitter

_log = logging.getLogger(__name__)

SILENCE_S = 2.0
_LOOK_S = 0.1
_FPS = 30.0


class NetworkSource:
    """The newest picture that a camera sent. A thread always drains the connection, so that nothing queues in it.

    The first picture is waited for ten seconds, and thirty where video begins with its next key frame; from then on a
    camera that gives none for two seconds is lost.

    Args:
        uri: as it may be shown: without a password.
        feed: of a camera that said that it plays.
        fit: what is done with a picture that is not 16:9.
        judge: of the program; one of its own by default.
        lend: memory for the pictures.
    """

    paced = True
    fps = _FPS

    def __init__(
        self,
        uri: str,
        feed: Feed,
        *,
        fit: Fit = "crop",
        judge: FrameJudge | None = None,
        lend: Lend = nothing_lent,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.uri = uri
        self._feed, self._clock_ns = feed, clock_ns
        self._fitter = FrameFitter(uri, _log, fit)
        self._judge = judge or FrameJudge()
        self._jpegs = JpegReader(uri, lend)
        self._arrived: Slot[Received] = Slot()
        self._faults: deque[Fault] = deque()
        self._skipped = self._skipped_told = 0
        self._ended: Exception | None = None
        self._is_closed = False
        self._has_given = False
        self._last_ns = clock_ns()
        self._thread = threading.Thread(target=self._drain, name="network camera", daemon=True)
        self._thread.start()

    def read(self) -> Frame | None:
        """See `edge.frames.stages.Source.read`."""
        while not self._is_closed:
            received = self._arrived.take(_LOOK_S)
            self._tell_judge()
            if received is None:
                self._refuse_silence()
                continue
            image = self._jpegs.rgb(received.content) if isinstance(received.content, bytes) else received.content
            if isinstance(image, str):
                self._judge.refuse(self.uri, image)
                continue
            self._has_given, self._last_ns = True, self._clock_ns()
            taken_ns = self._judge.taken_ns(received.taken_ns, received.arrived_ns)
            frame = Frame(self._fitter.fitted(image), received.seq, taken_ns)
            return self._judge.accept(self.uri, frame, received.arrived_ns)
        return None

    def about(self) -> dict[str, Any]:
        """What the camera grants, as `/health` and `--check` tell it."""
        return {"granted": self._feed.granted, "clock": self._feed.about_clock(), "picture": self._fitter.record()}

    def close(self) -> None:
        """See `edge.frames.stages.Source.close`."""
        self._is_closed = True
        self._feed.close()
        self._arrived.close()

    def picture(self, received: Received) -> None:
        """See `edge.sources.network.feed.Give`."""
        self._arrived.put(received)

    def fault(self, fault: Fault) -> None:
        """See `edge.sources.network.feed.Give`."""
        self._faults.append(fault)

    def skipped(self) -> None:
        """See `edge.sources.network.feed.Give`."""
        self._skipped += 1

    def _drain(self) -> None:
        try:
            self._feed.run(self)
        except Exception as error:  # noqa: BLE001  the reader raises it
            self._ended = error
        finally:
            self._arrived.close()

    def _tell_judge(self) -> None:
        num_skipped = self._skipped + self._arrived.dropped
        self._judge.skipped(num_skipped - self._skipped_told)
        self._skipped_told = num_skipped
        while self._faults:
            self._judge.refuse(self.uri, self._faults.popleft())

    def _refuse_silence(self) -> None:
        if self._is_closed:
            return
        if self._ended is not None:
            raise self._ended
        silent_s = (self._clock_ns() - self._last_ns) / 1e9
        patience_s = SILENCE_S if self._has_given else self._feed.patience_s
        if silent_s > patience_s:
            since = "" if self._has_given else " after it was opened"
            raise CameraLost(f"{self.uri}: no picture for {patience_s:.0f} s{since}")
