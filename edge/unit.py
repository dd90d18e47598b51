"""The unit that the runtime works for: its calibration, checked, before its engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge.calibration import Calibration, read_calibration
from edge.correction import Correction
from edge.engines.base import Engine, Enhanced
from edge.engines.cpu import available_cpus
from edge.errors import ConfigError, DeviceMissing
from edge.frame import Image
from edge.geometry import FRAME_SHAPE
from edge.sources.base import Source, camera_mode


class CorrectedEngine:
    """An engine whose frames are corrected first; what the camera gave stays the raw picture.

    Attributes:
        correction: as given.
    """

    def __init__(self, engine: Engine, correction: Correction) -> None:
        self._engine = engine
        self.correction = correction
        self._corrected = np.empty(FRAME_SHAPE, np.uint8)
        self.profile, self.model_sha256, self.device = engine.profile, engine.model_sha256, engine.device

    def enhance(self, image: Image) -> Enhanced:
        """See `edge.engines.base.Engine.enhance`."""
        begin = time.perf_counter()
        corrected = self.correction.apply(image, self._corrected)
        took_ms = (time.perf_counter() - begin) * 1e3
        result = self._engine.enhance(corrected)
        return Enhanced(result.image, {"correct": took_ms, **result.stage_ms})

    def close(self) -> None:
        self.correction.close()
        self._engine.close()


def corrected(engine: Engine, calibration: Calibration | None, num_threads: int) -> Engine:
    """The engine, its frames corrected first where the unit is calibrated; 0 threads takes every core."""
    if calibration is None:
        return engine
    return CorrectedEngine(engine, Correction(calibration, num_threads or available_cpus()))


def unit_calibration(path: str, unit: str) -> Calibration | None:
    """The unit's own calibration; None where no file is configured.

    Raises:
        ConfigError: no such file, damaged, or another unit's.
    """
    if not path:
        return None
    calibration = read_calibration(Path(path))
    if not unit:
        raise ConfigError(f"unit.serial is empty, and unit.calibration = {path!r} is of unit {calibration.unit!r}; "
                          "set unit.serial to this unit's number")  # fmt: skip
    if calibration.unit != unit:
        raise ConfigError(f"{path}: calibrates unit {calibration.unit!r}, this is unit {unit!r}; "
                          "calibrate this one with edge-calib, or correct unit.serial")  # fmt: skip
    return calibration


def refuse_other_mode(calibration: Calibration, source: Source) -> None:
    """Check that the camera gives frames as it did when it was calibrated.

    Raises:
        ConfigError: it gives others.
    """
    mode = camera_mode(source)
    if mode != calibration.camera_mode:
        raise ConfigError(f"{source.uri}: gives {mode}, the calibration of unit {calibration.unit!r} is for "
                          f"{calibration.camera_mode}; set the source so, or calibrate again")  # fmt: skip


def checked_opener(open_source: Callable[[], Source], calibration: Calibration | None) -> Callable[[], Source]:
    """Opens the source and refuses one in another mode; a camera that comes back in another mode stays lost."""
    was_open = False

    def opened() -> Source:
        nonlocal was_open
        source = open_source()
        if calibration is not None:
            try:
                refuse_other_mode(calibration, source)
            except ConfigError as error:
                source.close()
                if was_open:
                    raise DeviceMissing(str(error)) from error
                raise
        was_open = True
        return source

    return opened
