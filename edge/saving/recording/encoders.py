"""By what a recording is encoded: H.264 where this machine can, else Motion-JPEG."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from edge.basics.errors import InputOutputError
from edge.clips.encode import COPY, Format, encoding_words
from edge.clips.frames_stream import I420, JPEG
from edge.clips.program import Ffmpeg, find_ffmpeg
from edge.pictures.image import Image
from edge.saving.recording.boxes import TICKS_PER_S

FRAGMENT_S = 0.5
"""What a power cut takes at most, and the distance of key frames."""
COMMENT_BYTES = 160
"""Of what a file says of itself: room in its head, filled when a recording begins; the encoder may run long before."""
_PLACEHOLDER = "edge-enhance:".ljust(COMMENT_BYTES, "-")
_VIDEO = ("smpte170m", "tv")
_KEY_FRAMES = ("-force_key_frames", f"expr:isnan(prev_forced_t)+gte(t-prev_forced_t,{FRAGMENT_S - 0.001})")
_TRIAL_S = 20.0
_JPEG_QUALITY = 85

_X264 = ("-preset", "ultrafast", "-qp", "20", "-bf", "0", "-g", "100000", "-sc_threshold", "0", *_KEY_FRAMES)
_FORMATS = (
    Format(".mp4", "mp4", "libx264", _X264, "yuv420p", _VIDEO, "H.264, x264 ultrafast, QP 20", I420),
    Format(
        ".mp4", "mp4", "libopenh264", ("-b:v", "12M", "-g", "100000", *_KEY_FRAMES), "yuv420p", _VIDEO,
        "H.264, OpenH264", I420,
    ),
    Format(
        ".mp4", "mp4", "h264_nvenc", ("-b:v", "12M", "-bf", "0", "-forced-idr", "1", *_KEY_FRAMES), "yuv420p", _VIDEO,
        "H.264, NVENC", I420,
    ),
    Format(
        ".mp4", "mp4", "h264_v4l2m2m", ("-b:v", "12M", *_KEY_FRAMES), "yuv420p", _VIDEO, "H.264, V4L2", I420,
    ),
    Format(".mp4", "mp4", COPY, (), "yuvj420p", None, f"Motion-JPEG, quality {_JPEG_QUALITY}", JPEG),
)  # fmt: skip
_CERTAIN = frozenset({"libx264", "libopenh264", COPY})
"""Of software: what is in the program works. Hardware that is not there is in it too."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """The program and the way it writes."""

    ffmpeg: Ffmpeg
    format: Format

    def arguments(self) -> list[str]:
        """Frames with their times come by stdin, as Matroska; fragments go out by stdout."""
        written = self.format
        if written.encoder == COPY:  # each frame is a key frame
            coded = ["-min_frag_duration", str(round(FRAGMENT_S * 1e6))]
        else:
            coded = encoding_words(self.ffmpeg, written, Fraction(1, TICKS_PER_S), threads=1)
        return [
            "-probesize", "32", "-f", "matroska", "-i", "pipe:0", "-c:v", written.encoder, *coded,
            "-video_track_timescale", str(TICKS_PER_S), "-map_metadata", "-1", "-metadata", f"comment={_PLACEHOLDER}",
            "-movflags", "frag_keyframe+empty_moov+default_base_moof", "-flush_packets", "1", "-f", "mp4", "pipe:1",
        ]  # fmt: skip

    def is_fed_jpeg(self) -> bool:
        return self.format.fed == JPEG


def jpeg_of(image: Image) -> NDArray[np.uint8]:
    """As the encoder is fed where it only copies."""
    jpeg = simplejpeg.encode_jpeg(
        np.ascontiguousarray(image), quality=_JPEG_QUALITY, colorspace="RGB", colorsubsampling="420"
    )
    return np.frombuffer(jpeg, np.uint8)


def with_comment(init: bytes, text: str) -> bytes:
    """The head of a clip that says this of itself."""
    said = f"edge-enhance: {text}".encode()[:COMMENT_BYTES].ljust(COMMENT_BYTES)
    return init.replace(_PLACEHOLDER.encode(), said)


@cache
def find_encoder() -> Encoder:
    """The first that works here; asks FFmpeg once.

    Raises:
        NoFfmpeg: there is none that can be used.
    """
    ffmpeg = find_ffmpeg()
    for one in _FORMATS:
        if one.encoder in _CERTAIN and (one.encoder == COPY or one.encoder in ffmpeg.encoders):
            return Encoder(ffmpeg, one)
        if one.encoder in ffmpeg.encoders and _works(ffmpeg, one):
            return Encoder(ffmpeg, one)
    raise InputOutputError(f"{ffmpeg.path} cannot write a recording; install another FFmpeg")


def _works(ffmpeg: Ffmpeg, written: Format) -> bool:
    """Whether hardware encodes: tried, since a program knows encoders that this machine has not."""
    asked = [ffmpeg.path, "-nostdin", "-v", "error", "-f", "lavfi", "-i", "color=size=1920x1080:rate=30:duration=0.2"]
    asked += [*encoding_words(ffmpeg, written, Fraction(1, TICKS_PER_S), threads=1), "-c:v", written.encoder]
    try:
        done = subprocess.run([*asked, "-f", "null", "-"], capture_output=True, timeout=_TRIAL_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
