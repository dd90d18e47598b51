"""A profile on the CPU, through onnxruntime."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.basics.errors import EngineFailed, ModelError
from edge.engines.engine import Engine, Enhanced
from edge.engines.guided import Map
from edge.engines.onnx_runtime import onnxruntime
from edge.engines.passes import open_passes
from edge.engines.threads import engine_threads
from edge.models.profile import Profile
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_SHAPE, FRAME_WIDTH_PX, NETWORK_HEIGHT_PX, NETWORK_WIDTH_PX
from edge.pictures.image import Image

_End = tuple[str, str, tuple[int, ...]]
_BYTES, _FLOATS = "tensor(uint8)", "tensor(float)"


def open_session(graph: Path, num_threads: int, content: Path | bytes | None = None) -> onnxruntime.InferenceSession:
    """A session whose waiting threads sleep: decoding and encoding need those cores.

    Args:
        content: the graph's own where it is put together from several files (`Profile.whole`).

    Raises:
        ModelError: onnxruntime refuses the graph.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        given = content if isinstance(content, bytes) else str(graph)
        return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises many types of its own
        raise ModelError(f"{graph}: onnxruntime refuses the graph ({error}); export the profile again") from error


class _Dehazer:
    """The dehazer in onnxruntime, whose maps always come into the same memory."""

    def __init__(self, graph: Path, num_threads: int, content: Path | bytes) -> None:
        self._session = open_session(graph, num_threads, content)
        size = (NETWORK_HEIGHT_PX, NETWORK_WIDTH_PX)
        ins = [("shrunk", _BYTES, (1, *size, 3)), ("activity", _BYTES, (1, *size, 1))]
        _refuse_other_ends(
            graph, self._session, [*ins, ("slope", _FLOATS, (*size, 3)), ("intercept", _FLOATS, (*size, 3))]
        )
        self.maps: tuple[Map, Map] = np.empty((*size, 3), np.float32), np.empty((*size, 3), np.float32)
        self._binding = self._session.io_binding()
        for name, one in zip(("slope", "intercept"), self.maps, strict=True):
            self._binding.bind_output(name, "cpu", 0, np.float32, one.shape, one.ctypes.data)

    def run(self, shrunk: Image, activity: NDArray[np.uint8]) -> tuple[Map, Map]:
        """Slope and intercept of what `Passes.shrink` gave; overwritten by the next call."""
        for name, one in (("shrunk", shrunk[None]), ("activity", activity[None, ..., None])):
            self._binding.bind_input(name, "cpu", 0, np.uint8, one.shape, one.ctypes.data)
        self._session.run_with_iobinding(self._binding)
        return self.maps


def _refuse_other_ends(graph: Path, session: onnxruntime.InferenceSession, expected: Sequence[_End]) -> None:
    ends = [*session.get_inputs(), *session.get_outputs()]
    found = [(end.name, end.type, tuple(end.shape)) for end in ends]
    if found != expected:
        raise ModelError(
            f"{graph}: its inputs and outputs are {found}, expected {expected}; export the profile again with "
            "edge-export onnx"
        )


class GuidedCpuEngine:
    """The dehazer in onnxruntime at 480x270, the guided step beside it in the host form.

    What is made on the way lies in memory that is kept from frame to frame.
    """

    _step = "guided"

    def __init__(self, profile: Profile, dehazer: Path, num_threads: int) -> None:
        self.profile = profile.name
        self.model_sha256 = profile.sha256
        self.device = f"cpu ({num_threads} threads, onnxruntime {onnxruntime.__version__})"
        self._dehazer = _Dehazer(dehazer, num_threads, profile.whole(dehazer))
        self._pool = ThreadPoolExecutor(num_threads, "guided")
        self._passes = open_passes(self._pool, num_threads)

    def enhance(self, image: Image, out: Image | None = None) -> Enhanced:
        begin = time.perf_counter()
        small, activity = self._passes.shrink(image)
        shrunk = time.perf_counter()
        slope, intercept = self._dehazer.run(small, activity)
        if not math.isfinite(cv2.norm(slope, cv2.NORM_L1) + cv2.norm(intercept, cv2.NORM_L1)):
            raise EngineFailed(f"{self.profile}: the network gave NaN or infinity")
        dehazed = time.perf_counter()
        out = self._upscale(image, small, slope, intercept, out)
        end = time.perf_counter()
        stages = {"shrink": shrunk - begin, "dehaze": dehazed - shrunk, self._step: end - dehazed}
        return Enhanced(out, {name: seconds * 1e3 for name, seconds in stages.items()})

    def _upscale(self, image: Image, shrunk: Image, slope: Map, intercept: Map, out: Image | None) -> Image:
        return self._passes.carry(image, slope, intercept, out)

    def close(self) -> None:
        self._pool.shutdown()


class BicubicCpuEngine(GuidedCpuEngine):
    """The dehazer at 480x270, enlarged by bicubic: the last rung above raw. Softer than the camera's own picture."""

    _step = "bicubic"

    def __init__(self, profile: Profile, dehazer: Path, num_threads: int) -> None:
        super().__init__(profile, dehazer, num_threads)
        shape = (NETWORK_HEIGHT_PX, NETWORK_WIDTH_PX, 3)
        self._scaled, self._dehazed = np.empty(shape, np.float32), np.empty(shape, np.uint8)

    def _upscale(self, image: Image, shrunk: Image, slope: Map, intercept: Map, out: Image | None) -> Image:
        cv2.multiply(shrunk, slope, dst=self._scaled, dtype=cv2.CV_32F)
        cv2.add(self._scaled, intercept, dst=self._dehazed, dtype=cv2.CV_8U)
        size = (FRAME_WIDTH_PX, FRAME_HEIGHT_PX)
        return np.asarray(cv2.resize(self._dehazed, size, dst=out, interpolation=cv2.INTER_CUBIC), np.uint8)


class GraphCpuEngine:
    """The whole graph in onnxruntime: any profile, slower."""

    def __init__(self, profile: Profile, num_threads: int) -> None:
        self.profile = profile.name
        self.model_sha256 = profile.sha256
        self.device = f"cpu ({num_threads} threads, onnxruntime {onnxruntime.__version__})"
        self._session = open_session(profile.graph, num_threads, profile.whole(profile.graph))
        _refuse_other_ends(
            profile.graph, self._session, [(name, _BYTES, (1, *FRAME_SHAPE)) for name in ("frame", "enhanced")]
        )

    def enhance(self, image: Image, out: Image | None = None) -> Enhanced:
        begin = time.perf_counter()
        image = np.ascontiguousarray(image)
        made = out if out is not None and out.flags.c_contiguous else np.empty(FRAME_SHAPE, np.uint8)
        binding = self._session.io_binding()
        binding.bind_input("frame", "cpu", 0, np.uint8, (1, *image.shape), image.ctypes.data)
        binding.bind_output("enhanced", "cpu", 0, np.uint8, (1, *made.shape), made.ctypes.data)
        self._session.run_with_iobinding(binding)
        if out is not None and made is not out:
            np.copyto(out, made)
        return Enhanced(made if out is None else out, {"graph": (time.perf_counter() - begin) * 1e3})

    def close(self) -> None:
        del self._session


def open_cpu_engine(profile: Profile, num_threads: int = 0) -> Engine:
    """The fastest CPU engine for a profile.

    Args:
        num_threads: see `edge.engines.threads.engine_threads`.
    """
    num_threads = engine_threads(num_threads)
    if profile.dehazer is not None:
        return GuidedCpuEngine(profile, profile.dehazer, num_threads)
    return GraphCpuEngine(profile, num_threads)


def open_bicubic_engine(profile: Profile, num_threads: int = 0) -> Engine:
    """A profile's dehazer with bicubic x4; raises ModelError where it ships none."""
    if profile.dehazer is None:
        raise ModelError(f"profile {profile.name!r} has no dehaze.onnx; export it again with edge-export onnx")
    return BicubicCpuEngine(profile, profile.dehazer, engine_threads(num_threads))
