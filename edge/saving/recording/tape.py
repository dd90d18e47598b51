"""One view of the live picture on its way through FFmpeg: frames in, fragments out."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from edge.basics.threads import give_way
from edge.clips.frames_stream import NS_PER_TICK, frame_head, stream_head
from edge.clips.process import FfmpegFailed, FfmpegRun
from edge.frames.frame import Frame
from edge.saving.recording.boxes import TICKS_PER_S, Fragment, NotMp4, read_fragments, read_init
from edge.saving.recording.encoders import Encoder, jpeg_of
from edge.saving.recording.mark import mark_planes, marked, words_of

log = logging.getLogger(__name__)

View = Literal["raw", "enhanced"]
TAKES_WITHIN_S = 10.0
"""FFmpeg must have taken a frame by then, or it counts as hung."""
BEHIND_S = 10.0
"""So much of frames went in since anything came out: it takes but does not give."""
_ENDS_WITHIN_S = 5.0
_NEVER_S = 1e9
_NOMINAL_FPS = 30.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A fragment of a view. Attributes: begin_ns, end_ns: by the clock of `Frame.t_capture_ns`."""

    view: View
    fragment: Fragment
    begin_ns: int
    end_ns: int


class Tape:
    """Frames of one view, encoded at their own times; never changes its size.

    What is made in the thread that makes it inherits that thread's niceness, FFmpeg too.

    Args:
        on_piece: called in the tape's thread with each fragment; may wait, then frames are dropped.
        on_end: called last in the tape's thread; why it ended, "" where `end` was called.

    Attributes:
        init: head of the clip, empty before the first piece.
        is_ended, ended_s: whether and when `end` was called, by the monotonic clock.
    """

    def __init__(
        self,
        view: View,
        encoder: Encoder,
        first: Frame,
        on_piece: Callable[[Tape, Piece], None],
        on_end: Callable[[Tape, str], None],
    ) -> None:
        self.view, self.init = view, b""
        self.is_ended, self.ended_s = False, 0.0
        self._encoder, self._on_piece, self._on_end = encoder, on_piece, on_end
        self._height_px, self._width_px = first.image.shape[:2]
        self._planes = np.empty((self._height_px * 3 // 2, self._width_px), np.uint8)
        self._origin_ns = self._fed_ns = first.t_capture_ns
        self._gap_ns = round(1e9 / _NOMINAL_FPS)
        self._num_fed = 0
        self._inside_s = 0.0
        self._failure = ""
        self._run = FfmpegRun(encoder.ffmpeg, encoder.arguments(), lambda line: None, reads=True, writes=True)
        self._thread = threading.Thread(target=self._read, name=f"recorder-{view}", daemon=True)
        self._thread.start()

    def feed(self, frame: Frame) -> None:
        """Append a frame that is later than the one before.

        Raises:
            FfmpegFailed: FFmpeg failed, was killed or hangs.
        """
        if self._inside_s > BEHIND_S:
            raise FfmpegFailed(f"FFmpeg gave nothing of {BEHIND_S:.0f} s; it was ended")
        if frame.image.shape[:2] != (self._height_px, self._width_px):
            raise FfmpegFailed(f"a frame of {frame.image.shape[1]}x{frame.image.shape[0]} among others of another size")
        content = self._content(frame)
        ticks = (frame.t_capture_ns - self._origin_ns) // NS_PER_TICK
        gap_ns = frame.t_capture_ns - self._fed_ns
        step = max(1, min(gap_ns, self._gap_ns, 1_000_000_000) // NS_PER_TICK)  # a gap before it makes none last longer
        head = b""
        if not self._num_fed:
            head = stream_head(self._width_px, self._height_px, _NOMINAL_FPS, self._encoder.format.fed)
        try:
            self._run.write(head + frame_head(ticks, step, content.nbytes), TAKES_WITHIN_S)
            self._run.write(content.data, TAKES_WITHIN_S)
        except (BrokenPipeError, ValueError) as error:
            raise FfmpegFailed(self._why()) from error
        self._inside_s += min(1.0, gap_ns / 1e9)  # a gap is nothing that FFmpeg holds
        self._gap_ns = gap_ns or self._gap_ns
        self._fed_ns = frame.t_capture_ns
        self._num_fed += 1

    def end(self) -> None:
        """No more frames: what was fed comes out, then `on_end` is called."""
        if not self.is_ended:
            self.is_ended, self.ended_s = True, time.monotonic()
            self._run.end_input()

    def close(self, reason: str = "") -> None:
        """Kill FFmpeg where it still runs; `on_end` is called with the reason, unless it was already."""
        self._failure = self._failure or reason
        self._run.close()

    def join(self, wait_s: float) -> None:
        """Wait until all has come out."""
        self._thread.join(wait_s)

    def _content(self, frame: Frame) -> np.ndarray:
        """The bytes of a frame as FFmpeg gets them, the one before written already."""
        words = words_of(frame) if self.view == "enhanced" else ""
        if self._encoder.is_fed_jpeg():
            return jpeg_of(marked(frame.image, words) if words else frame.image)
        planes = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2YUV_I420, self._planes), np.uint8)
        if words:
            mark_planes(planes, words)
        return planes

    def _read(self) -> None:
        give_way()
        reason = ""
        try:
            self.init = read_init(self._bytes)
            if self.init:
                for fragment in read_fragments(self._bytes):
                    self._inside_s = 0.0
                    self._on_piece(self, self._piece(fragment))
            reason = self._why()
        except NotMp4 as error:
            reason = f"FFmpeg gave {error}"
        except FfmpegFailed as error:
            reason = str(error)
        except Exception as error:
            log.exception("recording")
            reason = f"{type(error).__name__}: {error}"
        self._run.close()
        self._on_end(self, reason)

    def _bytes(self, num_bytes: int) -> bytes:
        buffer = bytearray(num_bytes)
        return bytes(buffer) if self._run.read_into(memoryview(buffer), _NEVER_S) else b""

    def _piece(self, fragment: Fragment) -> Piece:
        begin_ns = self._origin_ns + round(fragment.begin * 1e9 / TICKS_PER_S)
        return Piece(self.view, fragment, begin_ns, begin_ns + round(fragment.duration * 1e9 / TICKS_PER_S))

    def _why(self) -> str:
        """Why FFmpeg ended; "" where it was asked to, and did well."""
        if self._failure:
            return self._failure
        status = self._run.wait(_ENDS_WITHIN_S)
        return "" if self.is_ended and status == 0 else self._run.ended_by(status)
