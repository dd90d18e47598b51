"""Clips made for a test by whatever FFmpeg is at hand, and their frames read back by it."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from edge.clips.program import find_ffmpeg
from edge.pictures.image import Image
from tests.doubles.waiting import GUARD_S

BACKGROUND, CORNER = (176, 104, 92), (200, 40, 40)


@cache
def ffmpeg() -> str:
    """Its path; skips the test where there is none."""
    try:
        return find_ffmpeg().path
    except InputOutputError as error:
        pytest.skip(str(error))


def made(path: Path, *arguments: str) -> Path:
    """Run FFmpeg with these arguments and this output."""
    done = subprocess.run(
        [ffmpeg(), "-v", "error", "-nostdin", "-y", *arguments, str(path)], capture_output=True, timeout=GUARD_S
    )
    assert done.returncode == 0, done.stderr.decode()
    return path


def chart(width_px: int = 640, height_px: int = 360, *, disc_height_px: int = 200, aspect: float = 1.0) -> Image:
    """Background, a reddish corner at the top left, and a bright disc in the middle, `aspect` times as wide as high."""
    image = np.empty((height_px, width_px, 3), np.uint8)
    image[:] = BACKGROUND
    image[: height_px // 6, : width_px // 6] = CORNER
    y, x = np.mgrid[0:height_px, 0:width_px]
    radius = disc_height_px / 2
    image[((x - width_px / 2) / aspect) ** 2 + (y - height_px / 2) ** 2 < radius**2] = (240, 220, 210)
    return image


def clip(path: Path, image: Image, *arguments: str, fps: float = 30, num_frames: int = 30) -> Path:
    """A clip that shows one picture; `arguments` say how it is encoded."""
    height_px, width_px = image.shape[:2]
    done = subprocess.run(
        [
            ffmpeg(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width_px}x{height_px}",
            "-r", str(fps), "-i", "pipe:0", *arguments, str(path),
        ],
        input=image.tobytes() * num_frames, capture_output=True, timeout=GUARD_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return path


def probed(path: Path, stream: str = "v:0", *, count: bool = True) -> dict[str, Any]:
    """What ffprobe says of a stream, and its packets' times; skips where there is no ffprobe (wheels have none)."""
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed (apt-get install ffmpeg)")
    words = ["ffprobe", "-v", "error", *(["-count_frames"] if count else []), "-select_streams", stream]
    words += ["-show_streams", "-show_entries", "packet=pts_time,duration_time", "-show_packets", "-of", "json"]
    done = subprocess.run([*words, str(path)], capture_output=True, timeout=GUARD_S)
    found = json.loads(done.stdout)
    times_s = sorted(float(packet["pts_time"]) for packet in found.get("packets", []) if "pts_time" in packet)
    streams = found.get("streams", [])
    return {**(streams[0] if streams else {}), "times_s": times_s}


def frames_of(path: Path, width_px: int, height_px: int, filters: str = "null") -> Image:
    """Frames as FFmpeg itself shows them, (N, H, W, 3)."""
    done = subprocess.run(
        [
            ffmpeg(), "-v", "error", "-nostdin", "-i", str(path), "-vf", filters,
            "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1",
        ],
        capture_output=True, timeout=GUARD_S,
    )  # fmt: skip
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, height_px, width_px, 3)


def disc_aspect(image: Image) -> float:
    """Width by height of the bright disc."""
    bright = image[..., 1] > 165
    return float(bright.any(axis=0).sum() / bright.any(axis=1).sum())
