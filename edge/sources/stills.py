"""Pictures: reading one file, listing a folder, and playing them as a camera would."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import edge.sources.capture  # noqa: F401  keeps OpenCV's own lines off stderr
from edge.basics.errors import InputOutputError
from edge.frames.frame import Frame
from edge.pictures.files import read_picture
from edge.pictures.geometry import Fit
from edge.pictures.image import Image
from edge.sources.pace import FrameClock, FrameFitter

_log = logging.getLogger(__name__)


_SECONDS_PER_PICTURE = 1.0


class StillSource:
    """One picture or several, given as frames of a camera or one by one.

    Live, each picture is held for a second and a damaged one is left out with a warning. Otherwise each
    comes once; `read` raises for a damaged one, and the next `read` goes on with the one after it.

    Args:
        uri: as the user wrote it.
        paths: at least one.
        fps: frames per second.
        live: hold each picture, leave out damaged ones.
        paced: wait for each frame as a camera does.
        loop: begin again after the last picture.
        fit: what is done with a picture that is not 16:9.
    """

    def __init__(
        self,
        uri: str,
        paths: Sequence[Path],
        *,
        fps: float,
        live: bool,
        paced: bool,
        loop: bool,
        fit: Fit = "crop",
    ) -> None:
        self.uri = uri
        self.fps = fps
        self.paced = paced
        self._live = live
        self._loop = loop
        self._paths = list(paths)
        self._frames_each = max(1, round(fps * _SECONDS_PER_PICTURE)) if live else 1
        self._clock = FrameClock(fps)
        self._fitter = FrameFitter(uri, _log, fit)
        self._closed = False
        self._seq = -1
        self._shown: tuple[Path, Image] | None = None
        if live:
            self._sound_image(0)  # without any sound picture it fails here, not in the capture thread

    def read(self) -> Frame | None:
        """See `edge.frames.stages.Source.read`."""
        if self.paced:
            index = self._clock.wait_next()
            if index is None:
                return None
            self._seq, t_capture_ns = index, self._clock.due_ns(index)
        else:
            self._seq, t_capture_ns = self._seq + 1, time.monotonic_ns()
        turn = self._seq // self._frames_each
        if self._closed or (turn >= len(self._paths) and not self._loop):
            return None
        image = self._sound_image(turn) if self._live else self._image(turn)
        return None if image is None else Frame(image, self._seq, t_capture_ns)

    def about(self) -> dict[str, Any]:
        """See `edge.frames.stages.about`."""
        return {"picture": self._fitter.record()}

    def close(self) -> None:
        """See `edge.frames.stages.Source.close`."""
        self._closed = True
        self._clock.close()

    def _image(self, turn: int) -> Image:
        """The picture of a turn at 1920x1080; read from disk when the turn changes."""
        path = self._paths[turn % len(self._paths)]
        if self._shown is None or self._shown[0] != path:
            self._shown = (path, self._fitter.fitted(read_picture(path)))
        return self._shown[1]

    def _sound_image(self, turn: int) -> Image | None:
        """As `_image`, but takes damaged pictures out of the list; None where that was the end of it."""
        while self._loop or turn < len(self._paths):
            try:
                return self._image(turn)
            except InputOutputError as error:
                if len(self._paths) == 1:
                    raise
                _log.warning("%s; left out", error)
                self._paths.pop(turn % len(self._paths))
        return None
