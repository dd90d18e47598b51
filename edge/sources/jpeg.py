"""One picture of a camera's MJPG: complete and sound, or not given."""

from __future__ import annotations

import logging
import re

import numpy as np
import simplejpeg

from edge.frames.lending import Lend, nothing_lent
from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.image import Image
from edge.sources.cuts import CutGuard
from edge.sources.judgement import MAX_REFUSED, Fault

_log = logging.getLogger(__name__)

_END = b"\xff\xd9"
_END_WITHIN = 4096
_MAX_HABIT = 64
_BLOCK_ROWS_PX = {"420": 16, "440": 16}
_LEFT_OVER = re.compile(r"(\d+) extraneous bytes before marker 0xd9")


class JpegReader:
    """Decodes strictly: whatever the decoder complains of inside a picture makes it a damaged one.

    Let pass is what follows the end marker, and zeros that fill up what comes before it. A few other bytes there may be
    a camera's habit, but are what damage leaves too: they are let pass from a camera that has made them in each of its
    first ten pictures, never from one that has given a sound picture before. JPEG has no checksum: of what the decoder
    passes, `CutGuard` sees what shows (docs/testing.md).

    Args:
        camera: for the log.
    """

    def __init__(self, camera: str, lend: Lend = nothing_lent) -> None:
        self._camera, self._lend = camera, lend
        self._num_left_over = 0
        self._has_habit = False
        self._has_been_sound = False
        self._cuts = CutGuard()
        self._block_rows_px = 8

    def rgb(self, data: bytes) -> Image | Fault:
        """The picture as RGB uint8 at its own size, or what is wrong with it."""
        end = data.rfind(_END, max(0, len(data.rstrip(b"\0")) - _END_WITHIN))
        if end < 0:
            return "incomplete"
        whole = data[: end + 2]
        image = self._decoded(whole)
        if isinstance(image, str) and data[end - 2 : end] == b"\0\0":
            image = self._decoded(whole[:-2].rstrip(b"\0") + _END)
        if isinstance(image, str):
            image = self._by_habit(whole, image)
        else:
            self._has_been_sound = True
        if isinstance(image, str) or self._cuts.is_cut(image, self._block_rows_px):
            return "damaged"
        return image

    def _by_habit(self, whole: bytes, complaint: str) -> Image | Fault:
        found = _LEFT_OVER.search(complaint)
        if found is None or int(found[1]) > _MAX_HABIT or (self._has_been_sound and not self._has_habit):
            self._num_left_over = 0
            return "damaged"
        self._num_left_over += 1
        if not self._has_habit and self._num_left_over < MAX_REFUSED:
            return "damaged"
        if not self._has_habit:
            self._has_habit = True
            _log.warning("%s: leaves bytes before the end of each picture; let pass from now on", self._camera)
        image = self._decoded(whole, strict=False)
        return "damaged" if isinstance(image, str) else image

    def _decoded(self, jpeg: bytes, *, strict: bool = True) -> Image | str:
        """The picture, or the decoder's complaint."""
        try:
            height_px, width_px, _, subsampling = simplejpeg.decode_jpeg_header(jpeg, strict=False)
            self._block_rows_px = _BLOCK_ROWS_PX.get(subsampling, 8)
            is_whole_frame = (height_px, width_px) == FRAME_SHAPE[:2]
            lent = self._lend() if is_whole_frame else None
            return np.asarray(simplejpeg.decode_jpeg(jpeg, "RGB", strict=strict, buffer=lent), np.uint8)
        except ValueError as error:
            return str(error)
