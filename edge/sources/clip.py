"""A video file, played as a camera would or given once through."""

from __future__ import annotations

import logging
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge.basics.texts import one_line
from edge.clips.decode import ClipReader
from edge.clips.facts import clip_facts
from edge.clips.formats import refuse_unlike_a_clip
from edge.frames.frame import Frame
from edge.frames.lending import Lend, nothing_lent
from edge.pictures.geometry import FRAME_SHAPE, Fit
from edge.pictures.image import Image
from edge.sources.pace import FrameClock, FrameFitter

_log = logging.getLogger(__name__)

_CATCH_UP_NS = 250_000_000


class _Numbered(NamedTuple):
    image: Image
    number: int


class ClipSource:
    """A video file, upright, with square pixels and full frames.

    Paced, it plays in real time: a reader that comes late gets the frame due now, and `seq` shows the gap.
    Where decoding alone is slower than real time, it plays as fast as it can, without gaps.
    A frame's `seq` is its time in frames of the mean rate, so that a damaged clip keeps its clock; it goes on counting
    when a loop begins again.

    Args:
        uri: as the user wrote it.
        path: the file.
        fps: rate to play at; the file's own where None.
        paced: wait for each frame as a camera does.
        loop: begin again after the last frame.
        fit: what is done with a picture that is not 16:9.
        lend: memory for the pictures.

    Raises:
        InputOutputError: the file is missing, empty, not a clip, or no frame of it can be decoded.
    """

    def __init__(
        self,
        uri: str,
        path: Path,
        *,
        fps: float | None,
        paced: bool,
        loop: bool,
        fit: Fit = "crop",
        lend: Lend = nothing_lent,
    ) -> None:
        self.uri = uri
        self.paced = paced
        self._lend = lend
        self._path = path
        self._loop = loop
        self._facts = clip_facts(path)
        self.fps = fps or self._facts.fps
        self._clock = FrameClock(self.fps)
        self._fitter = FrameFitter(one_line(uri), _log, fit)
        self._exchange = threading.Lock()
        self._is_closed = False
        self._reader = ClipReader(path, self._facts)
        self._last_index = self._pass_begins_at = -1
        self._passes_done = 0
        try:
            self._ahead = self._next()  # the clock starts once FFmpeg is at work
        except BaseException:
            self._reader.close()
            raise

    def read(self) -> Frame | None:
        """See `edge.frames.stages.Source.read`."""
        if not self.paced:
            found, self._ahead = self._ahead or self._next(), None
            if found is None or self._is_closed:
                return None
            return Frame(found.image, found.number, time.monotonic_ns())
        while (due := self._clock.wait_next()) is not None:
            found, is_late = self._due(due)
            if found is None and self._ahead is None:
                return None
            if found is None:
                continue  # nothing new at this moment: a gap, or a clip of a variable rate
            if is_late:
                self._clock.restart_at(found.number)
            return Frame(found.image, found.number, self._clock.due_ns(found.number))
        return None

    def close(self) -> None:
        """See `edge.frames.stages.Source.close`."""
        self._clock.close()
        with self._exchange:
            self._is_closed = True
        self._reader.close()

    def _due(self, due: int) -> tuple[_Numbered | None, bool]:
        """The newest frame that is due, None where none is new; and whether it is only as near as it pays."""
        found: _Numbered | None = None
        begin_ns = before_ns = time.monotonic_ns()
        while found is None or found.number < due:
            ahead, self._ahead = self._ahead or self._next(), None
            if ahead is None:
                break
            if ahead.number > due:
                self._ahead = ahead
                break
            found = ahead
            now_ns = time.monotonic_ns()
            # Skipping costs what decoding costs: where that is more than a frame's time, it never catches up.
            if found.number < due and ((now_ns - before_ns) * self.fps > 1e9 or now_ns - begin_ns > _CATCH_UP_NS):
                return found, True
            before_ns = now_ns
        return found, False

    def _next(self) -> _Numbered | None:
        """The next frame of the file, or of the next pass; None at the end."""
        found = fitted_frame(self._reader, self._fitter, self._lend)
        while found is None:
            if not self._begin_again():
                return None
            found = fitted_frame(self._reader, self._fitter, self._lend)
        image, time_s = found
        index = self._pass_begins_at + 1 + round(time_s * Fraction(self._facts.fps))
        self._last_index = max(self._last_index + 1, index)
        return _Numbered(image, self._last_index)

    def _begin_again(self) -> bool:
        if self._is_closed:
            return False
        if self._passes_done == 0 and (damage := self._reader.damage()):
            _log.warning("%s", one_line(f"{self._path}: {damage.line()}"))
        self._passes_done += 1
        if not self._loop:
            return False
        refuse_unlike_a_clip(self._path)
        self._pass_begins_at = self._last_index
        with self._exchange:
            if self._is_closed:
                return False
            self._reader.close()
            self._reader = ClipReader(self._path, self._facts)
        return True


def fitted_frame(reader: ClipReader, fitter: FrameFitter, lend: Lend) -> tuple[Image, Fraction] | None:
    """The next frame at 1920x1080 and its time, None at the end; in memory that is lent, where some is."""
    lent = lend()
    read = reader.read(lambda shape: lent if shape == FRAME_SHAPE else None)
    if read is None:
        return None
    image, time_s = read
    fitted = fitter.fitted(image, lent)
    if lent is not None and fitted is not lent:
        np.copyto(lent, fitted)
        fitted = lent
    return fitted, time_s
