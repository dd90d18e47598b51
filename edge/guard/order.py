"""What an engine's process is ordered to open, and all the orders that a configuration's ladder may give."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.basics.errors import ConfigError, DeviceMissing, EdgeError, EngineLost
from edge.basics.whole_files import file_sha256
from edge.config import EngineConfig, UnitConfig
from edge.engines.rungs import Rung, rungs_below
from edge.guard.sandbox import Plan
from edge.models.profile import Profile, profile_roots
from edge.models.shared_weights import FOLDER as SHARED_FOLDER
from edge.models.trust import trusted_profile

if TYPE_CHECKING:  # it brings every part of the program with it, and an engine's process is started often
    from edge.config import Config


@dataclass(frozen=True)
class EngineOrder:
    """One engine.

    Attributes:
        sha256: of the profile that is meant; another one on disk by then is refused.
        unit: whose frames they are; None for files, which are not corrected and may take their time.
    """

    rung: Rung
    sha256: str
    engine: EngineConfig
    unit: UnitConfig | None

    def plan(self) -> Plan:
        """What the engine's process keeps: the profile's files and shared weights, keys, calibration, engines."""
        roots = profile_roots(self.engine.models)
        readable = [root / name for root in roots for name in (self.rung.profile, SHARED_FOLDER)]
        if self.engine.keys:  # by which it sees for itself who vouches for the profile
            readable.append(Path(self.engine.keys))
        if self.unit is not None and self.unit.calibration:
            readable.append(Path(self.unit.calibration))
        if self.rung.runtime:
            readable.append(Path(self.engine.engines))
        return Plan(tuple(os.path.realpath(path) for path in readable), has_gpu=bool(self.rung.runtime))

    def to_message(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> EngineOrder:
        unit = None if message["unit"] is None else UnitConfig(**message["unit"])
        return cls(Rung(**message["rung"]), message["sha256"], EngineConfig(**message["engine"]), unit)


@dataclass(frozen=True)
class EngineSetup:
    """The ladder of a configuration.

    Attributes:
        rungs: best first; raw is not in it.
        manifests: profile -> its `model.json`, checked.
        calibration_sha256: of the unit's calibration, so that a new one is another setup.
    """

    rungs: tuple[Rung, ...]
    manifests: Mapping[str, Mapping[str, Any]]
    engine: EngineConfig
    unit: UnitConfig
    calibration_sha256: str = ""

    def order(self, rung: int) -> EngineOrder:
        wanted = self.rungs[rung]
        return EngineOrder(wanted, str(self.manifests[wanted.profile]["sha256"]), self.engine, self.unit)

    def share_shown(self, profile: str, strength: float) -> float:
        """Share of the enhancement that can be shown where `strength` is asked for, 0 to 1.

        A graph that corrects gives no corrected picture to blend with, and with the camera's own every edge would be
        there twice: all of it is shown, or nothing.
        """
        return float(strength > 0) if "calibration" in self.manifests[profile] else strength

    def corrects_on_host(self, profile: str) -> bool:
        """Whether the unit's correction stands before the engine: then it is seen through at any strength."""
        return bool(self.unit.calibration) and "calibration" not in self.manifests[profile]

    def without_gpu(self) -> EngineSetup:
        """The rungs that are left where there is no GPU at all."""
        return replace(self, rungs=tuple(rung for rung in self.rungs if not rung.runtime))

    def after(self, rung: int, error: EdgeError) -> tuple[EngineSetup, int]:
        """The ladder and the rung to go on with where a rung could not be opened.

        It is the ladder without a GPU where there is none at all, the next rung otherwise.
        """
        left = self.without_gpu()
        if self.rungs[rung].runtime and is_without_gpu(error) and left.rungs:
            return left, 0
        return self, rung + 1


def is_without_gpu(error: EdgeError) -> bool:
    """Whether there is no GPU here at all, which is as it should be, rather than one that fails."""
    return isinstance(error, DeviceMissing) and not isinstance(error, EngineLost)


def engine_setup(config: Config) -> EngineSetup:
    """The ladder of a configuration, every profile in it checked.

    Raises:
        ModelError: the configured profile cannot be loaded.
        ConfigError: the calibration cannot be read.
    """
    found: dict[str, Profile] = {}

    def find(profile: str) -> Profile:
        if profile not in found:
            found[profile] = trusted_profile(profile, config.engine.models, config.engine.keys)
        return found[profile]

    rungs = rungs_below(config.engine.profile, config.engine.backend, find)
    manifests = {name: one.manifest for name, one in found.items()}
    return EngineSetup(rungs, manifests, config.engine, config.unit, calibration_sha256_of(config.unit.calibration))


def calibration_sha256_of(path: str) -> str:
    """Of a unit's calibration; empty where it has none."""
    try:
        return file_sha256(Path(path)) if path else ""
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); correct unit.calibration") from error
