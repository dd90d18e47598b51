"""Whether a stream keeps to a level of H.264 (ISO/IEC 14496-10, annex A), by what its frames are."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.uid import MPEG4HP41, MPEG4HP422D, UID

from edge.dicom.video.mp4 import Track
from edge.dicom.video.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Level:
    """Table A-1, the bits for the High profile (table A-2).

    Attributes:
        number: ten times it.
        frame_mbs, mbs_per_s, kept_mbs: macroblocks of a frame, of a second, and of the pictures that are referred to.
        bits_per_s, buffer_bits: of the stream; what a decoder takes ahead.
        transfer_syntax: of DICOM, which takes this level and those below it.
    """

    number: int
    frame_mbs: int
    mbs_per_s: int
    kept_mbs: int
    bits_per_s: int
    buffer_bits: int
    transfer_syntax: UID

    @property
    def name(self) -> str:
        return f"{self.number / 10:.1f}"


LEVELS = (
    Level(41, 8192, 245_760, 32_768, 62_500_000, 78_125_000, MPEG4HP41),
    Level(42, 8704, 522_240, 34_816, 62_500_000, 78_125_000, MPEG4HP422D),
)
_MAX_REFERENCES = 16


def level_of(told: Parameters, track: Track) -> Level | None:
    """The lowest that holds it; None where none of DICOM's does."""
    frame_mbs = told.width_mbs * told.height_mbs
    for level in LEVELS:
        num_kept = min(_MAX_REFERENCES, level.kept_mbs // frame_mbs)
        if (
            frame_mbs <= level.frame_mbs
            and len(track.sizes) * frame_mbs <= level.mbs_per_s * track.duration_s
            and told.num_references <= num_kept
            and _is_taken_in_time(track, level)
        ):
            return level
    return None


def _is_taken_in_time(track: Track, level: Level) -> bool:
    """Whether a decoder's buffer, which empties at the level's rate, ever runs over (annex C)."""
    waiting = 0.0
    for num_bytes, ticks in zip(track.sizes, track.durations, strict=True):
        waiting += num_bytes * 8
        if waiting > level.buffer_bits:
            return False
        waiting = max(0.0, waiting - level.bits_per_s * ticks / track.timescale)
    return True
