"""The picture of a screen at the unit: as a viewer of the page sees it, in memory that is given."""

from __future__ import annotations

import numpy as np

from edge.frames.frame import FramePair
from edge.health.state import Verdict
from edge.pictures.image import Image, Mode
from edge.web import state_strip
from edge.web.banner import draw
from edge.web.views import image_of, status_of


def draw_screen(pair: FramePair | None, verdict: Verdict, view: Mode, out: Image) -> None:
    """One view of a pair, with its banner and its state strip in the pixels; None stands for no pair yet."""
    frame = None if pair is None else pair.raw if view == "raw" else pair.enhanced
    np.copyto(out, image_of(frame))
    status = status_of(frame, verdict, view)
    draw(out, status, "left", out.shape[0])
    state_strip.draw(out, None if frame is None else frame.seq, status.state, status.mode)
