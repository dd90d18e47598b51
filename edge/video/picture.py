"""The pictures that are coded: a view of a frame pair with its banner and strip, as planes for an encoder."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames.frame import Frame, FramePair
from edge.health.state import Verdict
from edge.pictures.image import Image
from edge.web import banner, state_strip
from edge.web.banner import PictureState, Side
from edge.web.views import Room, image_of, status_of

VideoView = Literal["enhanced", "raw", "pair"]
VIDEO_VIEWS: tuple[VideoView, ...] = get_args(VideoView)
HALF_PX = 1280, 720
"""Each picture of a pair at most: both together have no more pixels than one of 1920x1080."""
MAX_BYTES = 1920 * 1080 * 3 // 2


def coded_size(view: VideoView, width_px: int, height_px: int, most_px: int) -> tuple[int, int]:
    """Width and height of a view's coded pictures, both even.

    Args:
        width_px, height_px: of the unit's pictures.
        most_px: width that a picture is made smaller to, each of a pair to two thirds of that.
    """
    most_px = min(most_px, width_px)
    if view == "pair":
        width, height = HALF_PX[0] * most_px // 1920 // 4 * 4, 0
        height = round(width * height_px / width_px) // 2 * 2
        return 2 * width, height
    width = most_px // 4 * 4
    return width, round(width * height_px / width_px) // 2 * 2


class Painter:
    """Composes views, in memory that is kept; for one thread."""

    def __init__(self) -> None:
        self._canvas = Room()

    def paint(
        self, view: VideoView, pair: FramePair | None, verdict: Verdict, most_px: int, out: NDArray[np.uint8]
    ) -> tuple[int, int, PictureState]:
        """Width, height and state of the picture that is in `out` now.

        A pair is both pictures of one frame, raw left and enhanced right.

        Args:
            out: uint8 of at least `MAX_BYTES`; gets I420, ITU-R BT.601 of limited range.
        """
        raw, enhanced = (None, None) if pair is None else (pair.raw, pair.enhanced)
        shown = raw if view == "raw" else enhanced
        whole = image_of(shown)
        width_px, height_px = coded_size(view, whole.shape[1], whole.shape[0], most_px)
        canvas = self._canvas.of((height_px, width_px, 3))
        status = status_of(shown, verdict, "raw" if view == "raw" else "enhanced")
        if view == "pair":
            of_raw = status_of(raw, verdict, "raw", has_notices=False)
            self._lay(canvas[:, : width_px // 2], raw, of_raw, "left")
            self._lay(canvas[:, width_px // 2 :], enhanced, status, "right")
        else:
            self._lay(canvas, shown, status, "left")
        state_strip.draw(canvas, None if shown is None else shown.seq, status.state, status.mode)
        planes = out[: width_px * height_px * 3 // 2].reshape(height_px * 3 // 2, width_px)
        cv2.cvtColor(canvas, cv2.COLOR_RGB2YUV_I420, dst=planes)
        return width_px, height_px, status.state

    def _lay(self, part: Image, frame: Frame | None, status: banner.Status, side: Side) -> None:
        """One picture with its banner."""
        image = image_of(frame)
        height_px, width_px = part.shape[:2]
        if image.shape[:2] == (height_px, width_px):
            np.copyto(part, image)
        else:
            np.copyto(part, cv2.resize(image, (width_px, height_px), interpolation=cv2.INTER_AREA))
        banner.draw(part, status, side, height_px)
