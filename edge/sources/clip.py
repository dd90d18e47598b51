"""A video file, played as a camera would or given once through."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import cv2

from edge.basics.errors import InputOutputError
from edge.frames.frame import Frame
from edge.frames.lending import Lend, nothing_lent
from edge.sources.capture import Capture, CaptureHolder, opened_capture, plausible_fps, retrieved_rgb
from edge.sources.pace import FrameClock, FrameFitter

_log = logging.getLogger(__name__)

_CATCH_UP_NS = 250_000_000
_CUT_SHORT_BELOW = 0.9


class ClipSource:
    """A video file. Rotation in its metadata is applied.

    Paced, it plays in real time: a reader that comes late gets the frame due now, and `seq` shows the gap.
    Where decoding alone is slower than real time, it plays as fast as it can, without gaps.
    `seq` goes on counting when a loop begins again.

    Args:
        uri: as the user wrote it.
        path: the file.
        fps: rate to play at; the file's own where None.
        paced: wait for each frame as a camera does.
        loop: begin again after the last frame.
        lend: memory for the pictures.

    Raises:
        InputOutputError: the file is missing, empty, not a clip, or no frame of it can be decoded.
    """

    def __init__(
        self, uri: str, path: Path, *, fps: float | None, paced: bool, loop: bool, lend: Lend = nothing_lent
    ) -> None:
        self.uri = uri
        self._lend = lend
        self.paced = paced
        self._path = path
        self._loop = loop
        capture = capture_at_first_frame(path)
        self.fps = fps or plausible_fps(capture)
        self._holder = CaptureHolder(capture)
        self._clock = FrameClock(self.fps)
        self._fitter = FrameFitter(uri, _log)
        self._grabbed_seq = 0
        self._next_seq = 0
        self._passes_done = 0

    def read(self) -> Frame | None:
        """See `edge.frames.stages.Source.read`."""
        due_seq = self._clock.wait_next() if self.paced else self._next_seq
        if due_seq is None:
            return None
        t_capture_ns = self._clock.due_ns(due_seq) if self.paced else time.monotonic_ns()
        with self._holder.reading() as is_open:
            if not is_open or not self._advance(due_seq):
                return None
            image = retrieved_rgb(self._holder.capture, self._fitter, self._lend)
        if image is None:
            raise InputOutputError(f"{self._path}: frame {self._grabbed_seq} cannot be converted to RGB")
        if self._grabbed_seq < due_seq:
            self._clock.restart_at(self._grabbed_seq)
            t_capture_ns = self._clock.due_ns(self._grabbed_seq)
        self._next_seq = self._grabbed_seq + 1
        return Frame(image, self._grabbed_seq, t_capture_ns)

    def close(self) -> None:
        """See `edge.frames.stages.Source.close`."""
        self._clock.close()
        self._holder.close()

    def _advance(self, due_seq: int) -> bool:
        """Grab up to the frame due, or as near as it pays; False at the end of the file."""
        begin_ns = before_ns = time.monotonic_ns()
        while self._grabbed_seq < due_seq:
            if not self._grab_next():
                return False
            now_ns = time.monotonic_ns()
            # Skipping costs what decoding costs: where that is more than a frame's time, it never catches up.
            if (now_ns - before_ns) * self.fps > 1e9 or now_ns - begin_ns > _CATCH_UP_NS:
                break
            before_ns = now_ns
        return True

    def _grab_next(self) -> bool:
        if not self._holder.capture.grab():
            self._warn_if_cut_short()
            self._passes_done += 1
            if not self._loop:
                return False
            self._holder.replace(capture_at_first_frame(self._path))
        self._grabbed_seq += 1
        return True

    def _warn_if_cut_short(self) -> None:
        num_promised = self._holder.capture.get(cv2.CAP_PROP_FRAME_COUNT)
        num_frames = self._grabbed_seq + 1
        if self._passes_done == 0 and num_frames < _CUT_SHORT_BELOW * num_promised:
            _log.warning(
                "%s: %d of %d frames could be read; the file may be cut short",
                self._path, num_frames, num_promised,
            )  # fmt: skip


def capture_at_first_frame(path: Path) -> Capture:
    """Open a clip and grab its first frame, ready to be retrieved.

    Raises:
        InputOutputError: the file is missing, empty, not a clip, or no frame of it can be decoded.
    """
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        raise InputOutputError(f"{path}: cannot read the clip: {error.strerror or error}") from error
    if is_empty:
        raise InputOutputError(f"{path}: the clip is empty (0 bytes)")
    # Absolute, since FFmpeg takes "a:b.avi" for a protocol.
    capture = opened_capture(str(path.absolute()), cv2.CAP_FFMPEG)
    if capture is None:
        raise InputOutputError(f"{path}: FFmpeg cannot open it as a clip; not one, or cut short")
    if not capture.grab():
        capture.release()
        raise InputOutputError(f"{path}: no frame of the clip can be decoded; the file is damaged")
    return capture
