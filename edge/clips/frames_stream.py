"""Frames with times of their own, as a stream of Matroska that FFmpeg reads from a pipe (RFC 9559)."""

from __future__ import annotations

NS_PER_TICK = 1000
"""Times are given in ticks of a microsecond."""
_UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
RGB24, I420 = b"RGB\x18", b"I420"
"""How `V_UNCOMPRESSED` names its pixels, as FFmpeg reads it."""
JPEG = b""
"""In place of pixels: each frame is a whole JPEG picture."""


def _number(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def _size(num_bytes: int) -> bytes:
    """A length in eight bytes, RFC 8794 section 4."""
    return (1 << 56 | num_bytes).to_bytes(8, "big")


def _element(identifier: str, content: bytes) -> bytes:
    return bytes.fromhex(identifier) + _size(len(content)) + content


def stream_head(width_px: int, height_px: int, fps: float, pixels: bytes) -> bytes:
    """All before the first frame.

    Args:
        fps: mean rate; FFmpeg takes the length of the last frame from it.
        pixels: `RGB24`, `I420` or `JPEG`.
    """
    ebml = _element("1A45DFA3", _element("4282", b"matroska") + _element("4287", b"\x04") + _element("4285", b"\x02"))
    info = _element("1549A966", _element("2AD7B1", _number(NS_PER_TICK)))
    size = _element("B0", _number(width_px)) + _element("BA", _number(height_px))
    video = _element("E0", size + (_element("2EB524", pixels) if pixels else b""))
    track = _element(
        "AE",
        _element("D7", b"\x01")  # number
        + _element("73C5", b"\x01")  # UID
        + _element("83", b"\x01")  # video
        + _element("9C", b"\x00")  # no lacing
        + _element("86", b"V_UNCOMPRESSED" if pixels else b"V_MJPEG")
        + _element("23E383", _number(max(1, round(1e9 / fps))))
        + video,
    )
    return ebml + bytes.fromhex("18538067") + _UNKNOWN_SIZE + info + _element("1654AE6B", track)


def frame_head(ticks: int, duration_ticks: int, num_bytes: int) -> bytes:
    """What goes before the pixels of one frame: a cluster that holds it alone."""
    block = bytes.fromhex("A1") + _size(4 + num_bytes) + b"\x81\x00\x00\x00"  # track 1, at the cluster's time
    duration = _element("9B", _number(duration_ticks))
    group = bytes.fromhex("A0") + _size(len(duration) + len(block) + num_bytes) + duration + block
    time = _element("E7", _number(ticks))
    return bytes.fromhex("1F43B675") + _size(len(time) + len(group) + num_bytes) + time + group
