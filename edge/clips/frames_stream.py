"""Frames with times of their own, as a stream of Matroska that FFmpeg reads from a pipe (RFC 9559)."""

from __future__ import annotations

NS_PER_TICK = 1000
"""Times are given in ticks of a microsecond."""
_UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
RGB24, I420 = b"RGB\x18", b"I420"
"""How `V_UNCOMPRESSED` names its pixels, as FFmpeg reads it."""
JPEG = b""
"""In place of pixels: each frame is a whole JPEG picture."""


def number(value: int) -> bytes:
    """An unsigned integer in as few bytes as it takes."""
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def _size(num_bytes: int) -> bytes:
    """A length in eight bytes, RFC 8794 section 4."""
    return (1 << 56 | num_bytes).to_bytes(8, "big")


def element(identifier: str, content: bytes) -> bytes:
    """One element of EBML, RFC 8794."""
    return bytes.fromhex(identifier) + _size(len(content)) + content


def stream_head(width_px: int, height_px: int, fps: float, pixels: bytes) -> bytes:
    """All before the first frame.

    Args:
        fps: mean rate; FFmpeg takes the length of the last frame from it.
        pixels: `RGB24`, `I420` or `JPEG`.
    """
    duration_ns = max(1, round(1e9 / fps))
    codec, space = (b"V_UNCOMPRESSED", element("2EB524", pixels)) if pixels else (b"V_MJPEG", b"")
    return track_head(codec, b"", duration_ns, width_px, height_px, space)


def track_head(
    codec: bytes, private: bytes, duration_ns: int, width_px: int, height_px: int, of_video: bytes = b""
) -> bytes:
    """All before the first frame of a stream with one video.

    Args:
        private, of_video: further elements of the track and of its video.
        duration_ns: of a frame.
    """
    ebml = element("1A45DFA3", element("4282", b"matroska") + element("4287", b"\x04") + element("4285", b"\x02"))
    info = element("1549A966", element("2AD7B1", number(NS_PER_TICK)))
    video = element("E0", element("B0", number(width_px)) + element("BA", number(height_px)) + of_video)
    track = element(
        "AE",
        element("D7", b"\x01")  # number
        + element("73C5", b"\x01")  # UID
        + element("83", b"\x01")  # video
        + element("9C", b"\x00")  # no lacing
        + element("86", codec)
        + private
        + element("23E383", number(duration_ns))
        + video,
    )
    return ebml + bytes.fromhex("18538067") + _UNKNOWN_SIZE + info + element("1654AE6B", track)


def frame_head(ticks: int, duration_ticks: int, num_bytes: int) -> bytes:
    """What goes before the pixels of one frame: a cluster that holds it alone."""
    block = bytes.fromhex("A1") + _size(4 + num_bytes) + b"\x81\x00\x00\x00"  # track 1, at the cluster's time
    duration = element("9B", number(duration_ticks))
    group = bytes.fromhex("A0") + _size(len(duration) + len(block) + num_bytes) + duration + block
    time = element("E7", number(ticks))
    return bytes.fromhex("1F43B675") + _size(len(time) + len(group) + num_bytes) + time + group
