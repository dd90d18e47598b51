"""The source that is live: opened, opened again where it is lost, and exchanged for another."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from edge.basics.errors import CameraLost, ConfigError, DeviceMissing, EdgeError
from edge.calibration.of_unit import UnitCorrection, not_as_calibrated, refuse_other_mode
from edge.frames.frame import Frame
from edge.frames.stages import Source, about
from edge.health.record import Health
from edge.sources.open import SourceWish

log = logging.getLogger(__name__)

BACKOFF_S = (0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class SourceOrder:
    """What is to be opened.

    Attributes:
        correction: the unit's, which holds for one mode of the camera; a source in another mode is refused.
    """

    wish: SourceWish
    correction: UnitCorrection | None = None

    @property
    def uri(self) -> str:
        return self.wish.uri


class SourceHolder:
    """Gives frames for as long as the program runs, whatever becomes of the device. Never gives up a lost camera.

    `read` and `paced` are for the capture thread; the rest may be called from any.

    Args:
        open_source: opens what is wished for; raises EdgeError.
        waits: a camera that is missing at the start is waited for; else that is an error.
    """

    def __init__(
        self,
        order: SourceOrder,
        open_source: Callable[[SourceWish], Source],
        health: Health,
        stop: threading.Event,
        *,
        waits: bool = False,
    ) -> None:
        self._order, self._open_source = order, open_source
        self._health, self._stop, self._waits = health, stop, waits
        self._source: Source | None = None
        self._begun = threading.Event()
        self._was_open = False
        self._num_tries = 0
        self._asking = threading.Lock()
        self._wanted: tuple[SourceOrder, Future[None]] | None = None
        self._is_closed = False
        self._told: dict[str, Any] = {}
        health.track("camera", self.about)

    def about(self) -> dict[str, Any]:
        """What `/health` tells of the source under `camera`; of the last one where it is lost."""
        source = self._source
        if source is not None:
            found = about(source)
            differing = not_as_calibrated(self._order.correction, found["controls"]) if "controls" in found else []
            self._told = {**found, "not_as_calibrated": differing}
        return self._told

    @property
    def has_begun(self) -> bool:
        """Whether the source is open, or missing and waited for."""
        return self._begun.is_set()

    @property
    def paced(self) -> bool:
        """See `edge.frames.stages.Source`; a lost source is paced by the attempts to open it."""
        return self._source is None or self._source.paced

    def read(self) -> Frame | None:
        """The next frame, from a source that may have been lost and found meanwhile; None once it has ended.

        Raises:
            EdgeError: it cannot be opened at the start, or its file cannot be read.
        """
        if not self.has_begun:
            self._begin()
        while not self._stop.is_set():
            if self._wanted is not None:
                self._exchange()
            if self._source is None and not self._find():
                break
            assert self._source is not None, "it was found"
            try:
                frame = self._source.read()
            except CameraLost as error:
                self._lose(error)
            else:
                self._num_tries = 0  # only a frame shows that it is back: a device may open and be gone each time
                return frame
        return None

    def replace(self, order: SourceOrder) -> Future[None]:
        """Go over to another source; done when it is open. The future raises EdgeError where it cannot be had.

        The running one is kept until then, unless both are the same device: that is let go first, and opened again
        where the exchange was in vain. Until it has begun the future can be cancelled, and a later `replace` or `close`
        makes it raise.
        """
        asked: Future[None] = Future()
        with self._asking:
            before, self._wanted = self._wanted, None if self._is_closed else (order, asked)
            is_closed = self._is_closed
        if before is not None:
            _refuse(before[1], "another change of the source came in between")
        if is_closed:
            _refuse(asked, "the program ends")
        return asked

    def close(self) -> None:
        """End a waiting `read`, and let go of the device; safe to call twice."""
        with self._asking:
            wanted, self._wanted, self._is_closed = self._wanted, None, True
        if wanted is not None:
            _refuse(wanted[1], "the program ends")
        source = self._source
        if source is not None:
            source.close()

    def _begin(self) -> None:
        try:
            self._take(self._opened(self._order))
        except DeviceMissing as error:
            if not self._waits:
                raise
            self._lose(error)
        self._begun.set()

    def _opened(self, order: SourceOrder) -> Source:
        source = self._open_source(order.wish)
        try:
            if order.correction is not None:
                refuse_other_mode(order.correction, source)
        except ConfigError:
            source.close()
            raise
        return source

    def _take(self, source: Source) -> None:
        self._source, self._was_open = source, True
        self._health.set_source(source.uri, source.fps)  # the source's own words hide a stream's password
        differing = self.about()["not_as_calibrated"]
        self._health.notice("controls", f"camera not as calibrated: {'; '.join(differing)}" if differing else "")
        if differing:
            log.warning("%s: not as calibrated: %s; set it with [source] controls", source.uri, "; ".join(differing))
        if self._stop.is_set():  # `close` may have looked for a source just before
            source.close()

    def _lose(self, error: EdgeError) -> None:
        self._health.enter("source", "failed", str(error))
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def _find(self) -> bool:
        """Try to open the lost source until that works; False where `stop` came first."""
        while not self._stop.wait(BACKOFF_S[min(self._num_tries, len(BACKOFF_S) - 1)]):
            self._num_tries += 1
            try:
                self._try_again()
            except DeviceMissing as error:
                log.debug("not back yet: %s", error)
                continue
            finally:
                self._health.attempted()
            log.debug("open again at attempt %d", self._num_tries)
            return True
        return False

    def _try_again(self) -> None:
        if self._wanted is not None:
            self._exchange()
        if self._source is not None:
            return
        try:
            self._take(self._opened(self._order))
        except ConfigError as error:  # a camera that comes back in another mode stays lost
            if not self._was_open:
                raise
            raise DeviceMissing(str(error)) from error

    def _exchange(self) -> None:
        """Open what `replace` asked for; the source there was stays where that fails."""
        with self._asking:
            wanted, self._wanted = self._wanted, None
        if wanted is None or not wanted[1].set_running_or_notify_cancel():
            return
        order, asked = wanted
        device = device_of(order.uri)
        is_same_device = self._source is not None and bool(device) and device == device_of(self._order.uri)
        if is_same_device and self._source is not None:
            self._source.close()
            self._source = None
        try:
            found = self._opened(order)
        except EdgeError as error:
            if is_same_device:
                self._health.enter("source", "failed", str(error))
            asked.set_exception(error)
            return
        if self._source is not None:
            self._source.close()
        self._order = order
        self._take(found)
        asked.set_result(None)


def _refuse(asked: Future[None], reason: str) -> None:
    if asked.set_running_or_notify_cancel():
        asked.set_exception(ConfigError(reason))


def device_of(uri: str) -> str:
    """What only one source at a time can hold, such as `/dev/video0`; empty for sources that can be opened twice."""
    csi = re.match(r"csi:(\d+)|gst:.*\bsensor-id\s*=\s*(\d+)", uri, re.DOTALL)
    if csi is not None:
        return f"csi:{csi[1] or csi[2]}"
    named = re.match(r"gst:.*?(/dev/[^\s\"'!]+)", uri, re.DOTALL)
    path = uri.removeprefix("camera:").partition("?")[0] if named is None else named[1]
    return os.path.realpath(path) if path.startswith("/dev/") else ""
