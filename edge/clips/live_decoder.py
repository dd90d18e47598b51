"""Coded pictures in, decoded pictures out, each at once: FFmpeg as a program of its own, fed through a pipe."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from edge.basics.errors import InputOutputError
from edge.clips.coded_stream import coded_head, coded_picture, index_of
from edge.clips.facts import matrix_if_untold, shown_size
from edge.clips.messages import Messages, ShownFrame
from edge.clips.process import FfmpegFailed, FfmpegRun
from edge.clips.program import Ffmpeg, find_ffmpeg
from edge.pictures.image import Image

# No `nobuffer`: it throws away what FFmpeg looks at first, which is the key picture.
_INPUT = ("-probesize", "32", "-analyzeduration", "0", "-fpsprobesize", "0", "-protocol_whitelist", "pipe")
_PROBE_S = 10.0
_PROBE_CPU_S = 20
_WAIT_S = 2.0
_LONG_S = 3600.0
_MAX_PIXELS = 1 << 24


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the first picture of a stream says of all of it.

    Attributes:
        width_px, height_px: as it is shown, with square pixels.
        colour_matrix: by which its colours are read where it does not say; None where it says.
    """

    width_px: int
    height_px: int
    colour_matrix: str | None
    is_interlaced: bool


class LiveDecoder:
    """Decodes in a process of its own, and hands each picture on from a thread of its own.

    A picture is handed on only if the decoder had nothing to complain of since the last key picture: what it mended
    would look whole. Times: on two busy cores a 1080p picture comes out 8 ms after it went in.

    Args:
        codec: H264 or H265.
        parameter_sets: with start codes (Annex B).
        give: called with the number of a picture, and the picture RGB uint8; None where it is damaged.
        memory: gives an array of this shape to decode into, None for a new one.

    Raises:
        NoFfmpeg: no FFmpeg can be used.
        InputOutputError: the first picture cannot be decoded, or is too large.
    """

    def __init__(
        self,
        codec: str,
        parameter_sets: bytes,
        first: bytes,
        give: Callable[[int, Image | None], None],
        memory: Callable[[tuple[int, int, int]], Image | None],
    ) -> None:
        ffmpeg = find_ffmpeg()
        head = coded_head(codec, parameter_sets)
        self.facts = _facts(ffmpeg, head + coded_picture(0, is_key=True, content=first))
        self._give, self._memory = give, memory
        self._messages = Messages()
        self._shown: queue.SimpleQueue[tuple[int, bool]] = queue.SimpleQueue()
        self._counting = threading.Lock()
        self._num_fed = self._num_shown = 0
        self._keys: set[int] = set()
        self._damaged_until: int | None = None
        self._run = FfmpegRun(ffmpeg, _decoding(ffmpeg, self.facts), self._take_line, reads=True, writes=True)
        self._reader = threading.Thread(target=self._read, name="decoded pictures", daemon=True)
        self._reader.start()
        self._run.write(head, _WAIT_S)

    @property
    def num_waiting(self) -> int:
        """Pictures that were fed and have not come out."""
        return self._num_fed - self._num_shown

    def feed(self, content: bytes, *, is_key: bool) -> None:
        """Decode the next picture; they are numbered from 0 on.

        Raises:
            FfmpegFailed: FFmpeg has ended or takes nothing.
        """
        with self._counting:
            index = self._num_fed
            self._num_fed += 1
            if is_key:
                self._keys.add(index)
        try:
            self._run.write(coded_picture(index, is_key=is_key, content=content), _WAIT_S)
        except (BrokenPipeError, ValueError) as error:
            raise FfmpegFailed("FFmpeg ended while it decoded the stream") from error

    def close(self) -> None:
        """End FFmpeg; safe to call twice, not from `give`."""
        self._run.close()
        self._reader.join(_WAIT_S)

    def _take_line(self, line: str) -> None:
        num_faults = self._messages.num_faults
        shown = self._messages.take(line)
        with self._counting:
            if self._messages.num_faults > num_faults:
                self._damaged_until = self._num_fed  # FFmpeg does not say which; it can be any that went in
            if shown is not None:
                # A filter that deinterlaces has a time base of its own.
                index = index_of((shown.pts or 0) * (self._messages.time_base or Fraction(0)))
                self._shown.put((index, shown.pts is not None and self._is_sound(index)))

    def _is_sound(self, index: int) -> bool:
        self._num_shown = max(self._num_shown, index + 1)
        is_key = index in self._keys
        if is_key:
            self._keys = {key for key in self._keys if key > index}
        if self._damaged_until is not None and is_key and index >= self._damaged_until:
            self._damaged_until = None
        return self._damaged_until is None

    def _read(self) -> None:
        shape = (self.facts.height_px, self.facts.width_px, 3)
        try:
            while True:
                lent = self._memory(shape)
                image: Image = np.empty(shape, np.uint8) if lent is None else lent
                if not self._run.read_into(image.data.cast("B"), _LONG_S):
                    return
                index, is_sound = self._shown.get(timeout=_WAIT_S)
                self._give(index, image if is_sound else None)
        except (FfmpegFailed, queue.Empty):
            return  # who waits for pictures sees that none come


def _facts(ffmpeg: Ffmpeg, content: bytes) -> VideoFacts:
    """Decode one picture and look at it."""
    messages = Messages()
    found: list[ShownFrame] = []

    def take(line: str) -> None:
        shown = messages.take(line)
        if shown is not None:
            found.append(shown)

    arguments = [*_INPUT, "-f", "matroska", "-i", "pipe:0", "-frames:v", "1", "-vf", ffmpeg.show_frames]
    run = FfmpegRun(ffmpeg, [*arguments, "-f", "null", "-"], take, writes=True, cpu_s=_PROBE_CPU_S)
    try:
        with contextlib.suppress(BrokenPipeError):  # it says why, or has seen enough
            run.write(content, _PROBE_S)
        run.end_input()
        status = run.wait(_PROBE_S)
        if not found:
            raise InputOutputError(f"the video cannot be decoded ({run.ended_by(status)})")
    finally:
        run.close()
    frame = found[0]
    width_px, height_px = shown_size(frame)
    if width_px * height_px > _MAX_PIXELS:
        raise InputOutputError(f"a video of {width_px}x{height_px} is too large; expected at most 4096x4096")
    space = messages.colour[1] if messages.colour else "unknown"
    return VideoFacts(width_px, height_px, matrix_if_untold(frame, None, space), frame.is_interlaced)


def _decoding(ffmpeg: Ffmpeg, facts: VideoFacts) -> list[str]:
    # One thread each: every further one holds a picture back, in the decoder, and in the encoder that copies pixels.
    matrix = f":in_color_matrix={facts.colour_matrix}" if facts.colour_matrix else ""
    deinterlace = ["bwdif=mode=send_frame"] if facts.is_interlaced else []
    scale = f"scale={facts.width_px}:{facts.height_px}:flags=bicubic{matrix}"
    filters = ",".join([*deinterlace, ffmpeg.show_frames, scale, "format=rgb24"])
    return [
        "-threads", "1", "-flags", "low_delay", *_INPUT, "-f", "matroska", "-i", "pipe:0", "-map", "0:v:0",
        "-vf", filters, *ffmpeg.every_frame, "-threads", "1", "-f", "rawvideo", "-flush_packets", "1", "pipe:1",
    ]  # fmt: skip
