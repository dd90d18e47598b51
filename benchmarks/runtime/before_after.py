"""`python -m benchmarks.runtime.before_after`: the README's picture, a demo frame, raw left and enhanced right."""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.page import PAGE
from edge.engines.cpu import open_cpu_engine
from edge.frames.frame import Frame, FramePair
from edge.health.state import Verdict
from edge.models.profile import load_profile
from edge.sources.demo.source import DemoSource
from edge.web.views import View, ViewEncoder

FOGGIEST_FRAME = 165
PICTURE = PAGE.parent / "images" / "before-after.jpg"


def main() -> None:
    raw = Frame(DemoSource("demo:", paced=False).render(FOGGIEST_FRAME).degraded, FOGGIEST_FRAME, 0)
    engine = open_cpu_engine(load_profile("live"))
    result = engine.enhance(raw.image)
    pair = FramePair(raw, raw.enhanced(result.image, engine.profile, result.stage_ms))
    split = ViewEncoder().encoded(View("split", 0.5), pair, Verdict("live"), quality=95)
    whole = cv2.imdecode(np.frombuffer(split.jpeg, np.uint8), cv2.IMREAD_COLOR)
    half = cv2.resize(whole, (1280, 720), interpolation=cv2.INTER_AREA)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(PICTURE), half, [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(PICTURE)


if __name__ == "__main__":
    main()
