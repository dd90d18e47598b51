"""Pictures: reading one file, listing a folder, and playing them as a camera would."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import edge.sources.capture  # noqa: F401  keeps OpenCV's own lines off stderr
from edge.basics.errors import InputOutputError
from edge.frames.frame import Frame
from edge.pictures.geometry import Fit
from edge.pictures.image import Image
from edge.pictures.reading.picture_file import PictureFile, num_pages_of, opened_picture
from edge.sources.pace import FrameClock, FrameFitter

_log = logging.getLogger(__name__)


_SECONDS_PER_PICTURE = 1.0


class _Page(NamedTuple):
    """A page of a picture file, from 1."""

    path: Path
    number: int


class StillSource:
    """One picture or several, given as frames of a camera or one by one; of a file with pages, each of them.

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
        self._pages = [_Page(path, number + 1) for path in paths for number in range(num_pages_of(path))]
        self._frames_each = max(1, round(fps * _SECONDS_PER_PICTURE)) if live else 1
        self._clock = FrameClock(fps)
        self._fitter = FrameFitter(uri, _log, fit)
        self._closed = False
        self._seq = -1
        self._shown: tuple[_Page, Image] | None = None
        self._file: tuple[Path, PictureFile] | None = None
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
        if self._closed or (turn >= len(self._pages) and not self._loop):
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
        page = self._pages[turn % len(self._pages)]
        if self._shown is None or self._shown[0] != page:
            if self._file is None or self._file[0] != page.path:
                self._file = (page.path, opened_picture(page.path))
            self._shown = (page, self._fitter.fitted(self._file[1].page(page.number).image))
        return self._shown[1]

    def _sound_image(self, turn: int) -> Image | None:
        """As `_image`, but takes damaged pictures out of the list; None where that was the end of it."""
        while self._loop or turn < len(self._pages):
            try:
                return self._image(turn)
            except InputOutputError as error:
                if len(self._pages) == 1:
                    raise
                _log.warning("%s; left out", error)
                self._pages.pop(turn % len(self._pages))
        return None
