"""What a clip is, as its first frame and its container tell it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from edge.basics.errors import InputOutputError
from edge.clips.formats import opened_words, refuse_unlike_a_clip
from edge.clips.messages import Messages, ShownFrame
from edge.clips.process import FfmpegRun
from edge.clips.program import Ffmpeg, find_ffmpeg

_PROBE_S = 60.0
_PROBE_CPU_S = 120
"""All its threads together."""
_MAX_PIXELS = 1 << 26
_MAX_PLAUSIBLE_FRAMES = 10_000_000
_HD_WIDTH_PX, _SD_HEIGHT_PX = 1280, 576
_DURATION = re.compile(r"^\[info\]   Duration: (\d+):(\d\d):(\d\d\.\d+)")
_CONTAINER = re.compile(r"^\[info\] Input #0, (\S+), from ")
_AUDIO = re.compile(r"^\[info\]   Stream #0:\d+\S*: Audio: (\w+)")
_VIDEO = re.compile(r"^\[info\]   Stream #0:\d+\S*: Video: (\w+)(?:.*? (\d+(?:\.\d+)?)(k?) fps)?")
_SIZE = re.compile(r", (\d+)x(\d+)(?:,| |$)")
_HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})
_WITH_ALPHA = ("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya")
UNKNOWN = "none"
"""FFmpeg's name for the codec of a sound track that it does not know."""
_ONE_CLOCK = frozenset({"mpegts", "mpeg", "ogg"})


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a clip says of itself.

    Attributes:
        width_px, height_px: as it is shown: turned upright, with square pixels.
        stored_size_px: width and height of the frames as they are stored, upright.
        fps: mean frames per second; 30 where it names none.
        duration_s: 0 where it names none.
        time_base: its own unit of time in seconds.
        colour_matrix: by which its colours are read where it does not say; None where it says.
        told_matrix, told_range: what it says, in FFmpeg's names.
        container, codec, pixel_format: FFmpeg's names.
        num_videos: video tracks, of which the first is taken.
        audio: FFmpeg's names of its sound tracks' codecs, `UNKNOWN` among them.
    """

    width_px: int
    height_px: int
    stored_size_px: tuple[int, int]
    fps: float
    duration_s: float
    time_base: Fraction
    colour_matrix: str | None
    told_matrix: str
    told_range: str
    container: str
    codec: str
    pixel_format: str
    num_videos: int
    is_interlaced: bool
    is_hdr: bool
    audio: tuple[str, ...]

    @property
    def num_frames(self) -> int:
        """What duration and rate promise, at least 1."""
        num_frames = round(self.duration_s * self.fps)
        return num_frames if 0 < num_frames < _MAX_PLAUSIBLE_FRAMES else 1

    @property
    def is_on_one_clock(self) -> bool:
        """Whether FFmpeg counts times from the first of the tracks that it is told to use, sound or video."""
        return bool(self.sound_maps(0)) and self.container in _ONE_CLOCK

    def sound_maps(self, number: int) -> tuple[str, ...]:
        """The options that take the sound that is known, from an input of this number."""
        known = (index for index, codec in enumerate(self.audio) if codec != UNKNOWN)
        return tuple(word for index in known for word in ("-map", f"{number}:a:{index}"))

    @property
    def has_alpha(self) -> bool:
        return self.pixel_format.startswith(_WITH_ALPHA)

    @property
    def changes(self) -> tuple[str, ...]:
        """What is done to its frames before they are fitted, in words."""
        width_px, height_px = self.stored_size_px
        done = {
            f"pixels made square ({width_px}x{height_px} is shown as {self.width_px}x{self.height_px})": (
                self.stored_size_px != (self.width_px, self.height_px)
            ),
            "deinterlaced": self.is_interlaced,
            "high dynamic range not tone-mapped": self.is_hdr,
            "alpha laid over black": self.has_alpha,
            "other video tracks left out": self.num_videos > 1,
            "unknown sound left out": UNKNOWN in self.audio,
        }
        return tuple(words for words, is_done in done.items() if is_done)


class _Probe:
    def __init__(self) -> None:
        self.messages = Messages()
        self.frame: ShownFrame | None = None
        self.duration_s = 0.0
        self.container = self.codec = ""
        self.num_videos = 0
        self._is_of_input = True
        self.size_before_turn_px: tuple[int, int] | None = None
        self.fps = 0.0
        self.audio: list[str] = []

    def take(self, line: str) -> None:
        frame = self.messages.take(line)
        self.frame = self.frame or frame
        if found := _DURATION.match(line):
            self.duration_s = int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])
        elif found := _AUDIO.match(line):
            self.audio.append(found[1])
        elif line.startswith("[info] Output #0"):
            self._is_of_input = False
        elif found := _CONTAINER.match(line):
            self.container = found[1].partition(",")[0]
        elif self._is_of_input and (found := _VIDEO.match(line)) and "(attached pic)" not in line:
            self.num_videos += 1
            if self.codec:
                return
            self.codec = found[1]
            self.fps = float(found[2] or 0) * (1000 if found[3] else 1)
            if size := _SIZE.search(line):
                self.size_before_turn_px = int(size[1]), int(size[2])


def clip_facts(path: Path) -> ClipFacts:
    """Decode a clip's first frame and tell what it is.

    Raises:
        NoFfmpeg: no FFmpeg can be used.
        InputOutputError: missing, empty, not a clip, or no frame of it can be decoded.
    """
    refuse_unlike_a_clip(path)
    ffmpeg = find_ffmpeg()
    probe = _probed(ffmpeg, path)
    frame = probe.frame
    if frame is None:
        raise InputOutputError(f"{path}: no frame of the clip can be decoded; it has no video, or is damaged")
    width_px, height_px = shown_size(frame)
    if width_px * height_px > _MAX_PIXELS:
        raise InputOutputError(f"{path}: {width_px}x{height_px} is too large for a clip; expected at most 8192x8192")
    colour = probe.messages.colour or ("unknown",) * 4
    return ClipFacts(
        width_px,
        height_px,
        (frame.width_px, frame.height_px),
        _plausible_fps(probe),
        probe.duration_s,
        probe.messages.time_base or Fraction(1, 90_000),
        matrix_if_untold(frame, probe.size_before_turn_px, colour[1]),
        colour[1],
        colour[0],
        probe.container,
        probe.codec,
        frame.pixel_format,
        probe.num_videos,
        frame.is_interlaced,
        colour[3] in _HDR_TRANSFERS,
        tuple(probe.audio),
    )


def _probed(ffmpeg: Ffmpeg, path: Path) -> _Probe:
    probe = _Probe()
    arguments = [*opened_words(path), "-map", "0:V:0", "-frames:v", "1"]
    words = [*arguments, "-vf", ffmpeg.show_frames, "-f", "null", "-"]
    run = FfmpegRun(ffmpeg, words, probe.take, readable=(path,), cpu_s=_PROBE_CPU_S)
    try:
        status = run.wait(_PROBE_S)
        if probe.container and not probe.codec:
            held = "sound only, no video" if probe.audio else "no video"
            raise InputOutputError(f"{path}: cannot open it as a clip: it has {held}")
        if status != 0 and not probe.codec:
            raise InputOutputError(f"{path}: cannot open it as a clip: {run.ended_by(status)}")
    finally:
        run.close()
    return probe


def shown_size(frame: ShownFrame) -> tuple[int, int]:
    """With square pixels; the side that is stretched grows, so that nothing stored is lost."""
    if frame.sample_aspect >= 1:
        return round(frame.width_px * frame.sample_aspect), frame.height_px
    return frame.width_px, round(frame.height_px / frame.sample_aspect)


def _plausible_fps(probe: _Probe) -> float:
    fps = probe.fps or float(probe.messages.frame_rate)
    return fps if 0.001 <= fps <= 100_000 else 30.0


def matrix_if_untold(frame: ShownFrame, size_before_turn_px: tuple[int, int] | None, told: str) -> str | None:
    """As players do: BT.709 for more than 576 rows or from 1280 columns on, else BT.601; RGB has none.

    Rows and columns count as they lie in the file: a clip that is turned upright keeps its colours.
    """
    if told not in ("unknown", "reserved", "unspecified") or not frame.pixel_format.startswith(("yuv", "nv")):
        return None
    width_px, height_px = size_before_turn_px or (frame.width_px, frame.height_px)
    return "bt709" if width_px >= _HD_WIDTH_PX or height_px > _SD_HEIGHT_PX else "smpte170m"
