"""The one place that opens `cv2.VideoCapture`: quiet, checked, and safe to close from another thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

# OpenCV reads it when it first opens a capture: else V4L2 waits 10 s for the first frame of a silent camera.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "3")

import cv2

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class Capture(Protocol):
    """The part of `cv2.VideoCapture` that the sources use; a test may play it."""

    def isOpened(self) -> bool: ...  # noqa: N802
    def get(self, prop: int, /) -> float: ...
    def set(self, prop: int, value: float, /) -> bool: ...
    def grab(self) -> bool: ...
    def retrieve(self) -> tuple[bool, Any]: ...
    def release(self) -> None: ...

    def waitAny(self, streams: Sequence[Any], timeout_ns: int, /) -> tuple[bool, Sequence[int]]: ...  # noqa: N802


def opened_capture(name: str, backend: int, params: Sequence[int] = ()) -> Capture | None:
    """An open `cv2.VideoCapture`, None where OpenCV cannot open it.

    An unopened one never leaves here: `isOpened` is its only safe call (`waitAny` crashes the process).
    """
    capture: Capture = cv2.VideoCapture(name, backend, list(params))
    return capture if capture.isOpened() else None


class CaptureHolder:
    """Lets one thread read a capture and any thread close it.

    `release` frees the memory that a running `grab` works in, so the last one out releases:
    `close` itself where nobody reads, else the reader when it is done.
    """

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self._reading = threading.Lock()
        self._closing = threading.Event()

    @property
    def closing(self) -> bool:
        """Whether a reader should stop."""
        return self._closing.is_set()

    @contextmanager
    def reading(self) -> Iterator[bool]:
        """Keeps `capture` from being released during the block. Gives False where it is closed already."""
        try:
            with self._reading:
                yield not self.closing
        finally:
            self._release_if_closing()

    def replace(self, capture: Capture) -> None:
        """Take another capture and release the old one; only inside `reading`."""
        self.capture.release()
        self.capture = capture

    def close(self) -> None:
        """Release now or as soon as the reader is done; never waits, safe to call twice."""
        self._closing.set()
        self._release_if_closing()

    def _release_if_closing(self) -> None:
        if self._closing.is_set() and self._reading.acquire(blocking=False):
            try:
                self.capture.release()
            finally:
                self._reading.release()
