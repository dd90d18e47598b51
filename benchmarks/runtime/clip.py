"""The clip that every benchmark plays."""

from __future__ import annotations

from pathlib import Path

import cv2

from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX
from edge.sources.demo.source import DemoSource

NUM_FRAMES = 120


def write_demo_clip(path: Path) -> Path:
    """Four seconds of the degraded demo throat, 1080p at 30 frames/s, MPEG-4 Part 2: OpenCV's wheel writes no H.264."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 30.0, (FRAME_WIDTH_PX, FRAME_HEIGHT_PX))
    source = DemoSource("demo:?pace=free", paced=False)
    for _ in range(NUM_FRAMES):
        frame = source.read()
        assert frame is not None
        writer.write(cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
    writer.release()
    source.close()
    return path
