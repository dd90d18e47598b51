"""`edge-export engine`: a profile's plan for this machine's GPU, and the sidecar that says what it is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edge.basics.errors import DeviceMissing, InputOutputError, ModelError, UsageError
from edge.basics.whole_files import make_folder, write_whole
from edge.engines.golden import refuse_without_answer
from edge.engines.gpu.device import gpu_of, load_cuda
from edge.engines.gpu.open import graph_hash
from edge.engines.gpu.plan import ANY_NAME, Gpu, build_command, engine_key, is_whole, plan_path, write_plan
from edge.engines.gpu.trt_versions import TrtApi, load_trt
from edge.models.profile import SHIPPED, Profile, load_profile
from export.on_unit.builder import BuildOptions, check_graph, plan_from_onnx

BEST = ("int8", "fp16", "fp32")
"""`--precision best` takes the first that the profile has; each was held to its gate when it was exported."""


@dataclass(frozen=True)
class EngineOptions:
    """What the command line asks for; `compute_capability` only for TensorRT-RTX without a GPU."""

    precision: str = "fp16"
    runtime: str = "tensorrt"
    workspace_mib: int = 1024
    compute_capability: tuple[int, int] | None = None
    force: bool = False


def find_model(name: str) -> Profile:
    """A profile by its folder, its `model.onnx` or its shipped name.

    Raises:
        ModelError: there is none, or its files are not what its manifest says.
    """
    path = Path(name)
    if path.is_file() and path.suffix == ".onnx":
        path = path.parent
    if path.is_dir():
        path = path.absolute()  # not resolved: an installed profile is a link, and the link has its name
        return load_profile(path.name, (path.parent,))
    return load_profile(name, (SHIPPED,))


def precision_of(profile: Profile, asked: str) -> str:
    """The precision to build; "best" becomes the lowest that the profile was exported in."""
    if asked != "best":
        return asked
    held = {"fp32", *profile.manifest.get("precisions", {})}
    return next(precision for precision in BEST if precision in held)


def target_gpu(options: EngineOptions) -> Gpu:
    """The GPU at hand, or for TensorRT-RTX any one of a named compute capability.

    Raises:
        DeviceMissing: no GPU, and none named that the runtime could build for.
        UsageError: a capability is named that TensorRT cannot build for from here.
    """
    if options.compute_capability is None:
        try:
            return gpu_of(load_cuda())
        except DeviceMissing as error:
            if options.runtime == "tensorrt-rtx":
                raise DeviceMissing(f"{error}; to build for another machine's GPU: --compute-capability 8.6") from error
            raise
    if options.runtime != "tensorrt-rtx":
        raise UsageError("--compute-capability: TensorRT builds for the GPU at hand alone; leave it out")
    return Gpu(ANY_NAME, options.compute_capability, 0)


def build_engine(profile: Profile, folder: Path, options: EngineOptions) -> tuple[Path, bool]:
    """Build a profile's engine unless it is there.

    Args:
        folder: where plans and timing caches lie.

    Returns:
        The plan's path, and whether it was built now.

    Raises:
        DeviceMissing: no TensorRT, no GPU.
        ModelError: the profile lacks the precision or an answer to the golden frame, or its graph is refused.
        InputOutputError: the folder cannot be written.
    """
    api = load_trt(options.runtime)
    gpu = target_gpu(options)
    precision = precision_of(profile, options.precision)
    graph_sha256 = graph_hash(profile, precision)
    key = engine_key(graph_sha256, precision, api.label, gpu)
    path = plan_path(folder, profile.name, key)
    command = build_command(profile.argument, folder, precision, options.runtime)
    if not options.force and is_whole(path, command):
        return path, False
    graph = profile.graph_for(precision)
    _check_opset(api, profile)
    refuse_without_answer(profile)
    whole = profile.whole(graph)
    check_graph(graph, whole)
    try:
        make_folder(folder)
    except OSError as error:
        raise InputOutputError(f"{folder}: cannot be made ({error.strerror}); name another with -o") from error
    cache = (
        folder / f"timing-{api.runtime}-{api.version}-sm{gpu.compute_capability[0]}{gpu.compute_capability[1]}.cache"
    )
    settings = BuildOptions(options.workspace_mib, cache, gpu.compute_capability)
    begin = time.monotonic()
    built = plan_from_onnx(api, graph, settings, whole)
    sidecar: dict[str, Any] = {
        "profile": profile.name,
        "key": key,
        "precision": precision,
        "runtime": api.label,
        "gpu": gpu.facts(),
        "model_sha256": profile.sha256,
        "graph_sha256": graph_sha256,
        "workspace_mib": options.workspace_mib,
        "layers": {"parsed": built.num_layers, "held_to_fp32": built.num_held},
        "strongly_typed": api.is_strongly_typed,
        "build_s": round(time.monotonic() - begin, 1),
        "made_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    try:
        write_plan(path, built.content, sidecar)
        if built.timing_cache:
            write_whole(cache, built.timing_cache)
    except OSError as error:
        raise InputOutputError(
            f"{path}: could not be written ({error.strerror}); make room and run it again"
        ) from error
    return path, True


def _check_opset(api: TrtApi, profile: Profile) -> None:
    opset = profile.manifest.get("opset", 0)
    if not isinstance(opset, int) or opset > api.newest_opset:
        raise ModelError(
            f"{profile.graph}: opset {opset} is newer than {api.label} reads (up to {api.newest_opset}); "
            "export the profile again with this version of edge-export"
        )
