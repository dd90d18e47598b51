"""Reads what a person would see: the banner's words and colours and the time code, all from the pixels.

The colours and words are stated here anew, so that a banner that changed by accident is not believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np

from edge.pictures.image import Image
from tests.faults.injected.source import NUM_FRAMES, thumb
from tests.faults.watched.timecode import PLAIN, Code, read_code

_BORDERS = {
    "frozen": (72, 160, 255),
    "stale": (255, 184, 28),
    "no-signal": (196, 30, 42),
    "starting": (38, 84, 140),
}
_BORDER_TOLERANCE = 40
_PILL_PX, _FONT_SCALE = 40, 0.72
_MIN_SCORE = 0.6
RAW_WITHIN, ENHANCED_BEYOND = 3.0, 6.0
"""Mean levels between a picture and the camera's frame of that number: the codec stays below, enhancing goes beyond."""

State = Literal["live", "frozen", "stale", "no-signal", "starting", "unreadable"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one picture shows.

    Attributes:
        state: what its banner says; "live" needs the word LIVE and no border.
        mode: raw or enhanced as the banner says; empty where it says neither.
        pixels: raw or enhanced as the pixels are; empty where that cannot be told.
        code: which frame; None where the code cannot be read.
        difference: mean levels from the camera's frame; None where that is unknown.
    """

    state: State
    mode: str
    pixels: str
    code: Code | None
    difference: float | None = None


class Reader:
    """Knows the camera's frames, so that it can tell raw pixels from enhanced ones.

    Args:
        frames: as `tests.faults.injected.source.make_frames` saved them.
    """

    def __init__(self, frames: np.ndarray) -> None:
        self._thumbs = [thumb(frame) for frame in frames[:NUM_FRAMES]]

    def seen(self, image: Image) -> Seen:
        """Read a 16:9 RGB picture of any height."""
        code = read_code(image)
        state, mode = banner_of(image)
        pixels, difference = "", None
        if code is not None and code.kind == PLAIN and state in ("live", "frozen", "stale"):
            difference = float(np.abs(thumb(image) - self._thumbs[code.seq % NUM_FRAMES]).mean())
            pixels = "raw" if difference < RAW_WITHIN else "enhanced" if difference > ENHANCED_BEYOND else ""
        return Seen(state, mode, pixels, code, difference)


def banner_of(image: Image) -> tuple[State, str]:
    """What the banner of a 16:9 RGB picture says: its state, and raw or enhanced, empty where it says neither."""
    state = _border_state(image)
    scale = image.shape[0] / 1080
    # Live and frozen pictures have their pill in the corner, the others beneath a bar of 132 px.
    top = 24 if state in ("", "frozen") else 24 + 132
    strip = cv2.cvtColor(image[round((top - 6) * scale) : round((top + _PILL_PX + 6) * scale)], cv2.COLOR_RGB2GRAY)
    if state == "":
        state = "live" if _score(strip, "LIVE", scale) > _MIN_SCORE else "unreadable"
    return state, "" if state == "starting" else _mode(strip, scale)  # type: ignore[return-value]


def _border_state(image: Image) -> str:
    """The state that the border's colour tells; empty where there is none."""
    height, width = image.shape[:2]
    edge = max(2, round(6 * height / 1080))
    third = slice(height // 3, height - height // 8)
    sides = [image[third, :edge], image[third, width - edge :], image[height - edge :, width // 4 : -width // 4]]
    means = [side.reshape(-1, 3).mean(axis=0) for side in sides]
    for state, colour in _BORDERS.items():
        if all(np.abs(mean - colour).max() < _BORDER_TOLERANCE for mean in means):
            return state
    return ""


def _mode(strip: np.ndarray, scale: float) -> str:
    raw, enhanced = (_score(strip, word, scale) for word in ("RAW", "ENHANCED"))
    if max(raw, enhanced) < _MIN_SCORE:
        return ""
    return "raw" if raw > enhanced else "enhanced"


def _score(strip: np.ndarray, word: str, scale: float) -> float:
    template = _template(word, round(scale, 4))
    if strip.shape[0] < template.shape[0] or strip.shape[1] < template.shape[1]:
        return 0.0
    return float(cv2.matchTemplate(strip, template, cv2.TM_CCOEFF_NORMED).max())


@lru_cache(maxsize=32)
def _template(word: str, scale: float) -> np.ndarray:
    """White letters on the pill's dark ground, drawn large and shrunk."""
    fine = 4
    font, size, pen = cv2.FONT_HERSHEY_DUPLEX, _FONT_SCALE * fine, fine
    (width, height), _ = cv2.getTextSize(word, font, size, pen)
    canvas = np.full((_PILL_PX * fine * 3 // 4, width + 8 * fine), 30, np.uint8)
    cv2.putText(canvas, word, (4 * fine, (canvas.shape[0] + height) // 2), font, size, 255, pen, cv2.LINE_AA)
    small = (max(1, round(canvas.shape[1] / fine * scale)), max(1, round(canvas.shape[0] / fine * scale)))
    return cv2.resize(canvas, small, interpolation=cv2.INTER_AREA)
