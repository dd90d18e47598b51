"""`edge-export verify`: the forms of a profile against each other on the sample frames, each held to its gate."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.basics.errors import DeviceMissing, ModelError
from edge.config import EngineConfig
from edge.engines.cpu import GraphCpuEngine, open_cpu_engine
from edge.engines.engine import Engine
from edge.engines.open import open_proven
from edge.engines.rungs import Rung
from edge.health.machine import available_cpus
from edge.models.profile import Profile
from edge.pictures.image import Image
from export.on_unit.accuracy import GATES, Difference, Gate, pooled
from export.on_unit.samples import SampleFrames

ONE_LEVEL = Gate(45.0, 1)
"""Two float32 forms of the same arithmetic may round one level apart, no more; what differs by two is wrong."""

Form = Callable[[Image], Image]


@dataclass(frozen=True)
class Comparison:
    """One form against another.

    Attributes:
        found: None where one of them could not run; `reason` says why.
        passed: None likewise.
    """

    what: str
    found: Difference | None
    passed: bool | None
    reason: str = ""

    def cells(self) -> list[str]:
        """For a table: what, PSNR, max, mean, verdict."""
        if self.found is None:
            return [self.what, "-", "-", "-", f"not run: {self.reason}"]
        psnr = f"{self.found.psnr_db:.2f} dB"
        verdict = "ok" if self.passed else f"FAILED: {self.reason}"
        return [self.what, psnr, f"{self.found.max_levels}/255", f"{self.found.mean_levels:.4f}/255", verdict]


HEAD = ("forms", "PSNR", "max", "mean", "verdict")


def verify(
    profile: Profile,
    samples: SampleFrames,
    *,
    engines: Path,
    precision: str,
    runtime: str,
    checkpoints: tuple[Path, Path | None] | None,
) -> list[Comparison]:
    """Torch, the CPU engine's own form, the graph of lower precision and the GPU's engine, each against the float32
    graph.

    Args:
        checkpoints: of the dehazer and of a separate super-resolution network; None leaves torch out.

    Raises:
        ModelError: the float32 graph itself cannot run, or a checkpoint is wrong.
    """
    with _engine_form(GraphCpuEngine(profile, available_cpus())) as reference:
        expected = [reference(frame) for frame in samples.frames]
    rows = [_torch_row(profile, samples, expected, checkpoints)]
    if profile.dehazer is not None:
        with _engine_form(open_cpu_engine(profile)) as host:
            rows.append(_compared("CPU engine's form against onnx fp32", host, samples, expected, ONE_LEVEL))
    if precision != "fp32":
        rows.append(_typed_row(profile, samples, expected, precision))
    rows.append(_gpu_row(profile, samples, expected, engines, precision, runtime))
    return rows


def _compared(what: str, form: Form, samples: SampleFrames, expected: list[Image], gate: Gate) -> Comparison:
    found = pooled((want, form(frame)) for want, frame in zip(expected, samples.frames, strict=True))
    return Comparison(what, found, gate.passes(found), f"expected {gate}")


@contextmanager
def _engine_form(engine: Engine) -> Iterator[Form]:
    try:
        yield lambda frame: engine.enhance(frame).image
    finally:
        engine.close()


def _torch_row(
    profile: Profile, samples: SampleFrames, expected: list[Image], checkpoints: tuple[Path, Path | None] | None
) -> Comparison:
    what = "torch against onnx fp32"
    if checkpoints is None:
        return Comparison(what, None, None, "no --checkpoint given")
    if importlib.util.find_spec("torch") is None:
        return Comparison(what, None, None, "torch is not installed here, as is right on a unit")
    from export.graphs.torch_form import torch_form

    return _compared(what, torch_form(profile.name, *checkpoints), samples, expected, ONE_LEVEL)


def _typed_row(profile: Profile, samples: SampleFrames, expected: list[Image], precision: str) -> Comparison:
    what = f"onnx {precision} simulated on the CPU against onnx fp32"
    try:
        graph = profile.graph_for(precision)
    except ModelError as error:
        return Comparison(what, None, None, str(error))
    if importlib.util.find_spec("onnx") is None:
        stored = profile.manifest["precisions"][precision].get("against_fp32", {})
        return Comparison(what, None, None, f"onnx is not installed here; at export it was {stored.get('psnr_db')} dB")
    from export.precisions.rounded import run_on_cpu, shown_on_cpu

    shown = shown_on_cpu(profile.content(graph), precision)

    def form(frame: Image) -> Image:
        return np.asarray(run_on_cpu(shown, frame)[0][0], np.uint8)

    return _compared(what, form, samples, expected, GATES[precision])


def _gpu_row(
    profile: Profile, samples: SampleFrames, expected: list[Image], engines: Path, precision: str, runtime: str
) -> Comparison:
    what = f"{runtime} {precision} engine against onnx fp32"
    try:
        config = EngineConfig(engines=str(engines), precision=precision)
        engine, _ = open_proven(profile, config, [Rung(profile.name, runtime)])
    except DeviceMissing as error:
        return Comparison(what, None, None, str(error))
    with _engine_form(engine) as form:
        return _compared(what, form, samples, expected, GATES[precision])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows with columns of equal width, the last one as long as it is."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = ("  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]]) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in lines)
