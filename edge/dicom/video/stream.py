"""A recording's clip as streams for DICOM: copied where it is what a transfer syntax asks for, else encoded.

FFmpeg writes into files without a name, beside the clip: they are gone when they are closed, whatever happens.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import BinaryIO

from pydicom.uid import UID

from edge.basics.errors import InputOutputError
from edge.basics.folders import open_plain
from edge.clips.formats import opened_words
from edge.clips.process import FfmpegFailed, FfmpegRun
from edge.clips.program import Ffmpeg, find_ffmpeg
from edge.dicom.video.level import Level, level_of
from edge.dicom.video.mp4 import NotPlainMp4, Track, first_units, read_track, with_avcc
from edge.dicom.video.parameters import (
    HIGH,
    NotUnderstood,
    Parameters,
    as_high,
    avcc_of,
    parameters_of,
    split_avcc,
)

MAX_BYTES = (1 << 32) - 2
"""Of one stream (PS3.5 8.2.7)."""
_WAIT_S = 4 * 3600.0
_EXACT = ("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact")
"""Without the date, and without what tells one FFmpeg from another."""
_SET, _PICTURE = 7, 8
_BEFORE_S = 0.001
_TIMES = ("-video_track_timescale", "90000")
_ENCODERS = {
    "libx264": ("-preset", "veryfast", "-crf", "20", "-maxrate", "50M", "-bufsize", "50M"),
    "libopenh264": ("-b:v", "20M"),
}
_SQUARE = "scale='trunc(iw*sar/2)*2':ih,setsar=1,settb=1/90000,format=yuv420p"
_ANEW = ("-profile:v", "high", "-g", "60", "-bf", "0", "-vf", _SQUARE, "-enc_time_base", "1/90000")


@dataclass(frozen=True, slots=True)
class Stream:
    """Attributes:
    file: an MP4, to be read from any place.
    begin_s: of this part in the clip.
    is_encoded_anew: from what could not be copied.
    """

    file: BufferedRandom
    width_px: int
    height_px: int
    num_frames: int
    duration_s: float
    num_bytes: int
    transfer_syntax: UID
    begin_s: float = 0.0
    is_encoded_anew: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """Attributes: begin_s, end_s: of a part of a clip; num_frames: in it."""

    begin_s: float
    end_s: float
    num_frames: int


def cuts_of(path: Path, num_parts: int, duration_s: float) -> list[Cut]:
    """Where a clip is cut: at the first key frames after equal times, which are the same for both views.

    Raises:
        InputOutputError: it cannot be read to its end, or has too few key frames.
    """
    packets = _packets(path)
    begins = [0]
    for number in range(1, num_parts):
        at_s = number * duration_s / num_parts
        found = (at for at, (time_s, _, is_key) in enumerate(packets) if is_key and time_s >= at_s)
        begins.append(next(found, len(packets)))
    ends = [*begins[1:], len(packets)]
    if any(begin >= end for begin, end in zip(begins, ends, strict=True)):
        raise FfmpegFailed(f"{path}: cannot be cut into {num_parts} parts: it has too few key frames")
    times = [time_s for time_s, _, _ in packets] + [float("inf")]
    return [Cut(times[begin], times[end], end - begin) for begin, end in zip(begins, ends, strict=True)]


@contextmanager
def stream_of(path: Path, cut: Cut | None = None) -> Iterator[Stream]:
    """A clip, or a part of it, as a transfer syntax takes it.

    Raises:
        InputOutputError: it is no clip, the disk is full, or there is no FFmpeg that can do it.
        OSError: the folder of the clip takes no file.
    """
    ffmpeg = find_ffmpeg()
    with tempfile.TemporaryFile(dir=_folder_of(path)) as file:
        _run(ffmpeg, path, cut, ("-c:v", "copy"), file)
        level = _said(file)
        is_encoded_anew = level is None
        if level is None:
            _run(ffmpeg, path, cut, _encoding(ffmpeg, path), file)
            level = _said(file)
        if level is None:
            raise InputOutputError(
                f"{path}: cannot be made H.264 that DICOM takes; its frames are too large or too many"
            )
        track, told = _read(file)
        if cut is not None and len(track.sizes) != cut.num_frames:
            raise FfmpegFailed(f"{path}: a part has {len(track.sizes)} frames; expected {cut.num_frames}")
        num_bytes = file.seek(0, 2)
        if num_bytes > MAX_BYTES:
            raise InputOutputError(f"{path}: has {num_bytes} bytes in a part; DICOM takes at most {MAX_BYTES}")
        num_bytes += file.write(b"\0" * (num_bytes % 2))  # an item is of even length; behind the last box nobody looks
        file.seek(0)
        begin_s = 0.0 if cut is None else cut.begin_s
        size_px = told.width_px, told.height_px
        yield Stream(
            file,
            *size_px,
            len(track.sizes),
            track.duration_s,
            num_bytes,
            level.transfer_syntax,
            begin_s,
            is_encoded_anew,
        )


def _said(file: BinaryIO) -> Level | None:
    """The level that it keeps to, said in its head as the High profile's; None where that cannot be said truly."""
    try:
        track, told = _read(file)
        level = level_of(told, track)
        if level is None or not (told.can_be_high and told.is_progressive and told.has_square_pixels):
            return None
        number = min(told.level, level.number)
        if (told.profile, told.level) != (HIGH, number):
            if first_units(file, track) & {_SET, _PICTURE}:
                return None  # it says what it is in other places too
            sets, pictures = split_avcc(track.avcc)
            with_avcc(file, track, avcc_of(track.avcc, [as_high(one, number) for one in sets], pictures))
    except (NotPlainMp4, NotUnderstood):
        return None
    return level


def _read(file: BinaryIO) -> tuple[Track, Parameters]:
    track = read_track(file)
    told = {parameters_of(one) for one in split_avcc(track.avcc)[0]}
    if not track.sizes or track.duration_s <= 0 or len(told) != 1:
        raise NotPlainMp4("no frame, or no one set of parameters")
    return track, told.pop()


def _encoding(ffmpeg: Ffmpeg, path: Path) -> tuple[str, ...]:
    for encoder, options in _ENCODERS.items():
        if encoder in ffmpeg.encoders:
            return ("-c:v", encoder, *options, *_ANEW, *ffmpeg.every_frame)
    raise InputOutputError(
        f"{path}: must be encoded as H.264 for the archive, and {ffmpeg.path} cannot; install another FFmpeg"
    )


def _run(ffmpeg: Ffmpeg, path: Path, cut: Cut | None, coding: Sequence[str], file: BinaryIO, kind: str = "mp4") -> None:
    """Write the video of a clip into a file, in place of what is there."""
    file.seek(0)
    file.truncate()
    with ExitStack() as opened:
        readable: tuple[Path, ...] = (path,)
        written, name = [file.fileno()], path
        if _is_nameless(path):
            descriptor = opened.enter_context(open_plain(path)).fileno()
            readable, written, name = (), [*written, descriptor], Path(f"/dev/fd/{descriptor}")
        words = [*_placed(name, cut), "-map", "0:v:0", *coding, *_TIMES, *_EXACT, "-f", kind]
        words += ["-y", f"/dev/fd/{file.fileno()}"]
        run = FfmpegRun(ffmpeg, words, lambda line: None, readable=readable, written=written)
        try:
            status = run.wait(_WAIT_S)
            if status != 0:
                raise FfmpegFailed(f"{path}: {run.ended_by(status)}")
        finally:
            run.close()


def _is_nameless(path: Path) -> bool:
    """Whether it is a file without a name, which another process cannot open: what is encrypted at rest comes so."""
    return path.parent == Path("/proc/self/fd")


def _folder_of(path: Path) -> Path:
    """Where a clip lies, one without a name too."""
    return path.resolve().parent


def _placed(path: Path, cut: Cut | None) -> tuple[str, ...]:
    """The input, from a key frame on: FFmpeg begins with the first one at or after the place that it is told."""
    if cut is None:
        return opened_words(path)
    begin = ("-ss", f"{max(0.0, cut.begin_s - _BEFORE_S):.6f}")
    lasts = () if cut.end_s == float("inf") else ("-t", f"{cut.end_s - cut.begin_s:.6f}")
    return (*begin, *opened_words(path), *lasts, "-copypriorss", "0", "-avoid_negative_ts", "make_zero")


def _packets(path: Path) -> list[tuple[float, int, bool]]:
    """When each coded frame is shown, its bytes, and whether it is a key frame."""
    found: list[tuple[float, int, bool]] = []
    tick_s = 1 / 90_000
    with tempfile.TemporaryFile(dir=_folder_of(path)) as opened:
        _run(find_ffmpeg(), path, None, ("-c:v", "copy"), opened, "framecrc")
        opened.seek(0)
        for line in opened.read().decode("ascii", "replace").splitlines():
            if line.startswith("#tb 0:"):
                numerator, denominator = line.rpartition(" ")[2].split("/")
                tick_s = int(numerator) / int(denominator)
            elif not line.startswith("#"):
                _, _, at, _, num_bytes, *rest = (word.strip() for word in line.split(","))
                found.append((int(at) * tick_s, int(num_bytes), not any(word.startswith("F=") for word in rest)))
    if not found:
        raise FfmpegFailed(f"{path}: the clip has no frame")
    return found
