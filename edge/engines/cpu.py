"""A profile on the CPU, through onnxruntime."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime

from edge.artifact import Artifact
from edge.engines.base import Engine, Enhanced
from edge.errors import ModelError
from edge.frame import Image
from edge.geometry import FRAME_SHAPE, shrink
from edge.guided import GuidedCarrier, detail_activity


def available_cpus() -> int:
    """Cores that this process may use, at least 1."""
    return max(1, len(os.sched_getaffinity(0)))


def open_session(graph: Path, num_threads: int) -> onnxruntime.InferenceSession:
    """A session whose waiting threads sleep: decoding and encoding need those cores.

    Raises:
        ModelError: onnxruntime refuses the graph.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises many types of its own
        raise ModelError(f"{graph}: onnxruntime refuses the graph ({error}); export the profile again") from error


class GuidedCpuEngine:
    """The dehazer in onnxruntime at 480x270, the guided step beside it in the host form."""

    def __init__(self, artifact: Artifact, dehazer: Path, num_threads: int) -> None:
        self.profile = artifact.profile
        self.model_sha256 = artifact.sha256
        self.device = f"cpu ({num_threads} threads, onnxruntime {onnxruntime.__version__})"
        self._session = open_session(dehazer, num_threads)
        self._pool = ThreadPoolExecutor(num_threads, "guided")
        self._carrier = GuidedCarrier(self._pool, num_threads)

    def enhance(self, image: Image) -> Enhanced:
        begin = time.perf_counter()
        inputs = {"shrunk": shrink(image)[None], "activity": detail_activity(image)[None, ..., None]}
        shrunk = time.perf_counter()
        slope, intercept = self._session.run(None, inputs)
        dehazed = time.perf_counter()
        out = self._carrier.carry(image, slope, intercept)
        end = time.perf_counter()
        stages = {"shrink": shrunk - begin, "dehaze": dehazed - shrunk, "guided": end - dehazed}
        return Enhanced(out, {name: seconds * 1e3 for name, seconds in stages.items()})

    def close(self) -> None:
        self._pool.shutdown()


class GraphCpuEngine:
    """The whole graph in onnxruntime: any profile, slower."""

    def __init__(self, artifact: Artifact, num_threads: int) -> None:
        self.profile = artifact.profile
        self.model_sha256 = artifact.sha256
        self.device = f"cpu ({num_threads} threads, onnxruntime {onnxruntime.__version__})"
        self._session = open_session(artifact.graph, num_threads)
        self._check_interface(artifact)

    def _check_interface(self, artifact: Artifact) -> None:
        ends = [*self._session.get_inputs(), *self._session.get_outputs()]
        found = [(end.name, end.type, tuple(end.shape)) for end in ends]
        expected = [(name, "tensor(uint8)", (1, *FRAME_SHAPE)) for name in ("frame", "enhanced")]
        if found != expected:
            raise ModelError(f"{artifact.graph}: its inputs and outputs are {found}, expected {expected}")

    def enhance(self, image: Image) -> Enhanced:
        begin = time.perf_counter()
        (out,) = self._session.run(None, {"frame": image[None]})
        return Enhanced(np.asarray(out[0], np.uint8), {"graph": (time.perf_counter() - begin) * 1e3})

    def close(self) -> None:
        del self._session


def open_cpu_engine(artifact: Artifact, num_threads: int = 0) -> Engine:
    """The fastest CPU engine for a profile.

    Args:
        num_threads: 0 takes every core that this process may use.
    """
    num_threads = num_threads or available_cpus()
    if artifact.dehazer is not None:
        return GuidedCpuEngine(artifact, artifact.dehazer, num_threads)
    return GraphCpuEngine(artifact, num_threads)
