"""What the sources that play a camera share: the clock, the fit to 1920x1080."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX, Fit, fit_to_frame
from edge.pictures.image import Image

_NS_PER_S = 1_000_000_000


class FrameClock:
    """Says which frame of a camera that never waits is due now.

    Frame `i` is due at `start + i / fps`; the clock starts with the first `wait_next`. A reader that
    comes late gets the newest due index, so the picture stays in step with real time and the gap in
    the numbers shows what was missed. One thread reads; `close` may come from another.
    """

    def __init__(self, fps: float) -> None:
        self._period_ns = _NS_PER_S / fps
        self._closed = threading.Event()
        self._start_ns: float | None = None
        self._last_index = -1

    def wait_next(self) -> int | None:
        """Wait for a frame that was not given yet: the index of the newest one due. None once closed."""
        if self._closed.is_set():
            return None
        if self._start_ns is None:
            self._start_ns = time.monotonic_ns()
        while (now_ns := time.monotonic_ns()) < (next_ns := self.due_ns(self._last_index + 1)):
            if self._closed.wait((next_ns - now_ns) / _NS_PER_S):
                return None
        self._last_index = max(self._last_index + 1, int((now_ns - self._start_ns) / self._period_ns))
        return self._last_index

    def due_ns(self, index: int) -> int:
        """`time.monotonic_ns()` at which a frame is due; now, as long as the clock has not started."""
        start_ns = time.monotonic_ns() if self._start_ns is None else self._start_ns
        return round(start_ns + index * self._period_ns)

    def restart_at(self, index: int) -> None:
        """Make `index` the frame due now: for a reader that cannot keep up, which would chase for ever."""
        self._start_ns = time.monotonic_ns() - index * self._period_ns
        self._last_index = index

    def close(self) -> None:
        """End a waiting `wait_next` and every later one."""
        self._closed.set()


class FrameFitter:
    """Fits the pictures of one source to 1920x1080, and warns once where they did not fit.

    Args:
        uri: names the source in the warning.
        log: the logger of the source's module.
        fit: what is done with a picture that is not 16:9.
    """

    def __init__(self, uri: str, log: logging.Logger, fit: Fit = "crop") -> None:
        self._uri, self._log, self._fit = uri, log, fit
        self._size_px: tuple[int, int] | None = None
        self._warned = False

    def fitted(self, image: Image, out: Image | None = None) -> Image:
        """A picture of any size at 1920x1080, its channels untouched; the picture itself where it fits.

        Args:
            out: memory for a resized picture, which may be used.
        """
        fitted = fit_to_frame(image, self._fit, out)
        self._size_px = (image.shape[1], image.shape[0])
        if fitted is not image and not self._warned:
            self._warned = True
            self._log.warning("%s: %s", self._uri, describe_fit(*self._size_px, self._fit))
        return fitted

    def record(self) -> dict[str, Any] | None:
        """Size of the newest picture and what was done to it, as `/health` tells it; None before the first one."""
        if self._size_px is None:
            return None
        width_px, height_px = self._size_px
        is_told = width_px * 9 != height_px * 16
        told = describe_fit(width_px, height_px, self._fit) if is_told else ""
        return {"width_px": width_px, "height_px": height_px, "fit": self._fit, "told": told}


def describe_fit(width_px: int, height_px: int, fit: Fit = "crop") -> str:
    """What `fit_to_frame` does to a source of this size, for a person."""
    shape = (width_px * 9) / (height_px * 16)
    share, side = (1 - shape, "height") if shape < 1 else (1 - 1 / shape, "width")
    if shape == 1:
        made = ""
    elif fit == "pad":
        made = f"shown whole, {share:.0%} of the frame's {'width' if side == 'height' else 'height'} is black; "
    else:
        made = f"cropped to 16:9, {share:.0%} of its {side} is cut away; "
    return f"source is {width_px}x{height_px}: {made}resized to {FRAME_WIDTH_PX}x{FRAME_HEIGHT_PX}"
