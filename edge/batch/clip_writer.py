"""Saving a clip: JPEG frames in an AVI, encoded beside the engine, whole or absent.

Why Motion-JPEG in AVI, encoded by simplejpeg at quality 95, 4:2:2: PSNR to the frames given, ms and kB a frame,
at 1080p on one busy core, on panned throat (also with noise), larynx and demo frames:

    simplejpeg 95, 4:2:2          41 to 46 dB     16 to 24 ms     410 to 530 kB
    OpenCV's MJPG through FFmpeg  38 to 41        23 to 35        100 to 150      quality cannot be set
    OpenCV's own MJPG writer      41 to 45        40 to 54        330 to 430      twice the time
    OpenCV's mp4v                 36 to 38        20 to 22        22 to 31        quality cannot be set
    OpenCV's FFV1                 lossless        217 to 340      1400 to 2800    slower than the engine
    H.264, HEVC, AV1              no encoder in OpenCV's wheel

FFmpeg plays it, and so should VLC and Windows' own player (not tried); each frame is a picture of its own that
can be taken out as it is; and JPEG fixes the colour matrix and range, where a player has to guess those of an
mp4v clip (wrong reds). 4:2:2 keeps the fine red of vessels better than 4:2:0 at an eighth more bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import simplejpeg

from edge.basics.whole_files import whole_file
from edge.batch.avi import AviWriter
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX
from edge.pictures.image import Image
from edge.pictures.marks import KEYWORD, jpeg_with_mark

CODEC = "Motion-JPEG, quality 95, 4:2:2"
CLIP_SUFFIX = ".avi"
_MAX_WAITING = 4


@contextmanager
def clip_writer(path: Path, fps: float, text: str) -> Iterator[Callable[[Image], None]]:
    """Gives the function that appends an RGB frame (1080, 1920, 3); the clip is there once the block ends.

    Frames are encoded in a thread in the order given; at most four wait, then `append` waits.

    Args:
        text: what the file and every frame in it say of themselves, see `edge.pictures.marks`.

    Raises:
        OSError: the file cannot be written; nothing of it stays.
    """
    with whole_file(path) as file, ThreadPoolExecutor(1, "encode") as encoder:
        avi = AviWriter(file, FRAME_WIDTH_PX, FRAME_HEIGHT_PX, fps, f"{KEYWORD}: {text}")
        waiting: deque[Future[None]] = deque()

        def encode(image: Image) -> None:
            jpeg = simplejpeg.encode_jpeg(image, quality=95, colorspace="RGB", colorsubsampling="422")
            avi.add(jpeg_with_mark(jpeg, text))

        def append(image: Image) -> None:
            while len(waiting) >= _MAX_WAITING:
                waiting.popleft().result()
            waiting.append(encoder.submit(encode, image))

        try:
            yield append
            while waiting:
                waiting.popleft().result()
            avi.finish()
        finally:
            encoder.shutdown(cancel_futures=True)
