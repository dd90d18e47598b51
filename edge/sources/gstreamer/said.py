"""What a pipeline's process says, read by this one, which believes no number of it unseen."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from edge.gstreamer.child import ChildGone, Message

_MAX_PX = 4096


@dataclass(frozen=True, slots=True)
class Caps:
    """What the pictures are.

    Attributes:
        row_bytes: of a row as RGB in the memory that both see.
        pixel_format: at the pipeline's end, as GStreamer names it.
        fps: 0 where it is not told.
        pixel_aspect: width of a pixel through its height.
        is_live: whether the pipeline's time stamps tell when pictures were taken.
    """

    width_px: int
    height_px: int
    row_bytes: int
    pixel_format: str
    fps: float
    pixel_aspect: float
    is_live: bool
    is_interlaced: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A picture lies there.

    Attributes:
        taken_ns: on the clock of `time.monotonic_ns()`; None where nothing tells.
        arrived_ns: when it came out of the pipeline.
    """

    offset: int
    seq: int
    taken_ns: int | None
    arrived_ns: int


def caps_of(message: Message) -> Caps:
    """Raises `ChildGone` where it is no such message."""
    try:
        width_px, height_px, row_bytes = (int(message[key]) for key in ("width", "height", "row_bytes"))
        fps, aspect = float(message["fps"]), float(message["pixel_aspect"])
        fits = 0 < width_px <= _MAX_PX and 0 < height_px <= _MAX_PX and 3 * width_px <= row_bytes <= 3 * width_px + 64
        if message["is"] != "caps" or not fits or not 0 <= fps <= 1000 or not 0.1 <= aspect <= 10:
            raise ValueError
        words = str(message["format"])[:32]
        return Caps(width_px, height_px, row_bytes, words, fps, aspect, bool(message["is_live"]),
                    bool(message["interlaced"]))  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise ChildGone("the pipeline's process says what is no picture's size") from error


def taken_of(message: Message, lent: Container[int]) -> Said:
    """Args: offsets that were lent to it.

    Raises:
        ChildGone: it is no such message.
    """
    try:
        taken_ns = None if message["taken_ns"] is None else int(message["taken_ns"])
        said = Said(int(message["offset"]), int(message["seq"]), taken_ns, int(message["arrived_ns"]))
        if message["is"] != "picture" or said.offset not in lent:
            raise ValueError
    except (KeyError, TypeError, ValueError) as error:
        raise ChildGone("the pipeline's process says what is no picture") from error
    return said
