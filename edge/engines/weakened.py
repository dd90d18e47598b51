"""An engine of whose answer a share is shown: between the picture that it was given and the one that it made."""

from __future__ import annotations

import time

import cv2

from edge.engines.engine import Engine, Enhanced
from edge.pictures.image import Image


class WeakenedEngine:
    """Implements `edge.engines.engine.Engine`. Blends pixels, which is the same as blending maps with identity.

    Attributes:
        strength: share of the answer that is shown, 0 to 1; may change between frames.
    """

    def __init__(self, engine: Engine, strength: float = 1.0) -> None:
        self._engine = engine
        self.strength = strength

    @property
    def profile(self) -> str:
        return self._engine.profile

    @property
    def model_sha256(self) -> str:
        return self._engine.model_sha256

    @property
    def device(self) -> str:
        return self._engine.device

    def enhance(self, image: Image, out: Image | None = None) -> Enhanced:
        """See `edge.engines.engine.Engine.enhance`; costs nothing at full strength."""
        result = self._engine.enhance(image, out)
        if self.strength >= 1:
            return result
        begin = time.perf_counter()
        cv2.addWeighted(image, 1 - self.strength, result.image, self.strength, 0, dst=result.image)
        took_ms = (time.perf_counter() - begin) * 1e3
        return Enhanced(result.image, {**result.stage_ms, "weaken": took_ms})

    def close(self) -> None:
        self._engine.close()
