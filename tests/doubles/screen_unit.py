"""A program that shows pictures with a time code on a screen, as `--live --output display` does, until it is ended.

python -m tests.doubles.screen_unit SINK
"""

from __future__ import annotations

import sys
import time

import numpy as np

from edge.config import DisplayConfig
from edge.display.sink import DisplaySink
from edge.frames.frame import Frame, FramePair
from edge.health.news import Board
from edge.health.record import Health
from edge.pictures.geometry import FRAME_SHAPE
from edge.saving.freeze import Freeze
from edge.web.screen_picture import draw_screen
from tests.doubles.network_camera.timecode import Code, draw_code
from tests.doubles.studio import Shelf

PERIOD_S = 0.05


def picture(seq: int) -> Frame:
    """A grey picture that says when it was made."""
    taken_ns = time.monotonic_ns()
    luma = np.full(FRAME_SHAPE[:2], 90, np.uint8)
    draw_code(luma, Code(taken_ns, seq))
    return Frame(np.ascontiguousarray(np.repeat(luma[..., None], 3, axis=2)), seq, taken_ns)


def main(sink: str) -> None:
    board = Board()
    health = Health(board)
    shown = DisplaySink(DisplayConfig(True, sink), health, Freeze(health, board, Shelf()), draw_screen)
    shown.start()
    seq = 0
    while True:
        seq += 1
        frame = picture(seq)
        health.captured(frame)
        shown.publish(FramePair(frame, frame))
        if seq % 20 == 0:
            print(shown.about(), flush=True)
        time.sleep(PERIOD_S)


if __name__ == "__main__":
    main(sys.argv[1])
