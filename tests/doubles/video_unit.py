"""A web sink with coded video, and what feeds it: as part of a test, or as a program of its own that can be stopped.

python -m tests.doubles.video_unit --fps 30 --size 1920x1080 --rtsp 127.0.0.1:0   # tells its addresses as JSON
"""

from __future__ import annotations

import json
import signal
import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.config import Config, VideoConfig, WebConfig
from edge.engines.threads import settle_opencv
from edge.frames.frame import FramePair
from edge.pictures.image import Image
from edge.video.hub import Hub
from edge.video.parts import VideoParts
from firmware_bridge.command_line import Parser
from tests.doubles.network_camera.painting import background
from tests.doubles.network_camera.timecode import Code, draw_code
from tests.doubles.studio import Studio

LOOPBACK = WebConfig(listen="127.0.0.1:0")


class VideoStudio(Studio):
    """A studio whose pairs are coded too.

    Args:
        make_child: stands in for the video process.
    """

    def __init__(
        self, video: VideoConfig | None = None, config: WebConfig | None = None, make_child: Any = None
    ) -> None:
        self._video = video or VideoConfig()
        super().__init__(config or LOOPBACK, furnish=lambda studio: self._furnish(config or LOOPBACK, make_child))
        for sink in self.parts.sinks:
            sink.start()

    def _furnish(self, config: WebConfig, make_child: Any) -> None:
        hub = Hub(self._video.encoder, make_child) if make_child else None
        self.parts = VideoParts(Config(web=config, video=self._video), self.health, lambda: self.freezer.frozen, hub)
        self.parts.serve(self.sink)

    @property
    def rtsp_url(self) -> str:
        return self.parts.rtsp_urls[0]

    def show(self, raw: Image | None = None, enhanced: Image | None = None, *, only_raw: bool = False) -> FramePair:
        pair = super().show(raw, enhanced, only_raw=only_raw)
        for sink in self.parts.sinks:
            sink.publish(pair)
        return pair

    def close(self) -> None:
        self.cut()
        for sink in self.parts.sinks:
            sink.close()
        super().close()


@lru_cache(maxsize=8)
def _backdrop(width_px: int, height_px: int, index: int) -> Image:
    luma, u, v = background(width_px, height_px, index)
    planes = np.concatenate([luma.ravel(), u.ravel(), v.ravel()]).reshape(height_px * 3 // 2, width_px)
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420))


def coded_picture(width_px: int, height_px: int, seq: int, taken_ns: int) -> Image:
    """A picture with the time in it at which it was taken (`tests.doubles.network_camera.timecode`)."""
    image = _backdrop(width_px, height_px, seq % 8).copy()
    luma = np.ascontiguousarray(image[:, :, 1])
    marks = np.full_like(luma, 1)
    draw_code(marks, Code(taken_ns, seq))
    image[marks != 1] = marks[marks != 1][:, None]
    return image


def main() -> None:
    parser = Parser()
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--rtsp", default="")
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--moments", help="a file that gets a line a picture: its number, and when it was taken")
    for name in ("--users", "--certificate", "--key"):
        parser.add_argument(name, default="")
    args = parser.parse_args()
    width_px, height_px = map(int, args.size.split("x"))
    settle_opencv()
    stop = threading.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: stop.set())
    studio = VideoStudio(
        VideoConfig(rtsp=args.rtsp),
        WebConfig(listen=args.listen, users=args.users, certificate=args.certificate, key=args.key),
    )
    moments = Path(args.moments).open("w", buffering=1) if args.moments else None  # noqa: SIM115
    try:
        print(json.dumps({"url": studio.url, "rtsp": studio.rtsp_url if args.rtsp else ""}), flush=True)
        next_s = time.monotonic()
        while not stop.wait(max(0.0, next_s - time.monotonic())):
            next_s = max(next_s + 1 / args.fps, time.monotonic())
            begin_ns = time.monotonic_ns()
            picture = coded_picture(width_px, height_px, studio.seq + 1, begin_ns)
            studio.lag_ms = round((time.monotonic_ns() - begin_ns) / 1e6)
            pair = studio.show(picture, picture)
            if moments is not None:
                unix_ms = time.time() * 1e3 - (time.monotonic_ns() - pair.raw.t_capture_ns) / 1e6
                moments.write(f"{pair.raw.seq} {unix_ms:.2f}\n")
    finally:
        studio.close()


if __name__ == "__main__":
    main()
