"""A unit whose GPU is a double: its graphs, its profiles and its plans."""

from __future__ import annotations

import ctypes
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.engines.golden import golden_frame, golden_record
from edge.engines.gpu.plan import SEAL, engine_key, plan_path, write_plan
from edge.models.profile import Profile, load_profile
from edge.pictures.geometry import FRAME_SHAPE
from tests.doubles.parts import part

FakeGraph = Callable[..., bytes]


@pytest.fixture(scope="session")
def pycuda_part() -> Path:
    return part("pycuda")


@pytest.fixture(scope="session")
def libcuda(pycuda_part: Path) -> ctypes.CDLL:
    """The double, loaded under libcuda's name before pycuda looks for it."""
    double = ctypes.CDLL(str(pycuda_part / "driver" / "libcuda.so.1"), mode=ctypes.RTLD_GLOBAL)
    if not hasattr(ctypes.CDLL("libcuda.so.1"), "host_cuda_address"):
        pytest.skip("this machine has a real libcuda; its double is for machines without one")
    sys.path.insert(0, str(pycuda_part / "site"))
    return double


@pytest.fixture
def gpu(libcuda: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> ctypes.CDLL:
    """A machine with a GPU and TensorRT; after the test nothing of it may be left."""
    from tests.doubles import fake_tensorrt

    monkeypatch.setitem(sys.modules, "tensorrt", fake_tensorrt)
    yield libcuda
    assert libcuda.host_cuda_num_retained() == 0, "a context was not let go"
    assert libcuda.host_cuda_depth() == 0, "a context is still current"
    assert libcuda.host_cuda_num_blocks() == 0, "memory was not let go"


def graph(kind: str = "invert") -> bytes:
    """frame -> enhanced: `invert` 255 - x, `black` 0, `faint` half of x and 20, `bright` what x has above 127."""
    factor, offset = {"invert": (-1, 255), "black": (0, 0), "faint": (0.5, 20), "bright": (1, -127)}[kind]
    shape = [1, *FRAME_SHAPE]
    weights = [numpy_helper.from_array(np.float32(v), n) for v, n in ((factor, "factor"), (offset, "offset"))]
    nodes = [
        helper.make_node("Cast", ["frame"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["x", "factor"], ["y"]),
        helper.make_node("Add", ["y", "offset"], ["z"]),
        helper.make_node("Relu", ["z"], ["lit"]),
        helper.make_node("Cast", ["lit"], ["enhanced"], to=TensorProto.UINT8),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.UINT8, shape) for name in ("frame", "enhanced")]
    made = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


class Unit:
    """A profile's folder, an engine folder, and a way to put plans there."""

    def __init__(self, folder: Path) -> None:
        self.engines, self.models = folder / "engines", folder / "models"
        self.engines.mkdir()
        (self.models / "live").mkdir(parents=True)
        content = graph()
        digest = hashlib.sha256(content).hexdigest()
        keys = ("name", "version", "input", "output", "networks", "training", "metrics", "licence", "made_at")
        manifest = {**dict.fromkeys(keys, ""), "profile": "live", "sha256": digest}
        manifest["precisions"] = {"fp16": {"sha256": digest}}
        manifest["golden"] = golden_record(255 - golden_frame(), 45.0)
        for name in ("model.onnx", "model.fp16.onnx"):
            (self.models / "live" / name).write_bytes(content)
        (self.models / "live" / "model.json").write_text(json.dumps(manifest))
        self.frame = np.random.default_rng(3).integers(1, 255, FRAME_SHAPE, dtype=np.uint8)

    @property
    def profile(self) -> Profile:
        return load_profile("live", (self.models,))

    def set_manifest(self, **changes: Any) -> None:
        """Change the profile's manifest."""
        path = self.models / "live" / "model.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    def put_plan(self, content: bytes | None = None, *, runtime: str = "tensorrt 10.3.0", **changes: Any) -> Path:
        """A plan for the double's GPU, of `invert` unless another graph is given."""
        import pycuda.driver as cuda

        from edge.engines.gpu.device import gpu_of
        from tests.doubles import fake_tensorrt

        cuda.init()
        gpu = gpu_of(cuda)
        key = engine_key(self.profile.sha256, "fp16", runtime, gpu)
        sidecar = {
            "profile": "live", "key": key, "precision": "fp16", "runtime": runtime, "gpu": gpu.facts(),
            "graph_sha256": self.profile.sha256, "model_sha256": self.profile.sha256,
            **changes,
        }  # fmt: skip
        path = plan_path(self.engines, "live", key)
        write_plan(path, fake_tensorrt.MAGIC + (content or graph()), sidecar)
        return path


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    return Unit(tmp_path)


def onnxruntime_answer(content: bytes, frame: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {"frame": frame[None]})[0][0]


def of_before(plan: Path) -> None:
    """Give a plan the sidecar that the version before wrote: sealed, without a format, with pictures of its own."""
    sidecar = plan.with_suffix(".json")
    facts = {key: value for key, value in json.loads(sidecar.read_text()).items() if key not in ("format", SEAL)}
    facts["golden"] = {"frame": "iVBORw0KGgo=", "enhanced": "iVBORw0KGgo=", "min_psnr_db": 45.0}
    seal = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    sidecar.write_text(json.dumps({**facts, SEAL: seal}))
