"""H.264 and H.265 by FFmpeg in a process of its own: pictures go in by one pipe, each comes out whole by another."""

from __future__ import annotations

import contextlib
import fcntl
import struct
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from edge.clips.program import find_ffmpeg
from tests.doubles.network_camera.painting import Picture

_PIPE_BYTES = 1 << 20
_TUNING = {
    "h264": ["-c:v", "libx264", "-crf", "26", "-x264-params", "scenecut=0:repeat-headers=1"],
    "h265": ["-c:v", "libx265", "-crf", "30", "-x265-params", "scenecut=0:repeat-headers=1:log-level=error"],
}


@dataclass(frozen=True, slots=True)
class Encoded:
    """One picture in bytes: a JPEG, or an access unit in Annex B.

    Attributes:
        size_px: width and height.
    """

    data: bytes
    taken_ns: int
    seq: int
    size_px: tuple[int, int]


class VideoEncoder:
    """Encodes without delay; skips a picture that comes while FFmpeg is still busy with the one before the last.

    Args:
        give: is called with each encoded picture, from a thread of the encoder.
    """

    def __init__(
        self, codec: str, size_px: tuple[int, int], fps: float, key_frame_s: float, give: Callable[[Encoded], None]
    ) -> None:
        self.made_for = (codec, size_px, fps, key_frame_s)
        self._size_px, self._give = size_px, give
        width_px, height_px = size_px
        interval = str(max(1, round(fps * key_frame_s)))
        program = find_ffmpeg()
        # Not `nobuffer`, which throws away what was read for probing: each picture in must come out.
        command = [program.path, "-v", "error", "-nostdin", "-probesize", "32", "-f", "rawvideo"]
        command += ["-pix_fmt", "yuvj420p", "-s", f"{width_px}x{height_px}", "-r", str(fps), "-i", "pipe:0"]
        command += [*_TUNING[codec], "-preset", "ultrafast", "-tune", "zerolatency", "-threads", "1"]
        command += [
            *program.every_frame,
            "-g",
            interval,
            "-keyint_min",
            interval,
            "-flush_packets",
            "1",
            "-f",
            "avi",
            "pipe:1",
        ]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None and self._process.stdout is not None, "pipes were asked for"
        fcntl.fcntl(self._process.stdin, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._waiting: deque[Picture] = deque(maxlen=1)
        self._fed: deque[Picture] = deque()
        self._wake = threading.Condition()
        self._is_closed = False
        for work in (self._feed, self._listen):
            threading.Thread(target=work, daemon=True).start()

    def encode(self, picture: Picture) -> None:
        with self._wake:
            self._waiting.append(picture)
            self._wake.notify()

    def close(self) -> None:
        with self._wake:
            self._is_closed = True
            self._wake.notify()
        self._process.kill()
        self._process.wait()

    def _feed(self) -> None:
        pipe = self._process.stdin
        assert pipe is not None, "a pipe was asked for"
        with contextlib.suppress(OSError):
            while True:
                with self._wake:
                    self._wake.wait_for(lambda: self._waiting or self._is_closed)
                    if self._is_closed:
                        return
                    picture = self._waiting.popleft()
                self._fed.append(picture)
                for plane in (picture.luma, picture.blue, picture.red):
                    pipe.write(plane.data)
                pipe.flush()

    def _listen(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None, "a pipe was asked for"
        for data in avi_chunks(pipe):
            picture = self._fed.popleft()
            self._give(Encoded(data, picture.taken_ns, picture.seq, self._size_px))


def avi_chunks(pipe: IO[bytes]) -> Iterator[bytes]:
    """The video chunks of an AVI file as it is written: FFmpeg's only format that names a picture's size before it."""
    pipe.read(12)
    while len(head := pipe.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if name == b"LIST":
            if pipe.read(4) != b"movi":
                pipe.read(size - 4)
            continue
        data = pipe.read(size + size % 2)[:size]
        if name == b"00dc" and data:
            yield data
