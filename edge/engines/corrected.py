"""An engine whose frames are corrected for this unit first."""

from __future__ import annotations

import time

import numpy as np

from edge.calibration.correction import Correction
from edge.calibration.of_unit import UnitCorrection
from edge.engines.around import EngineAround
from edge.engines.engine import Engine, Enhanced
from edge.engines.threads import engine_threads
from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.image import Image


class CorrectedEngine(EngineAround):
    """An engine whose frames are corrected first; what the camera gave stays the raw picture.

    Attributes:
        correction: as given.
    """

    def __init__(self, engine: Engine, correction: Correction) -> None:
        super().__init__(engine)
        self.correction = correction
        self._corrected = np.empty(FRAME_SHAPE, np.uint8)

    @property
    def device(self) -> str:
        return f"{super().device}, corrected for unit {self.correction.calibration.unit}"

    def enhance(self, image: Image, out: Image | None = None) -> Enhanced:
        """See `edge.engines.engine.Engine.enhance`."""
        begin = time.perf_counter()
        corrected = self.correction.apply(image, self._corrected)
        took_ms = (time.perf_counter() - begin) * 1e3
        result = self._engine.enhance(corrected, out)
        return result._replace(stage_ms={"correct": took_ms, **result.stage_ms})

    def close(self) -> None:
        self.correction.close()
        super().close()


def corrected(engine: Engine, correction: UnitCorrection | None, num_threads: int) -> Engine:
    """The engine, its frames corrected first where its graph does not do so; 0 threads takes every core."""
    if correction is None or correction.on_host is None:
        return engine
    return CorrectedEngine(engine, Correction(correction.on_host, engine_threads(num_threads)))
