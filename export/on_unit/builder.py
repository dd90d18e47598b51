"""The TensorRT build: an ONNX graph in, a plan out. Runs on the unit, so neither torch nor onnx is imported."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from edge.basics.errors import DeviceMissing, ModelError
from edge.engines.gpu.trt_log import collecting_logger, last_error
from edge.engines.gpu.trt_versions import TrtApi, create_network, create_parser, hold_types, set_target
from edge.engines.onnx_runtime import onnxruntime
from edge.pictures.geometry import FRAME_SHAPE


@dataclass(frozen=True)
class BuildOptions:
    """How to build.

    Attributes:
        workspace_mib: device memory that a layer may use while it runs.
        timing_cache: file that remembers how fast each way to run a layer was; None keeps none.
        compute_capability: what TensorRT-RTX builds for; TensorRT builds for the GPU at hand.
    """

    workspace_mib: int = 1024
    timing_cache: Path | None = None
    compute_capability: tuple[int, int] = (8, 7)


@dataclass(frozen=True)
class BuiltPlan:
    """Attributes: `content` the plan; `timing_cache` what to keep for the next build, empty where there is nothing."""

    content: bytes
    num_layers: int
    num_held: int
    timing_cache: bytes


def check_graph(path: Path, content: Path | bytes | None = None) -> None:
    """Refuse a graph that is no profile's before a build of minutes begins.

    Args:
        content: the graph's own where it is put together from several files (`Profile.whole`).

    Raises:
        ModelError: damaged, incomplete, or with other ends than `frame` and `enhanced`.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        given = content if isinstance(content, bytes) else str(path)
        session = onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises many types of its own
        words = " ".join(str(error).split())[:600]
        raise ModelError(f"{path}: not a graph that can be run ({words}); export the profile again") from error
    found = [(end.name, end.type, tuple(end.shape)) for end in (*session.get_inputs(), *session.get_outputs())]
    expected = [(name, "tensor(uint8)", (1, *FRAME_SHAPE)) for name in ("frame", "enhanced")]
    if found != expected:
        raise ModelError(f"{path}: its inputs and outputs are {found}, expected {expected}; export the profile again")


def plan_from_onnx(api: TrtApi, graph: Path, options: BuildOptions, content: Path | bytes | None = None) -> BuiltPlan:
    """Build a strongly typed engine, or on TensorRT 8.6 one whose layers are held to the graph's types.

    DLA is never used, hardware compatibility is off, and fp32 means fp32: TF32 is off.

    Args:
        content: the graph's own where it is put together from several files (`Profile.whole`).

    Raises:
        ModelError: the parser or the builder refuses the graph; says what and where.
        DeviceMissing: there is no GPU to build for.
        KeyboardInterrupt: after Ctrl-C, which stops the build at its next step.
    """
    trt, logger = api.trt, collecting_logger(api)
    try:
        builder = trt.Builder(logger)
    except (TypeError, RuntimeError) as error:
        raise DeviceMissing(
            f"{api.label} makes no builder here ({last_error(logger)}); it needs an NVIDIA GPU"
        ) from error
    network = create_network(api, builder)
    parser = create_parser(api, network, logger)
    is_read = parser.parse(content) if isinstance(content, bytes) else parser.parse_from_file(str(graph))
    if not is_read:
        raise ModelError(f"{graph}: {api.label} does not read the graph: {_parser_errors(parser)}")
    config = builder.create_builder_config()
    _configure(api, config, options)
    num_held = hold_types(api, network, config)
    cache = _timing_cache(api, config, options.timing_cache)
    with _ctrl_c() as interrupted:
        progress = _progress(api, graph.parent.name, interrupted)
        if progress is not None:
            config.progress_monitor = progress
        try:
            content = builder.build_serialized_network(network, config)
        finally:
            if progress is not None:
                progress.close()
    if interrupted.is_set():
        raise KeyboardInterrupt
    if content is None:
        raise ModelError(f"{graph}: {api.label} builds no engine from it: {last_error(logger)}")
    return BuiltPlan(bytes(content), network.num_layers, num_held, cache())


def _configure(api: TrtApi, config: Any, options: BuildOptions) -> None:
    trt = api.trt
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mib << 20)
    config.default_device_type = trt.DeviceType.GPU
    config.clear_flag(trt.BuilderFlag.GPU_FALLBACK)
    config.clear_flag(trt.BuilderFlag.TF32)
    config.hardware_compatibility_level = trt.HardwareCompatibilityLevel.NONE
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # layer names for edge-export inspect
    set_target(api, config, options.compute_capability)


@contextmanager
def _ctrl_c() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, in place of an exception in the middle of a library's callback."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # signals are its owner's
        yield interrupted
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def _timing_cache(api: TrtApi, config: Any, path: Path | None) -> Callable[[], bytes]:
    """Give the builder what is remembered; returns how to get what it remembers afterwards."""
    if path is None or not api.has_timing_cache:
        return lambda: b""
    remembered = path.read_bytes() if path.is_file() else b""
    cache = config.create_timing_cache(remembered)
    if cache is None:  # of another release: begin anew
        cache = config.create_timing_cache(b"")
    if cache is None or not config.set_timing_cache(cache, ignore_mismatch=False):
        return lambda: b""
    return lambda: bytes(cache.serialize())


def _parser_errors(parser: Any) -> str:
    errors = [parser.get_error(number) for number in range(parser.num_errors)]
    words = [f"node {error.node()} ({error.desc().splitlines()[0][:200]})" for error in errors[:2]]
    return "; ".join(words) or "it gives no reason"


def _progress(api: TrtApi, title: str, interrupted: threading.Event) -> Any:
    """A progress bar fed by the builder; None on TensorRT 8.6, which reports nothing."""
    if not hasattr(api.trt, "IProgressMonitor"):
        return None

    class Monitor(api.trt.IProgressMonitor):  # type: ignore[misc,name-defined]
        """One bar over the steps of all phases that have begun, the newest phase named beside it."""

        def __init__(self) -> None:
            api.trt.IProgressMonitor.__init__(self)
            self._bar = tqdm(total=1, desc=f"building {title}", unit="step", disable=None, leave=False)
            self._num_steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self._num_steps[phase_name] = num_steps
            self._bar.total = sum(self._num_steps.values())
            self._bar.set_postfix_str(phase_name[:40])

        def phase_finish(self, phase_name: str) -> None:
            self._bar.refresh()

        def step_complete(self, phase_name: str, step: int) -> bool:
            self._bar.update(1)
            return not interrupted.is_set()

        def close(self) -> None:
            self._bar.close()

    return Monitor()
