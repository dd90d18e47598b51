"""Saving a clip: encoded beside the engine, whole or absent.

Encoders at 1080p on enhanced frames of the demo: CPU milliseconds and kB a frame, PSNR of the light.

    x264 ultrafast, QP 16, 18, 20     10, 9, 8      89, 60, 42      46.5, 45.2, 44.0 dB     in one thread 1 ms less
    x264 superfast, QP 18             16            33              46.4
    FFmpeg's mpeg4, quality 2, 3      10, 9         41, 24          46.7, 44.9              few browsers play it
    FFmpeg's mjpeg, quality 2         13            189             48.1
    simplejpeg, quality 95, 4:2:2     7             417             50
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from fractions import Fraction
from pathlib import Path

from edge.basics.whole_files import PRIVATE_FILE, whole_file
from edge.clips.encode import ClipEncoder, ClipOrder, Codec, Format
from edge.pictures.image import Image

_MAX_WAITING = 4


class ClipWriter:
    """Appends frames in the order given, encoded in a thread; at most four wait, then `append` waits."""

    def __init__(self, encoder: ClipEncoder, thread: ThreadPoolExecutor) -> None:
        self._encoder, self._thread = encoder, thread
        self._waiting: deque[Future[None]] = deque()

    @property
    def format(self) -> Format:
        return self._encoder.format

    def append(self, image: Image, time_s: Fraction) -> None:
        """Append an RGB frame at its time; raises what the encoder raised for one before it."""
        while len(self._waiting) >= _MAX_WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._encoder.add, image, time_s))

    def finish(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()
        self._encoder.finish()


@contextmanager
def clip_writer(path: Path, order: ClipOrder, codec: Codec) -> Iterator[ClipWriter]:
    """Gives what appends frames; the clip is there once the block ends.

    Raises:
        OSError: the file cannot be written; nothing of it stays.
        FfmpegFailed: it cannot be encoded; nothing of it stays.
    """
    with (
        whole_file(path, PRIVATE_FILE) as file,
        closing(ClipEncoder(file, order, codec)) as encoder,
        ThreadPoolExecutor(1, "encode") as thread,
    ):
        writer = ClipWriter(encoder, thread)
        try:
            yield writer
            writer.finish()
        except BaseException:
            encoder.close()  # a thread that waits for it goes on
            raise
        finally:
            thread.shutdown(cancel_futures=True)
