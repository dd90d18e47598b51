"""Which engine runs a profile: the GPU's where there is one, else the CPU's."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from edge.artifact import Artifact
from edge.config import EngineConfig
from edge.engines.base import Engine, Enhanced
from edge.engines.cpu import open_cpu_engine
from edge.errors import DeviceMissing, EdgeError, EngineLost
from edge.frame import Image

log = logging.getLogger(__name__)

RETRY_AFTER_S, LONGEST_RETRY_S = 60.0, 3600.0
"""How long the CPU engine runs before a GPU that failed is tried again; doubled by each failure, an hour at most."""


def open_engine(artifact: Artifact, config: EngineConfig) -> Engine:
    """The engine that the configuration asks for; called in the thread that will use it.

    `backend` "auto" takes a GPU where TensorRT, pycuda, a GPU and an engine for it are there, and otherwise says in one
    line what is missing and takes the CPU. "tensorrt" and "tensorrt-rtx" insist, "cpu" asks for nothing.

    Raises:
        ModelError, DeviceMissing: what was insisted on cannot be had, or the profile itself is wrong.
    """
    if config.backend == "cpu":
        return open_cpu_engine(artifact, config.threads)
    runtime = "tensorrt" if config.backend == "auto" else config.backend

    def open_gpu() -> Engine:
        from edge.engines.open_plan import open_tensorrt_engine

        folder = Path(config.engines)
        return open_tensorrt_engine(artifact, folder, precision=config.precision, runtime=runtime)

    def open_cpu() -> Engine:
        return open_cpu_engine(artifact, config.threads)

    try:
        return FallbackEngine(open_gpu(), open_gpu, open_cpu)
    except EdgeError as error:
        if config.backend != "auto":
            raise
        level = (
            logging.INFO if isinstance(error, DeviceMissing) and not isinstance(error, EngineLost) else logging.WARNING
        )
        log.log(level, "the CPU engine runs: %s", error)
        return open_cpu()


class FallbackEngine:
    """Implements `edge.engines.base.Engine` by a GPU's engine, and by the CPU's while the GPU has failed.

    Args:
        opened: the GPU's engine.
        open_gpu, open_cpu: open one anew; raise EdgeError.
    """

    def __init__(self, opened: Engine, open_gpu: Callable[[], Engine], open_cpu: Callable[[], Engine]) -> None:
        self._open_gpu, self._open_cpu = open_gpu, open_cpu
        self._engine = opened
        self._on_gpu = True
        self._wait_s = RETRY_AFTER_S
        self._retry_at_s = 0.0

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

    def enhance(self, image: Image) -> Enhanced:
        """As the engine in use; a frame that the GPU lost is made by the CPU."""
        if not self._on_gpu and time.monotonic() >= self._retry_at_s:
            self._climb()
        try:
            return self._engine.enhance(image)
        except EngineLost as error:
            log.error("%s; the CPU engine takes over, the GPU is tried again in %.0f s", error, self._wait_s)
            self._switch(self._open_cpu, on_gpu=False)
            self._put_off()
            return self._engine.enhance(image)

    def _climb(self) -> None:
        try:
            self._switch(self._open_gpu, on_gpu=True)
            log.info("the GPU is back: %s", self._engine.device)
        except EdgeError as error:
            log.warning("the GPU stays off, tried again in %.0f s: %s", self._wait_s, error)
            self._put_off()

    def _put_off(self) -> None:
        self._retry_at_s = time.monotonic() + self._wait_s
        self._wait_s = min(2 * self._wait_s, LONGEST_RETRY_S)

    def _switch(self, opener: Callable[[], Engine], *, on_gpu: bool) -> None:
        """Open the other engine; on the way down the failed one is closed first, for its memory."""
        old = self._engine
        if not on_gpu:
            self._on_gpu = False  # even where the CPU's cannot be opened: what failed is not called again
            old.close()
        self._engine = opener()
        if on_gpu:
            self._on_gpu = True
            old.close()

    def close(self) -> None:
        self._engine.close()
