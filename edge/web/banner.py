"""The banner: what kind of picture this is, drawn into its own pixels.

So an old picture never looks live, whatever shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.basics.texts import age_text
from edge.health.state import TITLES
from edge.pictures.image import Image, Mode

PictureState = Literal["live", "frozen", "stale", "no-signal", "starting"]
Side = Literal["left", "right"]
Colour = tuple[int, int, int]

_FONT = cv2.FONT_HERSHEY_DUPLEX
_MOST_LINES = 4
"""Of a reason beneath the title."""
_WHITE: Colour = (255, 255, 255)
_SOFT: Colour = (190, 200, 210)
_INK: Colour = (20, 22, 26)
_GREEN: Colour = (64, 214, 128)
_AMBER: Colour = (255, 184, 28)
_GREY: Colour = (140, 148, 156)
_BLUE: Colour = (72, 160, 255)
_BARS: dict[str, tuple[Colour, Colour]] = {
    "stale": (_AMBER, _INK),
    "no-signal": ((196, 30, 42), _WHITE),
    "starting": ((38, 84, 140), _WHITE),
}
"""State -> colour of the bar and of the text on it; each pair has a contrast of 5 or more."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the banner says.

    Attributes:
        state: live, or why the picture is not.
        mode: what the pixels are.
        profile: what enhanced them.
        reason: a few words; shown when the picture is not live, and behind RAW or the profile when it is.
        age_ms: since the camera took the picture; shown when it is not live.
        notices: what else must be known, such as a fault of the camera head; a pill each.
        is_synthesised: whether there is detail in the pixels that the camera did not see.
    """

    state: PictureState
    mode: Mode
    profile: str = ""
    reason: str = ""
    age_ms: float | None = None
    notices: tuple[str, ...] = ()
    is_synthesised: bool = False


def stamp(image: Image, status: Status, side: Side = "left", out: Image | None = None) -> Image:
    """A copy of the picture with its banner.

    Live: a small translucent pill in an upper corner, and one beneath it for each notice. Frozen: a pill with its age
    and a border, so that all of the picture can be looked at. Otherwise a coloured bar over the whole width and a
    border; a picture without a signal is grey as well.

    Args:
        side: the corner of the pill; in a split view raw is labelled left and enhanced right.
        out: where to draw, same shape; a new array by default.
    """
    out = np.empty_like(image) if out is None else out
    np.copyto(out, image)
    draw(out, status, side, image.shape[0])
    return out


def draw(image: Image, status: Status, side: Side, height_px: int) -> None:
    """Draw the banner as `stamp` does, into these pixels themselves.

    Args:
        image: the picture, or as many of its upper rows as `num_touched` says.
        height_px: of the whole picture.
    """
    scale = _scale(height_px)
    if status.state == "no-signal":
        grey = cv2.convertScaleAbs(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), alpha=0.6)
        cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB, dst=image)
    top_px = _margin_px(scale)
    if status.state == "frozen":
        _draw_border(image, _BLUE, scale)
    elif status.state != "live":
        top_px += _draw_bar(image, status, scale)
    for pill in _pills(status, scale):
        left_px = _margin_px(scale) if side == "left" else image.shape[1] - _margin_px(scale) - pill.keep.shape[1]
        pill.blend(image, max(left_px, 0), top_px)
        top_px += pill.keep.shape[0] + _gap_px(scale)


def num_touched(status: Status, height_px: int) -> int:
    """How many rows from the top the banner may touch in a picture so high: all of them where it is not live."""
    if status.state != "live":
        return height_px
    scale = _scale(height_px)
    pills_px = [int(pill.keep.shape[0]) + _gap_px(scale) for pill in _pills(status, scale)]
    return min(height_px, _margin_px(scale) + sum(pills_px))


def _scale(height_px: int) -> float:
    """How large everything is drawn: letters are 8 pixels high at least, from 480x270 on."""
    return max(height_px / 1080, min(0.6, height_px / 450))


def _margin_px(scale: float) -> int:
    return round(24 * scale)


def _gap_px(scale: float) -> int:
    return round(10 * scale)


def _pills(status: Status, scale: float) -> list[_Pill]:
    said = [] if status.state == "starting" else [(_pill_words(status), _dot_colour(status))]
    said += [(((_ascii(notice)[:80], _AMBER),), _AMBER) for notice in status.notices]
    return [_pill(words, dot, round(scale, 4)) for words, dot in said]


def blank(width_px: int = 1920, height_px: int = 1080) -> Image:
    """What is shown beneath the banner before the first picture: nothing that could pass for one."""
    return np.full((height_px, width_px, 3), (16, 19, 24), np.uint8)


def _dot_colour(status: Status) -> Colour:
    if status.state == "frozen":
        return _BLUE
    if status.state != "live":
        return _GREY
    return _AMBER if status.reason else _GREEN


def _pill_words(status: Status) -> tuple[tuple[str, Colour], ...]:
    words = [(TITLES["live"], _WHITE)] if status.state == "live" else []
    if status.state == "frozen":
        words = [(TITLES["frozen"], _WHITE), *([] if status.age_ms is None else [(age_text(status.age_ms), _SOFT)])]
    words.append((status.mode.upper(), _WHITE))
    if status.mode == "enhanced":
        words.append((_ascii(status.profile), _SOFT))
        words.append(("SYNTHESISED DETAIL" * status.is_synthesised, _AMBER))
    if status.state == "live" and status.reason:
        words.append((_ascii(status.reason)[:60], _AMBER))
    return tuple((text, colour) for text, colour in words if text)


def _ascii(text: str) -> str:
    """The fonts of OpenCV 4 hold nothing else."""
    return text.encode("ascii", "replace").decode()


@dataclass(frozen=True)
class _Pill:
    """A rendered pill, ready to blend: `picture * keep + add`, in 256ths."""

    keep: NDArray[np.uint16]
    add: NDArray[np.uint16]

    def blend(self, image: Image, left_px: int, top_px: int) -> None:
        """Lay the pill over the picture; what would fall outside is cut off."""
        spot = image[top_px : top_px + self.keep.shape[0], left_px : left_px + self.keep.shape[1]]
        height_px, width_px = spot.shape[:2]
        spot[:] = (spot * self.keep[:height_px, :width_px] + self.add[:height_px, :width_px]) >> 8


@lru_cache(maxsize=64)
def _pill(words: tuple[tuple[str, Colour], ...], dot: Colour, scale: float) -> _Pill:
    """Render once per text. Drawn four times as large and shrunk, so that every edge is smooth."""
    fine = 4
    height_px, pad_px, gap_px = (max(1, round(size * scale)) for size in (40, 17, 14))
    dot_px = max(1, round(6 * scale))
    font_scale = 0.72 * scale * fine
    widths = [cv2.getTextSize(text, _FONT, font_scale, fine)[0][0] / fine for text, _ in words]
    width_px = round(2 * pad_px + 2 * dot_px + gap_px * len(words) + sum(widths))
    size = (height_px * fine, width_px * fine)
    shade = np.zeros(size, np.uint8)
    radius = size[0] // 2
    cv2.rectangle(shade, (radius, 0), (size[1] - radius, size[0]), 178, -1)
    cv2.circle(shade, (radius, radius), radius, 178, -1)
    cv2.circle(shade, (size[1] - radius - 1, radius), radius, 178, -1)
    ink = np.zeros((*size, 3), np.uint8)
    ink[:] = (12, 15, 19)
    solid = np.zeros(size, np.uint8)
    left = float((pad_px + dot_px) * fine)
    for target, colour in ((ink, dot), (solid, 255)):
        cv2.circle(target, (int(left), radius), dot_px * fine, colour, -1)
    left += (dot_px + gap_px) * fine
    cap_px = cv2.getTextSize("H", _FONT, font_scale, fine)[0][1]
    for (text, colour), text_px in zip(words, widths, strict=True):
        where = (round(left), (size[0] + cap_px) // 2)
        cv2.putText(ink, text, where, _FONT, font_scale, colour, fine, cv2.LINE_AA)
        cv2.putText(solid, text, where, _FONT, font_scale, 255, fine, cv2.LINE_AA)
        left += (text_px + gap_px) * fine
    cover = np.maximum(shade, solid).astype(np.float32)[..., None] / 255
    cover_small, add_small = (
        cv2.resize(plane, (width_px, height_px), interpolation=cv2.INTER_AREA) for plane in (cover, ink * cover)
    )
    keep = np.floor(256 * (1 - cover_small[..., None])).astype(np.uint16)
    return _Pill(keep, np.floor(add_small * 255).astype(np.uint16))


def _draw_border(image: Image, colour: Colour, scale: float) -> None:
    height_px, width_px = image.shape[:2]
    cv2.rectangle(image, (0, 0), (width_px - 1, height_px - 1), colour, max(1, round(16 * scale)))


def _draw_bar(image: Image, status: Status, scale: float) -> int:
    """Draw the bar and the border of a picture that is not live; returns the height of the bar in pixels.

    What does not fit beside the title stands in lines of its own beneath it, so that in a small picture too it is read.
    """
    colour, ink = _BARS[status.state]
    width_px = image.shape[1]
    head_px, left_px = round(132 * scale), round(40 * scale)
    _draw_border(image, colour, scale)
    title, title_scale, title_pen = TITLES[status.state], 2.2 * scale, max(1, round(4 * scale))
    (title_px, cap_px), _ = cv2.getTextSize(title, _FONT, title_scale, title_pen)
    base_px = (head_px + cap_px) // 2
    age = "" if status.age_ms is None else f"last picture {age_text(status.age_ms)} ago"
    reason = _ascii(status.reason)
    rest_px = left_px + title_px + round(44 * scale)
    pen, room_px = max(1, round(2 * scale)), width_px - rest_px - left_px
    lines = [line for line in (age, reason) if line]
    if lines and _width_px("  -  ".join(lines), 1.15 * scale, pen) <= room_px:
        lines = ["  -  ".join(lines)]
    font_scale = (1.15 if len(lines) == 1 else 0.95) * scale
    beneath: list[str] = []
    if reason and _width_px(lines[-1], font_scale, pen) > room_px:
        lines = lines[:-1]
        beneath = _wrapped(reason, font_scale, pen, width_px - 2 * left_px)
    bar_px = head_px + round(52 * scale) * len(beneath)
    cv2.rectangle(image, (0, 0), (width_px - 1, bar_px), colour, -1)
    cv2.putText(image, title, (left_px, base_px), _FONT, title_scale, ink, title_pen, cv2.LINE_AA)
    for number, line in enumerate(beneath):
        at_px = head_px + round((52 * number + 26) * scale)
        cv2.putText(image, line, (left_px, at_px), _FONT, font_scale, ink, pen, cv2.LINE_AA)
    for number, line in enumerate(lines):
        at_px = base_px if len(lines) == 1 else round((50 + 52 * number) * scale)
        text = _fitting(line, font_scale, pen, room_px)
        cv2.putText(image, text, (rest_px, at_px), _FONT, font_scale, ink, pen, cv2.LINE_AA)
    return bar_px


def _width_px(text: str, font_scale: float, pen: int) -> int:
    return int(cv2.getTextSize(text, _FONT, font_scale, pen)[0][0])


def _wrapped(text: str, font_scale: float, pen: int, room_px: int) -> list[str]:
    """The text in lines that fit; of a very long one the beginning."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _width_px(longer, font_scale, pen) > room_px:
            lines.append(word)
        else:
            lines[-1] = longer
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], " ".join(lines[_MOST_LINES - 1 :])]
    return [_fitting(line, font_scale, pen, room_px) for line in lines]


def _fitting(text: str, font_scale: float, pen: int, room_px: int) -> str:
    """As much of the text as fits, with dots where it was cut."""
    short = text
    while len(short) > 3 and _width_px(short, font_scale, pen) > room_px:
        text = text[:-1]
        short = text.rstrip() + "..."
    return short
