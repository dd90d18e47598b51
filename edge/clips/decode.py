"""The frames of a clip, upright, with square pixels, in RGB, each with its own time.

What cannot be decoded is left out, so that the next frame comes at its own time: a gap, never a repeated or half-filled
memory. What FFmpeg could only mend from the frame before is given, and counted as a fault.
"""

from __future__ import annotations

import queue
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np

from edge.basics.errors import InputOutputError
from edge.clips.facts import ClipFacts
from edge.clips.formats import opened_words
from edge.clips.messages import Messages, ShownFrame
from edge.clips.planes import MATRICES, compiled_planes, factors_of, rgb_from_planes
from edge.clips.process import FfmpegFailed, FfmpegRun
from edge.clips.program import Ffmpeg, find_ffmpeg
from edge.pictures.image import Image

_WAIT_S = 60.0
_LINE_S = 10.0
_LEAST_SIDE_PX = 4
"""Of what the deinterlacer takes."""
_GAP_FROM = 1.5
_CUT_SHORT_BELOW = 0.9
_REACHED = re.compile(r" time=(\d+):(\d\d):(\d\d\.\d+)")


@dataclass(frozen=True, slots=True)
class Damage:
    """What was wrong with a clip, as far as it was read.

    Attributes:
        num_faults: messages of the decoder that tell of damage.
        num_missing: frames that should lie in the gaps between those that were given.
        missing_from_s: the time at which each such gap begins.
        times_s: of a frame up to half a second before each fault of a frame, at most a thousand.
        told: the decoder's last message about it.
        is_cut_short: the clip ended long before its container says.
    """

    num_faults: int
    num_missing: int
    missing_from_s: tuple[float, ...]
    times_s: tuple[float, ...]
    told: str
    is_cut_short: bool

    def __bool__(self) -> bool:
        return bool(self.num_faults or self.is_cut_short)

    def line(self) -> str:
        """For a person."""
        parts = [f"{self.num_missing} frames missing at {_listed(self.missing_from_s)}"] if self.num_missing else []
        if self.num_faults:
            near = f" near {_listed(self.times_s)}" if self.times_s else ""
            parts.append(f"damaged{near} ({self.told})")
        if self.is_cut_short:
            parts.append("it ends before its container says; it may be cut short")
        return "; ".join(parts)


def _listed(times_s: Sequence[float]) -> str:
    times = sorted({f"{time_s:.2f}" for time_s in times_s}, key=float)
    return f"{', '.join(times[:5])}{' ...' * (len(times) > 5)} s"


class ClipReader:
    """Reads a clip once through, in one thread; `close` may come from another to end a waiting `read`.

    Raises:
        FfmpegFailed: FFmpeg cannot be started.
    """

    def __init__(self, path: Path, facts: ClipFacts) -> None:
        self._path, self._facts = path, facts
        self._shape = (facts.height_px, facts.width_px, 3)
        self._converted = _Planes(facts) if _comes_as_planes(facts) else None
        self._messages = Messages()
        self._shown: queue.SimpleQueue[ShownFrame] = queue.SimpleQueue()
        self._last_s: Fraction | None = None
        self._times_s: list[float] = []
        self._is_closed = False
        ffmpeg = find_ffmpeg()
        self._run = FfmpegRun(ffmpeg, _arguments(ffmpeg, path, facts), self._take, reads=True, readable=(path,))

    def read(self, memory: Callable[[tuple[int, int, int]], Image | None]) -> tuple[Image, Fraction] | None:
        """The next frame (height_px, width_px, 3) and its time in seconds; None at the end.

        Args:
            memory: gives an array of this shape to read into, None for a new one.

        Raises:
            FfmpegFailed: FFmpeg was killed, hung or failed.
        """
        given = memory(self._shape)
        image: Image = np.empty(self._shape, np.uint8) if given is None else given
        try:
            into = image if self._converted is None else self._converted.planes
            is_there = self._run.read_into(into.data.cast("B"), _WAIT_S)
        except FfmpegFailed as error:
            raise FfmpegFailed(f"{self._path}: {error}") from error
        if not is_there:
            self._refuse_bad_end()
            return None
        if self._converted is not None:
            self._converted.put_rgb(image)
        return image, self._time_of_next()

    def damage(self) -> Damage:
        """What was wrong, once the clip has been read to its end."""
        steps = [(before_s, after_s - before_s) for before_s, after_s in pairwise(self._times_s)]
        step_s = median(step for _, step in steps) if steps else 0.0
        gaps = [one for one in steps if self._messages.num_faults and one[1] > _GAP_FROM * step_s]
        num_missing = sum(round(gap_s / step_s) - 1 for _, gap_s in gaps)
        missing_from_s = tuple(before_s + step_s for before_s, _ in gaps)
        end_s = float(self._last_s or 0) + (step_s or 1 / self._facts.fps)
        is_short = self._last_s is not None and self._is_cut_short(end_s + step_s)
        times_s = tuple(self._messages.fault_times)
        return Damage(
            self._messages.num_faults, num_missing, missing_from_s, times_s, self._messages.last_fault, is_short
        )

    def close(self) -> None:
        """End FFmpeg; safe to call twice."""
        self._is_closed = True
        self._run.close()

    def _is_cut_short(self, end_s: float) -> bool:
        """Whether nothing in the clip goes on as long as its container says: a track of sound may outlast the video."""
        least_s = _CUT_SHORT_BELOW * self._facts.duration_s
        return end_s < least_s and _end_of_all_s(self._path) < least_s

    def _take(self, line: str) -> None:
        shown = self._messages.take(line)
        if shown is not None:
            self._shown.put(shown)

    def _time_of_next(self) -> Fraction:
        """The time of the frame just read; strictly after the one before, whatever the clip says."""
        try:
            shown = self._shown.get(timeout=_LINE_S)
        except queue.Empty as error:
            raise FfmpegFailed(f"{self._path}: FFmpeg gave a frame without its time") from error
        tick = self._messages.time_base or self._facts.time_base
        step = 1 / Fraction(self._facts.fps).limit_denominator(100_000)
        last_s = self._last_s
        time_s = (Fraction(0) if last_s is None else last_s + step) if shown.pts is None else shown.pts * tick
        if last_s is not None:
            time_s = max(time_s, last_s + tick)
        self._last_s = time_s
        self._times_s.append(float(time_s))
        return time_s

    def _refuse_bad_end(self) -> None:
        if self._is_closed:
            return
        status = self._run.wait(_WAIT_S)
        if status < 0:
            at = f" after {float(self._last_s):.2f} s of the clip" if self._last_s is not None else ""
            raise FfmpegFailed(f"{self._path}: {self._run.ended_by(status)}{at}")
        if self._last_s is None:
            reason = f" ({self._run.ended_by(status)})" if status else ""
            raise InputOutputError(f"{self._path}: no frame of the clip can be decoded; the file is damaged{reason}")


class _Planes:
    """One frame as it comes, and what makes RGB of it."""

    def __init__(self, facts: ClipFacts) -> None:
        library = compiled_planes()
        assert library is not None, "it was looked for"
        self._library, self._factors = library, factors_of(facts.colour_matrix or facts.told_matrix)
        self.planes = np.empty((facts.height_px * 3 // 2, facts.width_px), np.uint8)

    def put_rgb(self, image: Image) -> None:
        rgb_from_planes(self._library, self.planes, self._factors, image)


def _comes_as_planes(facts: ClipFacts) -> bool:
    """Whether frames come as they are decoded: half the bytes through the pipe, and this program's conversion."""
    return (
        facts.pixel_format == "yuv420p"
        and facts.told_range != "pc"
        and (facts.colour_matrix or facts.told_matrix) in MATRICES
        and facts.stored_size_px == (facts.width_px, facts.height_px)
        and facts.width_px % 2 == facts.height_px % 2 == 0
        and compiled_planes() is not None
    )


def _pixels_of(facts: ClipFacts) -> str:
    """FFmpeg's name of the pixels that it shall give."""
    return "yuv420p" if _comes_as_planes(facts) else "rgb24"


def _arguments(ffmpeg: Ffmpeg, path: Path, facts: ClipFacts) -> list[str]:
    # A JPEG that is not whole is left out; where frames lean on others, a mended one is worth more than a gap.
    strict = ["-err_detect:v", "explode"] if facts.codec == "mjpeg" else []
    return [
        *strict, *opened_words(path), "-map", "0:V:0", "-vf", _filters(ffmpeg, facts),
        *ffmpeg.every_frame, "-f", "rawvideo", "-pix_fmt", _pixels_of(facts), "pipe:1",
        *((*facts.sound_maps(0), "-c", "copy", "-f", "null", "-") if facts.is_on_one_clock else ()),
    ]  # fmt: skip


def _end_of_all_s(path: Path) -> float:
    """Until when the tracks of a clip go on, without decoding them; 0 where FFmpeg does not say."""
    ends_s = [0.0]

    def take(line: str) -> None:
        ends_s.extend(int(hours) * 3600 + int(minutes) * 60 + float(s) for hours, minutes, s in _REACHED.findall(line))

    words = (*opened_words(path), "-stats", "-map", "0:v?", "-map", "0:a?", "-c", "copy", "-f", "null", "-")
    run = FfmpegRun(find_ffmpeg(), words, take, readable=(path,))
    try:
        run.wait(_WAIT_S)
    finally:
        run.close()
    return max(ends_s)


def _filters(ffmpeg: Ffmpeg, facts: ClipFacts) -> str:
    """Deinterlace the frames that are marked as interlaced, tell the times, convert to RGB with square pixels.

    A frame whose size differs from the first one's is fitted into it, not stretched.
    """
    # Only these formats need no conversion before it; others are never interlaced.
    can_be = facts.pixel_format.startswith("yuv") and min(facts.stored_size_px) >= _LEAST_SIDE_PX
    deinterlace = ["bwdif=mode=send_frame:parity=auto:deint=interlaced"] if can_be else []
    is_told = facts.colour_matrix is None or _comes_as_planes(facts)
    matrix = "" if is_told else f":in_color_matrix={facts.colour_matrix}"
    size = f"{facts.width_px}:{facts.height_px}"
    is_square = facts.stored_size_px == (facts.width_px, facts.height_px)
    keep = ":force_original_aspect_ratio=decrease" if is_square else ""
    scale = [f"scale={size}{keep}:flags=bicubic{matrix}", f"format={_pixels_of(facts)}"]
    pad = [f"pad={size}:-1:-1"] if is_square else []
    if facts.has_alpha:
        scale[1:1] = ["format=gbrap", "premultiply=inplace=1"]
    return ",".join([*deinterlace, ffmpeg.show_frames, *scale, *pad])
