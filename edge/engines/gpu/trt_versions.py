"""Where TensorRT's releases differ, all in one place. The rest of the program does not ask for a version.

8.6 (JetPack 6.0)   no strongly typed networks: types are held layer by layer; no progress monitor
10.3, 10.13         strongly typed networks; BuilderFlag.FP16 and others still exist and are not used
11                  those flags, EXPLICIT_BATCH and ICudaEngine.device_memory_size are gone
TensorRT-RTX        TensorRT's API under the module name tensorrt_rtx; builds for a compute capability, with no GPU at
hand
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any

from edge.basics.errors import DeviceMissing, UsageError

MODULES = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}
INSTALL = {
    "tensorrt": "on a Jetson it comes with JetPack (make the environment with --system-site-packages), on a PC: "
    "pip install tensorrt",
    "tensorrt-rtx": "pip install tensorrt-rtx-cu13",
}
NEWEST_OPSET = {8: 17, 9: 19, 10: 20}
"""Opset that a major release reads at least; later ones read more than these graphs use."""


@dataclass(frozen=True)
class TrtApi:
    """An imported runtime.

    Attributes:
        runtime: "tensorrt" or "tensorrt-rtx".
        trt: the module.
    """

    runtime: str
    trt: Any

    @property
    def version(self) -> str:
        return str(self.trt.__version__)

    @property
    def label(self) -> str:
        """Runtime and version, as an engine key holds them."""
        return f"{self.runtime} {self.version}"

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    @property
    def is_strongly_typed(self) -> bool:
        return hasattr(self.trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED")

    @property
    def has_timing_cache(self) -> bool:
        """TensorRT-RTX times nothing when it builds."""
        return self.runtime == "tensorrt"

    @property
    def newest_opset(self) -> int:
        return 20 if self.runtime == "tensorrt-rtx" else NEWEST_OPSET.get(self.major, max(NEWEST_OPSET.values()))


def refuse_absent(runtime: str) -> None:
    """Refuse a runtime that is not installed, without importing anything; raises DeviceMissing."""
    if importlib.util.find_spec(MODULES[runtime]) is None:
        raise DeviceMissing(f"{runtime} is not installed; {INSTALL[runtime]}")


def load_trt(runtime: str) -> TrtApi:
    """Import a runtime.

    Raises:
        DeviceMissing: it is not installed, or one of its libraries is missing; says how to get it.
    """
    try:
        return TrtApi(runtime, importlib.import_module(MODULES[runtime]))
    except (ImportError, OSError) as error:
        raise DeviceMissing(f"{runtime} is not installed ({error}); {INSTALL[runtime]}") from error


def create_network(api: TrtApi, builder: Any) -> Any:
    """An empty network whose types are the graph's own, wherever the release can promise that."""
    flags = api.trt.NetworkDefinitionCreationFlag
    flag = flags.STRONGLY_TYPED if api.is_strongly_typed else flags.EXPLICIT_BATCH
    return builder.create_network(1 << int(flag))


def create_parser(api: TrtApi, network: Any, logger: Any) -> Any:
    """An ONNX parser that takes instance normalisation as TensorRT's own layer, not as a plugin."""
    parser = api.trt.OnnxParser(network, logger)
    parser.set_flag(api.trt.OnnxParserFlag.NATIVE_INSTANCENORM)
    return parser


def hold_types(api: TrtApi, network: Any, config: Any) -> int:
    """On releases without strongly typed networks, ask of each layer the type that the graph gives it.

    Returns:
        How many layers were held to float32.
    """
    if api.is_strongly_typed:
        return 0
    trt, num_held = api.trt, 0
    config.set_flag(trt.BuilderFlag.FP16)
    config.set_flag(trt.BuilderFlag.OBEY_PRECISION_CONSTRAINTS)
    floating = {trt.float32: trt.float32, trt.float16: trt.float16}
    untyped = {trt.LayerType.CONSTANT, trt.LayerType.SHAPE, trt.LayerType.CAST, trt.LayerType.IDENTITY}
    for layer in (network.get_layer(number) for number in range(network.num_layers)):
        if layer.type in untyped or layer.num_outputs == 0 or layer.get_output(0).dtype not in floating:
            continue
        held = floating[layer.get_output(0).dtype]
        layer.precision = held
        layer.set_output_type(0, held)
        num_held += held == trt.float32
    return num_held


def set_target(api: TrtApi, config: Any, compute_capability: tuple[int, int]) -> None:
    """What the plan is for: TensorRT builds for the GPU at hand, TensorRT-RTX for a named compute capability.

    Raises:
        UsageError: TensorRT-RTX knows no such capability.
    """
    if api.runtime != "tensorrt-rtx":
        return
    name = f"SM{compute_capability[0]}{compute_capability[1]}"
    target = getattr(api.trt.ComputeCapability, name, None)
    if target is None:
        known = sorted(entry for entry in dir(api.trt.ComputeCapability) if entry.startswith("SM"))
        raise UsageError(f"compute capability {name}: {api.label} builds for {', '.join(known)}")
    config.num_compute_capabilities = 1
    config.set_compute_capability(target, 0)


def device_memory_bytes(engine: Any) -> int:
    """Device memory that one execution context takes."""
    size = getattr(engine, "device_memory_size_v2", None)
    return int(engine.device_memory_size if size is None else size)
