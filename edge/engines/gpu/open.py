"""Finding, checking and opening the plan of a profile on this machine's GPU."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from edge.basics.errors import EngineFailed, EngineLost, ModelError
from edge.engines.golden import golden_frame
from edge.engines.gpu.device import current_context, gpu_of, load_cuda
from edge.engines.gpu.frame_pool import FramePool
from edge.engines.gpu.libcuda import CudaCallError
from edge.engines.gpu.plan import ANY_NAME, Gpu, build_command, engine_key, plan_path, read_plan, why_missing
from edge.engines.gpu.tensorrt import TensorRtEngine
from edge.engines.gpu.trt_log import collecting_logger, last_error
from edge.engines.gpu.trt_versions import TrtApi, device_memory_bytes, load_trt
from edge.models.bundle import ENGINES_NAME
from edge.models.profile import Profile
from edge.pictures.geometry import FRAME_SHAPE
from edge.pictures.image import Image

NUM_FRAMES = 16
"""Page-locked frames to begin with, 100 MB: those that capture, engine, slots and viewers hold at once."""
NUM_OWN_FRAMES = 4
"""Where the frames that come and go lie in memory of somebody else's."""


def open_tensorrt_engine(
    profile: Profile,
    folder: Path,
    *,
    precision: str = "fp16",
    runtime: str = "tensorrt",
    frames: Sequence[Image] = (),
) -> TensorRtEngine:
    """A profile's engine, not proven yet: `edge.engines.open` does that.

    Args:
        folder: where `edge-export engine` put the plans; one that was installed with the profile is taken before.
        frames: memory that frames will come in and go out by, each beginning a page; none: the engine lends its own.

    Raises:
        DeviceMissing: no TensorRT, no pycuda or no GPU.
        ModelError: no plan for this GPU, TensorRT and graph, or a plan that is cut, foreign or wrong.
        EngineLost: too little memory, or the GPU failed.
    """
    api = load_trt(runtime)
    cuda = load_cuda()
    rebuild = build_command(profile.argument, folder, precision, runtime)
    gpu = gpu_of(cuda)
    path, content = _found_plan(profile, folder, precision, api, gpu, rebuild)
    with ExitStack() as stack:
        stack.enter_context(current_context(cuda))
        loaded = _Loaded(api)
        stack.callback(loaded.close)
        loaded.load(api, cuda, content, path, rebuild)
        pool = _locked(frames, gpu, path, stack)
        try:
            opened = TensorRtEngine(
                cuda,
                loaded.context,
                pool,
                profile=profile.name,
                model_sha256=profile.sha256,
                device=f"{gpu.name}, {api.label}, {precision}",
                mapped=gpu.integrated,
                logger=loaded.logger,
            )
        except cuda.Error as error:
            raise EngineLost(f"{path}: {' '.join(str(error).split())}; close other programs on the GPU") from error
        stack.callback(opened.close)
        _choose_launch(opened, path, rebuild)
        opened.memory_bytes = {
            "engine": loaded.memory_bytes,
            "frames": 0 if gpu.integrated else 4 * opened.frame_bytes,
            "page_locked": len(pool) * opened.frame_bytes,
        }
        opened.device += _described(opened)
        opened.own(stack.pop_all())
    return opened


def _locked(frames: Sequence[Image], gpu: Gpu, path: Path, stack: ExitStack) -> FramePool:
    """A pool of its own frames and of those given; raises EngineLost where the driver locks no more."""
    num_own = NUM_OWN_FRAMES if frames else NUM_FRAMES
    try:
        pool = FramePool(num_own, mapped=gpu.integrated)
        stack.callback(pool.close)
        for frame in frames:
            pool.lock(frame)
    except CudaCallError as error:
        number = num_own + len(frames)
        raise EngineLost(f"{path}: page-locked memory for {number} frames is not to be had ({error})") from error
    return pool


def _found_plan(
    profile: Profile, folder: Path, precision: str, api: TrtApi, gpu: Gpu, rebuild: str
) -> tuple[Path, bytes]:
    """The plan for this GPU, or for TensorRT-RTX one for any GPU of its capability, and what is in it.

    Raises:
        ModelError: there is none, or none that is whole; says what is there.
    """
    graph_sha256 = graph_hash(profile, precision)
    targets = [gpu, Gpu(ANY_NAME, gpu.compute_capability, 0)] if api.runtime == "tensorrt-rtx" else [gpu]
    keys = [engine_key(graph_sha256, precision, api.label, target) for target in targets]
    places = (folder, profile.folder / ENGINES_NAME)  # building anew helps, whatever came with the profile
    refusals: list[ModelError] = []
    for path in (plan_path(place, profile.name, key) for key in keys for place in places):
        if path.is_file():
            try:
                return path, read_plan(path, rebuild)[0]
            except ModelError as error:  # a whole one may lie in the other place
                refusals.append(error)
    if refusals:
        raise refusals[0]
    wanted = {"runtime": api.label, "gpu": gpu.facts(), "precision": precision, "graph_sha256": graph_sha256}
    raise ModelError(why_missing(folder, profile.name, wanted, rebuild))


def graph_hash(profile: Profile, precision: str) -> str:
    """sha256 of the graph that a precision is built from, as the manifest says; the file itself need not be read."""
    if precision == "fp32":
        return profile.sha256
    recorded = profile.manifest.get("precisions", {}).get(precision)
    if recorded is None:
        profile.graph_for(precision)  # raises, and says which command adds it
    return str(recorded["sha256"])


class _Loaded:
    """TensorRT's objects for one plan. All are let go at `close`, while the CUDA context is still there: an exception's
    traceback would keep them longer.

    Raises:
        ModelError, EngineLost: as `open_tensorrt_engine`; what is open by then is let go at `close`.
    """

    def __init__(self, api: TrtApi) -> None:
        self.logger = collecting_logger(api)
        self.runtime: Any = api.trt.Runtime(self.logger)
        self.engine: Any = None
        self.context: Any = None
        self.memory_bytes = 0

    def load(self, api: TrtApi, cuda: Any, content: bytes, path: Path, rebuild: str) -> None:
        self.engine = self.runtime.deserialize_cuda_engine(content)
        if self.engine is None:
            raise ModelError(f"{path}: {api.label} does not take this plan ({last_error(self.logger)}); run: {rebuild}")
        ends = _ends_of(self.engine)
        expected = dict.fromkeys(("enhanced", "frame"), ((1, *FRAME_SHAPE), api.trt.uint8))
        if ends != expected:
            raise ModelError(f"{path}: its ends are {ends}, expected frame and enhanced of 1920x1080; run: {rebuild}")
        self.memory_bytes, (free, _) = device_memory_bytes(self.engine), cuda.mem_get_info()
        too_little = f"{path}: needs {self.memory_bytes / 2**20:.0f} MiB of GPU memory, {free / 2**20:.0f} MiB are free"
        if self.memory_bytes > free:
            raise EngineLost(f"{too_little}; close other programs or run: {rebuild} --workspace-mib 256")
        self.context = self.engine.create_execution_context()
        if self.context is None:
            raise EngineLost(f"{too_little} ({last_error(self.logger)}); close other programs or run: {rebuild}")

    def close(self) -> None:
        self.context = None
        self.engine = None
        self.runtime = None


def _ends_of(engine: Any) -> dict[str, tuple[tuple[int, ...], Any]]:
    """Name -> shape and type of each input and output."""
    names = sorted(engine.get_tensor_name(number) for number in range(engine.num_io_tensors))
    return {name: (tuple(engine.get_tensor_shape(name)), engine.get_tensor_dtype(name)) for name in names}


def _choose_launch(opened: TensorRtEngine, path: Path, rebuild: str) -> None:
    try:
        opened.choose_launch(golden_frame())
    except EngineFailed as error:
        raise ModelError(f"{path}: {error} for the golden frame; run: {rebuild} --force") from error


def _described(opened: TensorRtEngine) -> str:
    used = sum(opened.memory_bytes[part] for part in ("engine", "frames"))
    graph = ", CUDA graph" if opened.uses_cuda_graph else ""
    return f"{graph}, {used / 2**20:.0f} MiB on the GPU"
