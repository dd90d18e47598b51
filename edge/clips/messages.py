"""What FFmpeg says on stderr, read line by line: the times of frames, and what went wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

_SHOWN = re.compile(r"\[Parsed_showinfo[^\]]*\] \[\w+\] ")
_FRAME = re.compile(r"n: *\d+ pts: *(-?\d+|NOPTS)\b.*? sar:(\d+)/(\d+) s:(\d+)x(\d+) i:(\w)")
_FORMAT = re.compile(r" fmt:(\w+)")
_TIME_BASE = re.compile(r"config in time_base: (\d+)/(\d+), frame_rate: (\d+)/(\d+)")
_COLOUR = re.compile(r"color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")
_BAD = re.compile(
    r"\[(?:error|fatal|panic)\] |corrupt (?:decoded frame|input packet)|\bconcealing \d+|Truncating packet|partial file"
    r"|EOI missing"
)
_NO_FAULT = re.compile(r"Error while (?:filtering|opening)|Conversion failed|Nothing was written|non monoton", re.I)
_TAG = re.compile(r"^(?:\[[^\]]*\] )*")
_NAMED = re.compile(
    r"^(?:file:.*: (?=corrupt)|Error while decoding stream #0:\d+: |Error submitting packet to decoder: )"
)
_MOST_TIMES = 1000


@dataclass(frozen=True, slots=True)
class ShownFrame:
    """A frame as the filter `showinfo` saw it.

    Attributes:
        pts: in time bases of the stream; None where the clip does not say.
        sample_aspect: width of a pixel by its height; 1 where the clip does not say.
    """

    pts: int | None
    sample_aspect: Fraction
    width_px: int
    height_px: int
    is_interlaced: bool
    pixel_format: str


@dataclass
class Messages:
    """Takes lines in the order they come.

    Attributes:
        time_base: seconds, None before the first frame; frame_rate: nominal, 0 where there is none.
        colour: range, space, primaries, transfer of the last frame that told them.
        fault_times: of the last frame before each fault of a frame, in seconds, the first thousand.
        num_faults: lines that tell of damage.
        last_fault: the last of them, without FFmpeg's own tags.
    """

    time_base: Fraction | None = None
    frame_rate: Fraction = Fraction(0)
    colour: tuple[str, str, str, str] | None = None
    fault_times: list[float] = field(default_factory=list)
    num_faults: int = 0
    last_fault: str = ""
    _seen_s: float = 0.0

    def take(self, line: str) -> ShownFrame | None:
        """Read a line; the frame where it tells of one."""
        if found := _TIME_BASE.search(line):  # anywhere: some warnings before it do not end their line
            base, rate = Fraction(int(found[1]), int(found[2]) or 1), Fraction(int(found[3]), int(found[4]) or 1)
            self.time_base = base or self.time_base
            self.frame_rate = rate
            return None
        shown = _SHOWN.match(line)
        if shown is not None:
            return self._shown(line[shown.end() :])
        if _BAD.search(line) and not _NO_FAULT.search(line):
            self.num_faults += 1
            self.last_fault = _NAMED.sub("", _TAG.sub("", line)).strip() or self.last_fault
            if len(self.fault_times) < _MOST_TIMES and "input packet" not in line:  # those are read far ahead
                self.fault_times.append(self._seen_s)
        return None

    def _shown(self, text: str) -> ShownFrame | None:
        if found := _FRAME.match(text):
            pts = None if found[1] == "NOPTS" else int(found[1])
            if pts is not None and self.time_base is not None:
                self._seen_s = float(pts * self.time_base)
            aspect = Fraction(int(found[2]), int(found[3])) if int(found[2]) and int(found[3]) else Fraction(1)
            pixel_format = _FORMAT.search(text)
            return ShownFrame(
                pts, aspect, int(found[4]), int(found[5]), found[6] != "P", pixel_format[1] if pixel_format else ""
            )
        if found := _COLOUR.match(text):
            self.colour = (found[1], found[2], found[3], found[4])
        return None
