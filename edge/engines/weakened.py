"""An engine of whose answer a share is shown: between the picture that it was given and the one that it made."""

from __future__ import annotations

import time

import cv2
import numpy as np

from edge.engines.around import EngineAround
from edge.engines.engine import Engine, Enhanced
from edge.pictures.image import Image


class WeakenedEngine(EngineAround):
    """Implements `edge.engines.engine.Engine`. Blends pixels, which is the same as blending maps with identity.

    Attributes:
        strength: share of the answer that is shown, 0 to 1; may change between frames.
        whole: memory that keeps the whole answer where less of it is shown, for who judges it; None keeps none, and
            at strength 0 there is none.
    """

    def __init__(self, engine: Engine, strength: float = 1.0) -> None:
        super().__init__(engine)
        self.strength = strength
        self.whole: Image | None = None

    def enhance(self, image: Image, out: Image | None = None) -> Enhanced:
        """See `edge.engines.engine.Engine.enhance`; costs nothing at full strength, and a copy at none."""
        if self.strength >= 1:
            return self._engine.enhance(image, out)
        if self.strength == 0:
            begin = time.perf_counter()
            untouched = np.empty_like(image) if out is None else out
            np.copyto(untouched, image)
            return Enhanced(untouched, {"weaken": (time.perf_counter() - begin) * 1e3})
        whole = self.whole
        result = self._engine.enhance(image, out if whole is None else whole)
        begin = time.perf_counter()
        if whole is not None and result.image is not whole:
            np.copyto(whole, result.image)
        weaker = result.image if whole is None else np.empty_like(image) if out is None else out
        cv2.addWeighted(image, 1 - self.strength, result.image, self.strength, 0, dst=weaker)
        took_ms = (time.perf_counter() - begin) * 1e3
        return Enhanced(weaker, {**result.stage_ms, "weaken": took_ms}, whole)
