"""The views of a frame pair, composed, stamped and encoded."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast, get_args

import numpy as np

from edge.basics.errors import UsageError
from edge.frames.frame import Frame, FramePair
from edge.health.state import STALE_AFTER_MS, Verdict
from edge.pictures.image import Image
from edge.pictures.marks import mark_text, png_bytes
from edge.web import state_strip
from edge.web.banner import PictureState, Side, Status, blank, draw, num_touched, stamp
from edge.web.sizes import FULL_PX, shrink, size_at
from edge.web.strips import STRIP_ROWS, jpeg_of_strips, strips_of

ViewName = Literal["enhanced", "raw", "split", "pair"]
VIEW_NAMES: tuple[str, ...] = get_args(ViewName)
SNAPSHOT_VIEWS = ("enhanced", "raw")
RESTAMP_S = 0.4
"""A picture that is not live is made anew after so long: with the encoder's turns nobody waits more than 0.5 s."""


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at a pair.

    `split` is one picture, raw left of `at` (a share of the width) and enhanced right of it. `pair` is both
    pictures whole, two JPEGs one behind the other, for a page that lays them over each other itself.

    Attributes:
        width_px: one of `edge.web.sizes.WIDTHS_PX`.
    """

    name: ViewName
    at: float = 0.5
    width_px: int = FULL_PX


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded view.

    Attributes:
        jpeg: for `pair` the enhanced JPEG followed by the raw one.
        num_bytes_enhanced: where the second JPEG begins; 0 where there is none.
        seq, t_capture_ns: of the frame; None before the first one.
        state: as stamped into the pixels.
        mode: what the pixels are, `enhanced` or `raw`; for two halves that of the enhanced one.
        profile: what enhanced them; empty for raw pixels.
        size_px: (width, height) of each JPEG.
    """

    jpeg: bytes
    seq: int | None
    t_capture_ns: int | None
    state: PictureState
    mode: str
    num_bytes_enhanced: int = 0
    profile: str = ""
    size_px: tuple[int, int] = (0, 0)

    def age_ms(self, now_ns: int) -> float | None:
        """Since the camera took it, at a monotonic moment; None before the first."""
        return None if self.t_capture_ns is None else max(0.0, (now_ns - self.t_capture_ns) / 1e6)

    def is_outlived(self, now_ns: int) -> bool:
        """Whether it says LIVE and is too old to say so."""
        age_ms = self.age_ms(now_ns)
        return self.state == "live" and age_ms is not None and age_ms > STALE_AFTER_MS


def view_from_query(name: str, at: str = "0.5", allowed: tuple[str, ...] = VIEW_NAMES, width_px: int = FULL_PX) -> View:
    """Read the `view` and `at` of a request.

    Raises:
        UsageError: one line that names the value and what is allowed.
    """
    if name not in allowed:
        raise UsageError(f"view = {name!r}: expected one of {', '.join(allowed)}")
    try:
        share = float(at)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise UsageError(f"at = {at!r}: expected a number from 0 to 1")
    return View(cast(ViewName, name), round(share, 3) if name == "split" else 0.5, width_px)


def gap_from_query(fps: str | None) -> float:
    """Seconds between two pictures of a viewer who asks for at most `fps` of them; 0 for every picture.

    Raises:
        UsageError: one line that names the value and what is allowed.
    """
    if fps is None:
        return 0.0
    try:
        rate = float(fps)
    except ValueError:
        rate = 0.0
    if not 0.1 <= rate <= 240:
        raise UsageError(f"fps = {fps!r}: expected a number from 0.1 to 240")
    return 1 / rate


def place_from_query(place: str) -> str:
    """Read the `place` of a request.

    Raises:
        UsageError: one line that names the value and what is allowed.
    """
    if len(place) > 64 or not place.isascii() or not place.replace("-", "0").isalnum() != (not place):
        raise UsageError(f"place = {place[:80]!r}: expected up to 64 letters, digits and hyphens")
    return place


def strength_from_query(value: str) -> float:
    """Read the `value` of a request for a strength.

    Raises:
        UsageError: one line that names the value and what is allowed.
    """
    try:
        strength = float(value)
    except ValueError:
        strength = -1.0
    if not 0.0 <= strength <= 1.0:
        raise UsageError(f"value = {value!r}: expected a number from 0 to 1")
    return strength


def status_of(frame: Frame | None, verdict: Verdict, wanted: str = "enhanced", *, has_notices: bool = True) -> Status:
    """What the banner says of a frame.

    Why it is raw, or not enhanced as it should be, counts only where an enhanced one was asked for.

    Args:
        has_notices: False for the half of two beside which the other one tells them.
    """
    if verdict.frozen and frame is not None:
        state: PictureState = "frozen"
    elif verdict.state == "no-signal" or (frame is not None and verdict.state in ("stale", "starting")):
        state = verdict.state
    else:
        state = "starting" if frame is None else "live"
    mode = "raw" if frame is None else frame.mode
    reason = verdict.reason if state not in ("live", "frozen") or (state == "live" and wanted == "enhanced") else ""
    if state == "live" and wanted == "enhanced" and mode == "raw":
        reason = reason or verdict.frame_fault
    profile = "" if frame is None else frame.profile if frame.strength == 1 else f"{frame.profile} {frame.strength:.0%}"
    is_synthesised = frame is not None and frame.is_synthesised
    notices = verdict.notices if has_notices else ()
    return Status(state, mode, profile, reason, verdict.age_ms, notices, is_synthesised)


class ViewEncoder:
    """Composes, stamps and encodes views, for one thread.

    What is drawn into a picture of full size is a copy of the strips that it touches, in memory that is kept; the rest
    is encoded from where it lies. Only a split view, and a picture that is not live, is copied whole. A smaller
    picture lies in kept memory anyway, and has its banner drawn when it has its size, so that it can be read.

    Args:
        helper: a second thread.
    """

    def __init__(self, helper: Executor | None = None) -> None:
        self._helper = helper
        self._canvas, self._small, self._small_raw = Room(), Room(), Room()

    def encoded(self, view: View, pair: FramePair | None, verdict: Verdict, quality: int) -> Picture:
        """One view of the newest pair; None stands for no pair yet."""
        raw, enhanced = (None, None) if pair is None else (pair.raw, pair.enhanced)
        shown = raw if view.name == "raw" else enhanced
        status = status_of(shown, verdict, "raw" if view.name == "raw" else "enhanced")
        num_bytes_enhanced = 0
        if view.name == "pair":
            jpeg = self._jpeg(enhanced, status, "right", quality, view.width_px)
            num_bytes_enhanced = len(jpeg)
            of_raw = status_of(raw, verdict, "raw", has_notices=False)
            jpeg += self._jpeg(raw, of_raw, "left", quality, view.width_px)
        elif view.name == "split":
            canvas = self._split(raw, enhanced, verdict, view)
            state_strip.draw(canvas, None if shown is None else shown.seq, status.state, status.mode)
            jpeg = jpeg_of_strips(strips_of(canvas), quality, self._helper)
        else:
            jpeg = self._jpeg(shown, status, "left", quality, view.width_px)
        seq, taken_ns = (None, None) if shown is None else (shown.seq, shown.t_capture_ns)
        height_px, width_px = size_at(image_of(shown).shape, view.width_px)
        profile = "" if shown is None else shown.profile
        return Picture(
            jpeg, seq, taken_ns, status.state, status.mode, num_bytes_enhanced, profile, (width_px, height_px)
        )

    def _jpeg(self, frame: Frame | None, status: Status, side: Side, quality: int, width_px: int) -> bytes:
        """The stamped picture of one frame, or of no frame yet."""
        image = image_of(frame)
        seq = None if frame is None else frame.seq
        small = self._at_size(image, width_px, self._small)
        height_px = small.shape[0]
        if small is not image:
            draw(small, status, side, height_px)
            state_strip.draw(small, seq, status.state, status.mode)
            return jpeg_of_strips(strips_of(small), quality, self._helper)
        num_top = min(height_px, -(-num_touched(status, height_px) // STRIP_ROWS) * STRIP_ROWS)
        bottom_at = max(num_top, (height_px - state_strip.CELL_PX) // STRIP_ROWS * STRIP_ROWS)
        copied = self._canvas.of((num_top + height_px - bottom_at, *image.shape[1:]))
        np.copyto(copied[:num_top], image[:num_top])
        np.copyto(copied[num_top:], image[bottom_at:])
        draw(copied[:num_top], status, side, height_px)
        state_strip.draw(copied, seq, status.state, status.mode)
        middle = image[num_top:bottom_at]
        strips = [*strips_of(copied[:num_top]), *strips_of(middle), *strips_of(copied[num_top:])]
        return jpeg_of_strips(strips, quality, self._helper)

    def _split(self, raw: Frame | None, enhanced: Frame | None, verdict: Verdict, view: View) -> Image:
        """Raw left, enhanced right, each with its own label; a thin line between them while they are live.

        Notices stand in the wider half alone.
        """
        image = self._at_size(image_of(enhanced), view.width_px, self._small)
        is_raw_wider = raw is not None and view.at > 0.5
        told = status_of(enhanced, verdict, has_notices=not is_raw_wider)
        canvas = stamp(image, told, "right", self._canvas.of(image.shape))
        height_px, width_px = canvas.shape[:2]
        cut_px = round(view.at * width_px)
        if raw is None or cut_px == 0:
            return canvas
        untouched = self._at_size(raw.image, view.width_px, self._small_raw)
        left, status = canvas[:, :cut_px], status_of(raw, verdict, "raw", has_notices=is_raw_wider)
        if status.state == "live":
            np.copyto(left, untouched[:, :cut_px])
            draw(left, status, "left", height_px)
        else:  # the bar and the border are laid out over the whole width
            np.copyto(left, stamp(untouched, status)[:, :cut_px])
        has_bar = verdict.state in ("stale", "no-signal") and not verdict.frozen
        if not has_bar and cut_px < width_px:  # the bar of a picture that is not live stays whole
            canvas[:, cut_px - 1 : cut_px + 1] = 255
        return canvas

    def _at_size(self, image: Image, width_px: int, room: Room) -> Image:
        """The picture itself where it is not larger, else a smaller one in the room."""
        height_px, small_px = size_at(image.shape, width_px)
        if small_px == image.shape[1]:
            return image
        small = room.of((height_px, small_px, image.shape[2]))
        shrink(image, small)
        return small


class Room:
    """Memory for a picture that is kept from one to the next."""

    def __init__(self) -> None:
        self._pixels = np.empty(0, np.uint8)

    def of(self, shape: tuple[int, ...]) -> Image:
        """A picture of this shape, contents undefined; the same memory until a larger one is asked for."""
        if self._pixels.size < math.prod(shape):
            self._pixels = np.empty(math.prod(shape), np.uint8)
        return self._pixels[: math.prod(shape)].reshape(shape)


def image_of(frame: Frame | None) -> Image:
    """Of a frame; what is shown before the first, not to be written into, where there is none."""
    return _no_picture() if frame is None else frame.image


@lru_cache(maxsize=1)
def _no_picture() -> Image:
    image = blank()
    image.flags.writeable = False
    return image


def snapshot(
    view: View, pair: FramePair, verdict: Verdict, model_sha256: str, note: str
) -> tuple[bytes, Frame, Status]:
    """The PNG of a view: a raw frame that is live, or was when it was frozen, untouched; everything else stamped.

    It says inside what it is (`edge.pictures.marks`).

    Args:
        note: more for the mark, behind its own words.
    """
    frame = pair.raw if view.name == "raw" else pair.enhanced
    status = status_of(frame, verdict, view.name)
    untouched = view.name == "raw" and status.state in ("live", "frozen")
    mark = mark_text(frame.mode, frame.profile, model_sha256, frame.strength, is_synthesised=frame.is_synthesised)
    text = f"{mark} state={status.state} {note}".strip()
    return png_bytes(frame.image if untouched else stamp(frame.image, status), text), frame, status
