"""The unit that the runtime works for: its calibration, checked, before its engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.basics.errors import ConfigError
from edge.calibration.calibration import Calibration
from edge.calibration.file import read_calibration
from edge.frames.stages import Source, camera_mode


@dataclass(frozen=True)
class UnitCorrection:
    """How this unit's frames are corrected.

    Attributes:
        unit, camera_mode: what the correction holds for.
        on_host: what is applied before the engine; None where the engine's graph does it.
        controls: the camera's settings that the correction holds for, name -> value.
    """

    unit: str
    camera_mode: str
    on_host: Calibration | None
    controls: Mapping[str, float] = field(default_factory=dict)


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
        return UnitCorrection(unit, str(in_graph["camera_mode"]), None, in_graph.get("controls", {}))
    if not path:
        return None
    calibration = read_calibration(Path(path))
    _refuse_other_unit(path, calibration.unit, unit)
    return UnitCorrection(unit, calibration.camera_mode, calibration, calibration.controls)


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


def same_control(wanted: float, found: float | None) -> bool:
    """Whether a camera's setting is as wanted; a driver's numbers are whole ones."""
    return found is not None and abs(wanted - found) < 0.5


def not_as_calibrated(correction: UnitCorrection | None, controls: Mapping[str, float]) -> list[str]:
    """What of the camera's settings is not as it was calibrated, in words: `exposure is 250, calibrated at 120`."""
    calibrated = {} if correction is None else correction.controls
    return [
        f"{name} is {f'{controls[name]:g}' if name in controls else 'not known'}, calibrated at {value:g}"
        for name, value in calibrated.items()
        if not same_control(value, controls.get(name))
    ]
