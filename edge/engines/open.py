"""One rung's engine, opened and proven. What runs where it cannot be had is the ladder's matter, not decided here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from edge.basics.errors import EdgeError
from edge.config import EngineConfig
from edge.engines.engine import Engine
from edge.engines.golden import RESTORE, check_golden, golden_frame
from edge.engines.gpu.plan import build_command
from edge.engines.rungs import Rung
from edge.models.profile import Profile
from edge.pictures.image import Image


class Proof(NamedTuple):
    """How an engine answered the golden frame.

    Attributes:
        psnr_db: see `edge.engines.golden.check_golden`.
        took_ms: of the answer, which is the engine's first.
    """

    psnr_db: float
    took_ms: float


def open_rung(profile: Profile, config: EngineConfig, rung: Rung, frames: Sequence[Image] = ()) -> Engine:
    """The engine of one rung, not proven yet; called in the thread that will use it.

    Args:
        frames: memory that frames will come in and go out by.

    Raises:
        ModelError, DeviceMissing, EngineLost: it cannot be had.
    """
    if rung.upscale == "bicubic":
        from edge.engines.cpu import open_bicubic_engine

        return open_bicubic_engine(profile, config.threads)
    if rung.backend == "cpu":
        from edge.engines.cpu import open_cpu_engine

        return open_cpu_engine(profile, config.threads)
    from edge.engines.gpu.open import open_tensorrt_engine

    folder = Path(config.engines)
    return open_tensorrt_engine(profile, folder, precision=config.precision, runtime=rung.runtime, frames=frames)


def prove_rung(engine: Engine, profile: Profile, config: EngineConfig, rung: Rung) -> Proof:
    """Have a rung's engine answer the golden frame.

    Raises:
        ModelError: the answer is wrong; says what to do. EngineLost: the device is gone.
    """
    remedy = RESTORE
    if rung.runtime:
        command = build_command(profile.argument, Path(config.engines), config.precision, rung.runtime)
        remedy = f"run: {command} --force"
    golden_frame()  # drawing it is not the engine's time
    begin = time.perf_counter()
    psnr_db = check_golden(engine, profile, softer=rung.upscale == "bicubic", remedy=remedy)
    return Proof(psnr_db, (time.perf_counter() - begin) * 1e3)


def open_proven(
    profile: Profile,
    config: EngineConfig,
    rungs: Sequence[Rung],
    on_passed: Callable[[str], object] = lambda line: None,
) -> tuple[Engine, Proof]:
    """The first of some rungs whose engine opens and proves itself, for tools, which need no process of its own for it.

    Args:
        on_passed: line, in words, why one before it did not.

    Raises:
        EdgeError: what the last of them said.
    """
    *before, last = rungs
    for rung in before:
        try:
            return _proven(profile, config, rung)
        except EdgeError as error:
            where = f"{rung.title} on a GPU" if rung.runtime else rung.title
            on_passed(f"{where} is passed over: {error}")
    return _proven(profile, config, last)


def _proven(profile: Profile, config: EngineConfig, rung: Rung) -> tuple[Engine, Proof]:
    with ExitStack() as stack:
        engine = open_rung(profile, config, rung)
        stack.callback(engine.close)
        proof = prove_rung(engine, profile, config, rung)
        stack.pop_all()
    return engine, proof
