"""A camera on the network: RTSP, or MJPEG over HTTP, decoded by FFmpeg through OpenCV."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

from edge.basics.errors import CameraLost, DeviceMissing
from edge.basics.secrets import shown_uri
from edge.frames.frame import Frame
from edge.frames.lending import Lend, nothing_lent
from edge.sources.capture import Capture, CaptureHolder, opened_capture, plausible_fps, retrieved_rgb
from edge.sources.pace import FrameFitter

_log = logging.getLogger(__name__)

OPEN_TIMEOUT_S, READ_TIMEOUT_S = 5, 3
_MAX_SKIP = 30
_MAX_LAG_NS = 10_000_000_000
_FFMPEG_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_environment = threading.Lock()


class StreamSource:
    """A network camera. The newest frame wins: what piled up while nobody read is decoded but not given.

    Args:
        uri: as the user wrote it; `self.uri`, which others log and show, has what is secret taken out.
        capture: an open capture, for tests; else the stream is opened here.
        lend: memory for the pictures.

    Raises:
        DeviceMissing: nobody answers at the address, or what answers is no video.
    """

    paced = True

    def __init__(self, uri: str, capture: Capture | None = None, *, lend: Lend = nothing_lent) -> None:
        self.uri = shown_uri(uri)
        self._lend = lend
        self._holder = CaptureHolder(capture or _opened_stream(uri))
        self.fps = plausible_fps(self._holder.capture)
        self._fitter = FrameFitter(self.uri, _log)
        self._prompt_offset_ns: int | None = None
        self._seq = -1

    def read(self) -> Frame | None:
        """See `edge.frames.stages.Source.read`."""
        with self._holder.reading() as is_open:
            if not is_open:
                return None
            lag_ns = self._grab_newest(self._holder.capture)
            t_capture_ns = time.monotonic_ns() - lag_ns
            image = retrieved_rgb(self._holder.capture, self._fitter, self._lend)
        if image is None:
            raise CameraLost(f"{self.uri}: the stream gives frames that cannot be decoded")
        return Frame(image, self._seq, t_capture_ns)

    def close(self) -> None:
        """See `edge.frames.stages.Source.close`."""
        self._holder.close()

    def _grab_newest(self, capture: Capture) -> int:
        """Grab until the frame is the newest one, as far as FFmpeg shows it; how late it is, ns.

        A frame that had to be waited for is the newest. One that was there at once may have queued: the
        stream's own time tells by how much, measured against the last frame that was waited for.
        """
        for _ in range(_MAX_SKIP):
            begin_ns = time.monotonic_ns()
            if not capture.grab():
                raise CameraLost(f"{self.uri}: the stream ended or was silent for {READ_TIMEOUT_S} s")
            self._seq += 1
            arrival_ns = time.monotonic_ns()
            offset_ns = arrival_ns - round(capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
            if (arrival_ns - begin_ns) * self.fps > 0.5e9 or self._prompt_offset_ns is None:
                self._prompt_offset_ns = offset_ns
            lag_ns = min(max(0, offset_ns - self._prompt_offset_ns), _MAX_LAG_NS)
            if lag_ns * self.fps < 2e9 or self._holder.closing:
                break
        return lag_ns


def _opened_stream(uri: str) -> Capture:
    params = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_S * 1000]
    params += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_S * 1000]
    params += [cv2.CAP_PROP_N_THREADS, 1]  # each further thread holds a frame back
    with _low_latency_options():
        capture = opened_capture(uri, cv2.CAP_FFMPEG, params)
    if capture is None:
        shown = shown_uri(uri)
        raise DeviceMissing(f"{shown}: no video there within {OPEN_TIMEOUT_S} s; check the address and the camera")
    return capture


@contextmanager
def _low_latency_options() -> Iterator[None]:
    """Set FFmpeg's options, which travel in the environment, while a stream opens; the user's own win."""
    with _environment:
        if _FFMPEG_OPTIONS in os.environ:
            yield
            return
        os.environ[_FFMPEG_OPTIONS] = "rtsp_transport;tcp|fflags;nobuffer"
        try:
            yield
        finally:
            del os.environ[_FFMPEG_OPTIONS]
