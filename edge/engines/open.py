"""Which engine runs a profile: the GPU's where there is one, else the CPU's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.basics.errors import DeviceMissing, EdgeError, EngineLost
from edge.config import EngineConfig
from edge.engines.cpu import open_bicubic_engine, open_cpu_engine
from edge.engines.engine import Engine, Enhanced
from edge.engines.rungs import Rung
from edge.models.profile import Profile
from edge.pictures.image import Image

log = logging.getLogger(__name__)


def open_engine(profile: Profile, config: EngineConfig) -> Engine:
    """The engine that the configuration asks for, with the CPU's behind it; called in the thread that will use it.

    `backend` "auto" takes a GPU where TensorRT, pycuda, a GPU and an engine for it are there, and otherwise says in one
    line what is missing and takes the CPU. "tensorrt" and "tensorrt-rtx" insist, "cpu" asks for nothing.

    Raises:
        ModelError, DeviceMissing: what was insisted on cannot be had, or the profile itself is wrong.
    """

    def open_cpu() -> Engine:
        return open_cpu_engine(profile, config.threads)

    if config.backend == "cpu":
        return open_cpu()
    opened, missed = open_or_fall_back(profile, config, Rung(profile.name, config.backend))
    return opened if missed else FallbackEngine(opened, open_cpu)


def open_or_fall_back(
    profile: Profile, config: EngineConfig, rung: Rung, frames: Sequence[Image] = ()
) -> tuple[Engine, EdgeError | None]:
    """A rung's engine; for `auto` the CPU's where there is none, one line in the log, and why.

    How loudly: a machine without a GPU is as it should be, one whose GPU fails is not.
    """
    try:
        return open_rung(profile, config, rung, frames), None
    except EdgeError as error:
        if rung.backend != "auto":
            raise
        is_without = isinstance(error, DeviceMissing) and not isinstance(error, EngineLost)
        log.log(logging.INFO if is_without else logging.WARNING, "the CPU engine runs: %s", error)
        return open_cpu_engine(profile, config.threads), error


def open_rung(profile: Profile, config: EngineConfig, rung: Rung, frames: Sequence[Image] = ()) -> Engine:
    """The engine of one rung of the ladder; `auto` means TensorRT here.

    Args:
        frames: memory that frames will come in and go out by.

    Raises:
        ModelError, DeviceMissing: it cannot be had.
    """
    if rung.upscale == "bicubic":
        return open_bicubic_engine(profile, config.threads)
    if rung.backend == "cpu":
        return open_cpu_engine(profile, config.threads)
    from edge.engines.gpu.open import open_tensorrt_engine

    runtime = "tensorrt" if rung.backend == "auto" else rung.backend
    return open_tensorrt_engine(
        profile, Path(config.engines), precision=config.precision, runtime=runtime, frames=frames
    )


class FallbackEngine:
    """Implements `edge.engines.engine.Engine` by a GPU's engine, and by the CPU's from the frame on that the GPU lost.

    For work on files, which ends; live, the ladder does this and climbs back.

    Args:
        opened: the GPU's engine.
        open_cpu: opens the CPU's; raises EdgeError.
    """

    def __init__(self, opened: Engine, open_cpu: Callable[[], Engine]) -> None:
        self._open_cpu = open_cpu
        self._engine = opened
        self._is_lost = False

    @property
    def profile(self) -> str:
        return self._engine.profile

    @property
    def model_sha256(self) -> str:
        return self._engine.model_sha256

    @property
    def device(self) -> str:
        return self._engine.device

    @property
    def current(self) -> Engine:
        """The engine in use."""
        return self._engine

    def enhance(self, image: Image, out: Image | None = None) -> Enhanced:
        """As the engine in use; a frame that the GPU lost is made by the CPU."""
        try:
            if not self._is_lost:
                return self._engine.enhance(image, out)
        except EngineLost as error:
            log.error("%s; the CPU engine takes over", error)
            self._is_lost = True  # even where the CPU's cannot be opened: what failed is not called again
            self._engine.close()
        if not self._engine.device.startswith("cpu"):
            self._engine = self._open_cpu()
        return self._engine.enhance(image, out)

    def close(self) -> None:
        self._engine.close()
