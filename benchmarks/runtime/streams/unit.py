"""A unit in a process of its own, whose source stamps the time of day into each picture; prints its address.

`passthrough`: the web sink alone, raw pictures at a camera's pace, as enhanced that costs nothing. `enhanced`: the
whole program with its engine.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.runtime.streams.time_code import stamp
from edge import program
from edge.config import Config, SourceConfig, WebConfig
from edge.frames.frame import Frame, FramePair
from edge.frames.stages import Source
from edge.health.news import Board
from edge.health.record import Health
from edge.health.state import EngineFacts
from edge.pictures.image import Image
from edge.saving.freeze import Freeze
from edge.sources.demo.render import DemoRenderer
from edge.sources.open import open_wished
from edge.web.server import WebSink

FPS = 30
NUM_PICTURES = 30
KINDS = ("passthrough", "enhanced")


class _Nowhere:
    def save(self, pair: FramePair) -> None:
        """Nothing is saved here."""


def textured() -> list[Image]:
    """Pictures of the synthetic throat, with the noise of a camera: their JPEGs are as large as real ones."""
    renderer, draw = DemoRenderer(0), np.random.default_rng(0)
    grain = draw.integers(-4, 5, (1080, 1920, 3), dtype=np.int16)
    return [
        np.clip(renderer.degraded(3 * index).astype(np.int16) + np.roll(grain, 7 * index, 1), 0, 255).astype(np.uint8)
        for index in range(NUM_PICTURES)
    ]


def pass_through(listen: str) -> None:
    """Publish until the process ends; 30 frames a second, a new array each, as a source gives them."""
    board = Board()
    health = Health(board)
    health.set_source("demo:")
    health.set_engine(EngineFacts("live", "ab" * 32, "cpu"))
    freeze = Freeze(health, board, _Nowhere())
    web = WebSink(WebConfig(listen=listen), health, board, freeze)
    web.start()
    pictures = textured()
    print(web.url, flush=True)
    next_s, seq = time.monotonic(), 0
    while True:
        next_s = max(next_s + 1 / FPS, time.monotonic() - 1 / FPS)
        time.sleep(max(0.0, next_s - time.monotonic()))
        image = pictures[seq % NUM_PICTURES].copy()
        stamp(image)
        seq += 1
        raw = Frame(image, seq, time.monotonic_ns())
        health.captured(raw, raw.t_capture_ns)
        pair = FramePair(raw, raw.enhanced(image, "passthrough", {}))
        freeze.publish(pair)
        web.publish(pair)


class StampedSource:
    """A source whose pictures carry the time at which they were read."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.uri, self.fps, self.paced = source.uri, source.fps, source.paced

    def read(self) -> Frame | None:
        frame = self._source.read()
        if frame is None:
            return None
        image = frame.image.copy()
        stamp(image)
        return replace(frame, image=image, t_capture_ns=time.monotonic_ns())

    def close(self) -> None:
        self._source.close()


def enhance(listen: str) -> None:
    """The whole program, with a stamped source."""

    def opened(*args: Any, **named: Any) -> Source:
        return StampedSource(open_wished(*args, **named))

    def sink(*args: Any, **named: Any) -> WebSink:
        web = WebSink(*args, **named)
        start: Callable[[], None] = web.start

        def start_and_tell() -> None:
            start()
            print(web.url, flush=True)

        web.start = start_and_tell  # type: ignore[method-assign]
        return web

    program.open_wished = opened  # type: ignore[attr-defined]
    program.WebSink = sink  # type: ignore[attr-defined,assignment,misc]
    config = Config(source=SourceConfig(uri=f"demo:?fps={FPS}"), web=WebConfig(listen=listen))
    program.run_live(config, lambda: config, threading.Event())


def main() -> None:
    kind, listen = sys.argv[1:]
    {"passthrough": pass_through, "enhanced": enhance}[kind](listen)


if __name__ == "__main__":
    main()
