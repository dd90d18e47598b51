"""The unit that the runtime works for: its calibration, checked, before its engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.calibration import Calibration, read_calibration
from edge.correction import Correction
from edge.cpus import available_cpus
from edge.engines.base import Engine, Enhanced
from edge.errors import ConfigError, DeviceMissing
from edge.frame import Image
from edge.geometry import FRAME_SHAPE
from edge.settings import setting
from edge.sources.base import Source, camera_mode


@dataclass(frozen=True)
class UnitConfig:
    """The table [unit]: which camera unit this is, and its calibration."""

    serial: str = setting("", "serial number of the unit; a calibration must be of this one")
    calibration: str = setting("", "unit.calib made by edge-calib solve; empty: frames are not corrected")


class CorrectedEngine:
    """An engine whose frames are corrected first; what the camera gave stays the raw picture.

    Attributes:
        correction: as given.
    """

    def __init__(self, engine: Engine, correction: Correction) -> None:
        self._engine = engine
        self.correction = correction
        self._corrected = np.empty(FRAME_SHAPE, np.uint8)

    @property
    def profile(self) -> str:
        return self._engine.profile

    @property
    def model_sha256(self) -> str:
        return self._engine.model_sha256

    @property
    def device(self) -> str:
        """Asked anew each time: the CPU may have taken over from a GPU."""
        return f"{self._engine.device}, corrected for unit {self.correction.calibration.unit}"

    def enhance(self, image: Image, out: Image | None = None) -> Enhanced:
        """See `edge.engines.base.Engine.enhance`."""
        begin = time.perf_counter()
        corrected = self.correction.apply(image, self._corrected)
        took_ms = (time.perf_counter() - begin) * 1e3
        result = self._engine.enhance(corrected, out)
        return Enhanced(result.image, {"correct": took_ms, **result.stage_ms})

    def close(self) -> None:
        self.correction.close()
        self._engine.close()


@dataclass(frozen=True)
class UnitCorrection:
    """How this unit's frames are corrected.

    Attributes:
        unit, camera_mode: what the correction holds for.
        on_host: what is applied before the engine; None where the engine's graph does it.
    """

    unit: str
    camera_mode: str
    on_host: Calibration | None


def corrected(engine: Engine, correction: UnitCorrection | None, num_threads: int) -> Engine:
    """The engine, its frames corrected first where its graph does not do so; 0 threads takes every core."""
    if correction is None or correction.on_host is None:
        return engine
    return CorrectedEngine(engine, Correction(correction.on_host, num_threads or available_cpus()))


def unit_correction(path: str, unit: str, manifest: Mapping[str, Any]) -> UnitCorrection | None:
    """The correction of this unit, in a profile's graph or in a file; None where there is neither.

    Args:
        path: `unit.calibration`; unit: `unit.serial`; manifest: the profile's.

    Raises:
        ConfigError: no such file, damaged, or another unit's.
    """
    in_graph = manifest.get("calibration")
    if in_graph is not None:
        _refuse_other_unit(f"profile {manifest['profile']!r}", str(in_graph["unit"]), unit)
        return UnitCorrection(unit, str(in_graph["camera_mode"]), None)
    if not path:
        return None
    calibration = read_calibration(Path(path))
    _refuse_other_unit(path, calibration.unit, unit)
    return UnitCorrection(unit, calibration.camera_mode, calibration)


def _refuse_other_unit(what: str, its_unit: str, unit: str) -> None:
    if not unit:
        raise ConfigError(
            f"unit.serial is empty, and {what} is of unit {its_unit!r}; set unit.serial to this unit's number"
        )
    if its_unit != unit:
        raise ConfigError(
            f"{what}: calibrates unit {its_unit!r}, this is unit {unit!r}; "
            "calibrate this one with edge-calib, or correct unit.serial"
        )


def refuse_other_mode(correction: UnitCorrection, source: Source) -> None:
    """Check that the camera gives frames as it did when it was calibrated.

    Raises:
        ConfigError: it gives others.
    """
    mode = camera_mode(source)
    if mode != correction.camera_mode:
        raise ConfigError(
            f"{source.uri}: gives {mode}, the calibration of unit {correction.unit!r} is for "
            f"{correction.camera_mode}; set the source so, or calibrate again"
        )


def checked_opener(open_source: Callable[[], Source], correction: UnitCorrection | None) -> Callable[[], Source]:
    """Opens the source and refuses one in another mode; a camera that comes back in another mode stays lost."""
    was_open = False

    def opened() -> Source:
        nonlocal was_open
        source = open_source()
        if correction is not None:
            try:
                refuse_other_mode(correction, source)
            except ConfigError as error:
                source.close()
                if was_open:
                    raise DeviceMissing(str(error)) from error
                raise
        was_open = True
        return source

    return opened
