"""Coded pictures with numbers of their own, as a stream of Matroska that FFmpeg reads from a pipe (RFC 9559).

A container that tells where each picture ends: FFmpeg need not wait for the next one to begin.
"""

from __future__ import annotations

from fractions import Fraction

from edge.clips.frames_stream import element, number, track_head

_TICKS_PER_PICTURE = 40_000
_CODEC_NAMES = {"H264": b"V_MPEG4/ISO/AVC", "H265": b"V_MPEGH/ISO/HEVC"}


def coded_head(codec: str, parameter_sets: bytes) -> bytes:
    """All before the first picture.

    Args:
        codec: H264 or H265.
        parameter_sets: with start codes (Annex B).
    """
    private = element("63A2", parameter_sets)
    aspect_is_in_the_stream = element("54B2", b"\x04")
    return track_head(_CODEC_NAMES[codec], private, _TICKS_PER_PICTURE * 1000, 16, 16, aspect_is_in_the_stream)


def coded_picture(index: int, *, is_key: bool, content: bytes) -> bytes:
    """One picture, numbered from 0 on: a cluster that holds it alone."""
    block = element("A3", b"\x81\x00\x00" + (b"\x80" if is_key else b"\x00") + content)
    return element("1F43B675", element("E7", number(index * _TICKS_PER_PICTURE)) + block)


def index_of(time_s: Fraction) -> int:
    """The number of a picture, from the time that FFmpeg tells of it."""
    return round(time_s * 1_000_000 / _TICKS_PER_PICTURE)
