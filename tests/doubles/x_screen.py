"""An X server without a screen (Xvfb), whose frame buffer is read: what somebody would see."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from edge.pictures.image import Image
from tests.doubles.network_camera.timecode import is_of_one_moment

RED = (196, 30, 42)
"""Of the bar that says NO SIGNAL (`edge/web/banner.py`)."""


class XScreen:
    """An X server whose screen can be looked at."""

    def __init__(self, name: str, frame_buffer: Path) -> None:
        self.name, self._frame_buffer = name, frame_buffer

    def look(self) -> Image:
        """What is on the screen now, RGB; the file is a window dump (XWDFile.h)."""
        content = self._frame_buffer.read_bytes()
        head = struct.unpack(">25I", content[:100])
        header_bytes, width_px, height_px, row_bytes, num_colours = head[0], head[4], head[5], head[12], head[19]
        begin = header_bytes + 12 * num_colours
        rows = np.frombuffer(content, np.uint8, row_bytes * height_px, begin).reshape(height_px, row_bytes // 4, 4)
        return np.ascontiguousarray(rows[:, :width_px, 2::-1])

    def live(self) -> Image | None:
        """The picture with a time code that is there now, at 1920x1080; None where bar or border lie over it."""
        picture = full(self.look())
        is_live = bool(abs(int(picture[8, 8, 0]) - 90) < 6) and is_of_one_moment(picture)
        return picture if is_live else None

    def is_live(self) -> bool:
        return self.live() is not None

    def is_covered(self) -> bool:
        return tuple(self.look()[8, 8]) == RED

    def is_dark(self) -> bool:
        return bool(self.look().max() == 0)


def full(picture: Image) -> Image:
    """At 1920x1080, whatever the screen's size; of a screen that is not 16:9 the middle."""
    height_px, width_px = picture.shape[:2]
    inner_px = width_px * 9 // 16
    top = (height_px - inner_px) // 2
    return np.asarray(cv2.resize(picture[top : top + inner_px], (1920, 1080), interpolation=cv2.INTER_AREA), np.uint8)


@contextmanager
def served(folder: Path, size: str, *name: str) -> Iterator[XScreen]:
    """Args: the display's name, where it is not left to the server."""
    reading, writing = os.pipe()
    screen = ["-screen", "0", f"{size}x24", "-nolisten", "tcp", "-fbdir", str(folder)]
    command = ["Xvfb", *name, "-displayfd", str(writing), *screen]
    with subprocess.Popen(command, pass_fds=(writing,), stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        with os.fdopen(reading) as answer:
            name = answer.readline().strip()
        assert name, "Xvfb does not start"
        yield XScreen(f":{name}", folder / "Xvfb_screen0")
        server.terminate()
