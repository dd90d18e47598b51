"""Writes a clip: frames with their own times, encoded by FFmpeg, the sound of the original beside them."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Literal, get_args

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from edge.basics.errors import InputOutputError
from edge.clips.facts import UNKNOWN, ClipFacts
from edge.clips.formats import opened_words
from edge.clips.frames_stream import I420, JPEG, NS_PER_TICK, RGB24, frame_head, stream_head
from edge.clips.process import FfmpegFailed, FfmpegRun
from edge.clips.program import Ffmpeg, find_ffmpeg
from edge.pictures.image import Image

Codec = Literal["h264", "mjpeg", "ffv1"]
CODECS: tuple[Codec, ...] = get_args(Codec)
_WAIT_S = 120.0
_THREADS = 1
"""Of an encoder: x264 gives other bytes with other threads, and a clip shall give the same wherever it is made."""
_FINISH_S = 600.0
_TICKS_PER_S = 1_000_000_000 // NS_PER_TICK
_MAX_TIMESCALE = 1_000_000
_RATE_NOT_TOLD = 1000
"""From this rate on FFmpeg 5 does not hand on from Matroska how long a frame is, and the last one would get lost."""
_VIDEO = ("smpte170m", "tv")
COPY = "copy"
_LEAVES = {
    "mp4": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"}),
    "mov": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"}),
    "matroska": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac", "vorbis", "pcm_s16le", "pcm_s24le"}),
}
"""Container -> sound that it takes as it is; other sound is encoded anew, as AAC."""


@dataclass(frozen=True, slots=True)
class Format:
    """How a clip is written.

    Attributes:
        suffix: of the file; container: FFmpeg's name.
        encoder: what the FFmpeg at hand has, `COPY` where it has nothing to encode; options: of it.
        pixel_format: what it is given; colour: matrix and range of it, None for RGB and for JPEG, which fixes them.
        told: for a person.
        fed: how the frames reach FFmpeg. As I420: OpenCV's conversion takes 1 ms a frame at 1080p, FFmpeg's 6 and twice
            the bytes through the pipe; OpenCV knows BT.601 alone, hence the matrix that is named. As JPEG: simplejpeg
            takes 7 ms, FFmpeg's encoder 13 and its conversion 6.
    """

    suffix: str
    container: str
    encoder: str
    options: tuple[str, ...]
    pixel_format: str
    colour: tuple[str, str] | None
    told: str
    fed: bytes = RGB24


_H264 = (
    # One quantiser for all costs a tenth less CPU time than CRF, at the same PSNR and 2% more bits.
    # Without B-frames each frame keeps its time without an edit list; ultrafast, since a unit has two cores for all.
    Format(
        ".mp4", "mp4", "libx264", ("-preset", "ultrafast", "-qp", "16", "-bf", "0", "-g", "60"),
        "yuv420p", _VIDEO, "H.264, x264 ultrafast, QP 16", I420,
    ),
    Format(
        ".mp4", "mp4", "libopenh264", ("-b:v", "20M", "-g", "60"), "yuv420p", _VIDEO, "H.264, OpenH264", I420,
    ),
    Format(".mp4", "mp4", "mpeg4", ("-q:v", "2", "-g", "60"), "yuv420p", _VIDEO, "MPEG-4 part 2, quality 2", I420),
)  # fmt: skip
_FORMATS: dict[Codec, tuple[Format, ...]] = {
    "h264": _H264,
    "mjpeg": (Format(".mov", "mov", COPY, (), "yuvj422p", None, "Motion-JPEG, quality 95, 4:2:2", JPEG),),
    "ffv1": (
        Format(".mkv", "matroska", "ffv1", ("-level", "3", "-g", "1", "-slicecrc", "1"), "bgr0", None, "FFV1"),
    ),
}  # fmt: skip


def suffix_of(codec: Codec) -> str:
    """The ending of a clip's file; the same whatever FFmpeg is at hand."""
    return _FORMATS[codec][0].suffix


def format_of(codec: Codec, ffmpeg: Ffmpeg) -> Format:
    """The first of the codec's formats that this FFmpeg can write.

    Raises:
        InputOutputError: none of them.
    """
    for one in _FORMATS[codec]:
        if one.encoder == COPY or one.encoder in ffmpeg.encoders:
            return one
    raise InputOutputError(
        f"{ffmpeg.path} cannot encode {codec}; install another, or choose --codec {' or '.join(CODECS)}"
    )


@dataclass(frozen=True, slots=True)
class ClipOrder:
    """What a clip shall be.

    Attributes:
        source: whose sound is taken, and times; facts: of it.
        text: what the file says of itself, as its comment.
    """

    source: Path
    facts: ClipFacts
    width_px: int
    height_px: int
    text: str

    @property
    def audio(self) -> tuple[str, ...]:
        """The codecs of the tracks of sound that can be taken."""
        return tuple(codec for codec in self.facts.audio if codec != UNKNOWN)

    def sound(self, written: Format) -> str:
        """What becomes of the sound, in words."""
        if not self.audio:
            return "none"
        return "copied" if _is_taken(self.audio, written) else f"converted from {', '.join(self.audio)} to AAC"


class ClipEncoder:
    """Writes frames into an open file; `finish` makes it a whole clip. `close` ends it, whole or not.

    The file's name is not told to FFmpeg, so that any name is possible. It shares the file's lock: where this program
    is killed, the next run waits until FFmpeg has seen the end of its input.

    Raises:
        InputOutputError: no FFmpeg that can write it.
    """

    def __init__(self, file: BinaryIO, order: ClipOrder, codec: Codec) -> None:
        ffmpeg = find_ffmpeg()
        self.format = format_of(codec, ffmpeg)
        self._file, self._order, self._ffmpeg = file, order, ffmpeg
        self._run: FfmpegRun | None = None
        self._waiting: tuple[NDArray[np.uint8], int] | None = None
        self._step = _TICKS_PER_S // 30
        self._planes = np.empty((order.height_px * 3 // 2, order.width_px), np.uint8)

    def add(self, image: Image, time_s: Fraction) -> None:
        """Append an RGB frame; each one later than the one before.

        Raises:
            OSError: the file takes nothing more.
            FfmpegFailed: FFmpeg failed, was killed or hung.
        """
        ticks = round(time_s * _TICKS_PER_S)
        if self._waiting is not None:
            self._step = max(1, ticks - self._waiting[1])
            self._write_waiting()
        self._waiting = self._fed(image), ticks

    def finish(self) -> None:
        """Write the last frame, which lasts as long as the one before, and the index. Raises as `add`."""
        self._write_waiting()
        assert self._run is not None
        try:
            self._run.end_input()
        except BrokenPipeError:
            self._raise_why()
        if self._run.wait(_FINISH_S) != 0:
            self._raise_why()
        self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        if self._run is not None:
            self._run.close()

    def _fed(self, image: Image) -> NDArray[np.uint8]:
        """The bytes of a frame as FFmpeg gets them, the one before written already."""
        if self.format.fed == I420:
            return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420, self._planes), np.uint8)
        whole = np.ascontiguousarray(image)
        if self.format.fed == JPEG:
            jpeg = simplejpeg.encode_jpeg(whole, quality=95, colorspace="RGB", colorsubsampling="422")
            return np.frombuffer(jpeg, np.uint8)
        return whole

    def _write_waiting(self) -> None:
        assert self._waiting is not None, "a clip has at least one frame"
        content, ticks = self._waiting
        if self._run is None:
            self._run = self._started(ticks)
            head = stream_head(self._order.width_px, self._order.height_px, self._order.facts.fps, self.format.fed)
        else:
            head = b""
        try:
            self._run.write(head + frame_head(ticks, self._step, content.nbytes), _WAIT_S)
            self._run.write(content.data, _WAIT_S)
        except BrokenPipeError:
            self._raise_why()

    def _raise_why(self) -> None:
        assert self._run is not None
        status = self._run.wait(_WAIT_S)
        reason = self._run.ended_by(status)
        if any("No space left" in line for line in self._run.last_lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if any("File too large" in line for line in self._run.last_lines):
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        if any("Disk quota" in line for line in self._run.last_lines):
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        raise FfmpegFailed(f"{self._order.source}: the enhanced clip cannot be encoded: {reason}")

    def _started(self, first_ticks: int) -> FfmpegRun:
        descriptor = self._file.fileno()
        arguments = _arguments(self._ffmpeg, self.format, self._order, first_ticks, f"/dev/fd/{descriptor}")
        source = (self._order.source,) if self._order.audio else ()
        return FfmpegRun(
            self._ffmpeg, arguments, lambda line: None, writes=True, readable=source, written=(descriptor,)
        )


def _is_taken(audio: Sequence[str], written: Format) -> bool:
    return set(audio) <= _LEAVES[written.container]


def _arguments(ffmpeg: Ffmpeg, written: Format, order: ClipOrder, first_ticks: int, file: str) -> list[str]:
    # FFmpeg moves every input to begin at 0; a clip whose first frame comes later than its sound stays so.
    arguments = [
        "-itsoffset",
        f"{first_ticks / _TICKS_PER_S:.6f}",
        "-probesize",
        "32",
        "-f",
        "matroska",
        "-i",
        "pipe:0",
    ]
    if order.audio:
        arguments += [*opened_words(order.source), "-map", "0:v:0", *order.facts.sound_maps(1)]
        arguments += ["-c:a", "copy" if _is_taken(order.audio, written) else "aac"]
        arguments += ["-strict", "-2"]  # FFmpeg before 6 calls FLAC in MP4 an experiment
    fps, time_base = order.facts.fps, _written_time_base(order.facts.time_base)
    if fps >= _RATE_NOT_TOLD and written.suffix != ".mkv" and ffmpeg.version >= (5, 1):
        arguments += ["-bsf:v", f"setts=duration={max(1, round(1 / (Fraction(fps) * time_base)))}"]
    if written.encoder != COPY:
        arguments += encoding_words(ffmpeg, written, time_base, _THREADS)
    return [
        *arguments,
        *(("-video_track_timescale", str(time_base.denominator)) if written.container in ("mp4", "mov") else ()),
        "-c:v", written.encoder, "-map_metadata", "-1", "-map_chapters", "-1", "-metadata", f"comment={order.text}",
        "-fflags", "+bitexact", "-f", written.container, "-y", file,
        *(("-map", "1:V:0", "-c", "copy", "-f", "null", "-") if order.facts.is_on_one_clock else ()),
    ]  # fmt: skip


def encoding_words(ffmpeg: Ffmpeg, written: Format, time_base: Fraction, threads: int) -> list[str]:
    """The options that turn frames into the format's own, named as what they are, and keep their times.

    Args:
        threads: of the encoder; the engine has the other cores.
    """
    filters, tags = [f"settb={time_base}", f"format={written.pixel_format}"], []
    if written.colour is not None:
        matrix, levels = written.colour
        filters.insert(0, f"setparams=colorspace={matrix}:range={levels}:color_primaries=bt709:color_trc=bt709")
        tags = ["-colorspace", matrix, "-color_range", levels, "-color_primaries", "bt709", "-color_trc", "bt709"]
        tags += ["-chroma_sample_location", "topleft"]  # where OpenCV takes it
    return [
        *tags, "-vf", ",".join(filters), *ffmpeg.every_frame, "-enc_time_base", str(time_base),
        *written.options, "-threads", str(threads),
    ]  # fmt: skip


def _written_time_base(time_base: Fraction) -> Fraction:
    """The source's own, so that times come out as they were; a microsecond where that is too fine for a container."""
    if 0 < time_base <= Fraction(1, 24) and time_base.numerator == 1 and time_base.denominator <= _MAX_TIMESCALE // 4:
        return time_base
    return Fraction(1, 90_000) if time_base > Fraction(1, 24) else Fraction(1, _MAX_TIMESCALE)
