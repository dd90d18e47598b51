"""A test double of TensorRT's runtime: a plan is an ONNX graph, and an execution context runs it in onnxruntime.

The work is put on the CUDA stream like a kernel, on the addresses that were set when it was enqueued, as TensorRT does.
Only what the product calls is here; `tests/export/on_unit/test_trt_contract.py` holds these names against NVIDIA's real
bindings.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import onnxruntime

__version__ = "10.3.0"
uint8 = "uint8"
MAGIC = b"fake plan\n"
_HOST_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class NetworkDefinitionCreationFlag:
    STRONGLY_TYPED = 1


class ILogger:
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)


class ICudaEngine:
    def __init__(self, graph: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._ends = [*self.session.get_inputs(), *self.session.get_outputs()]
        self.num_io_tensors = len(self._ends)
        self.device_memory_size_v2 = 1 << 20

    def get_tensor_name(self, index: int) -> str:
        return str(self._ends[index].name)

    def _end(self, name: str) -> Any:
        return next(end for end in self._ends if end.name == name)

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._end(name).shape)

    def get_tensor_dtype(self, name: str) -> str:
        return str(self._end(name).type).removeprefix("tensor(").removesuffix(")")

    def create_execution_context(self) -> IExecutionContext:
        return IExecutionContext(self)


class IExecutionContext:
    def __init__(self, engine: ICudaEngine) -> None:
        self._engine = engine
        self._addresses: dict[str, int] = {}
        self._libcuda = ctypes.CDLL("libcuda.so.1")
        self._libcuda.host_cuda_address.restype = ctypes.c_size_t
        self._kept: list[Any] = []

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        addresses = dict(self._addresses)

        def kernel(_: object) -> None:
            arrays = {name: self._device_array(name, address) for name, address in addresses.items()}
            (arrays["enhanced"][:],) = self._engine.session.run(None, {"frame": arrays["frame"].copy()})

        function = _HOST_FUNCTION(kernel)
        self._kept.append(function)
        return self._libcuda.cuLaunchHostFunc(ctypes.c_void_p(stream), function, None) == 0

    def _device_array(self, name: str, address: int) -> np.ndarray[Any, Any]:
        shape = self._engine.get_tensor_shape(name)
        num_bytes = int(np.prod(shape))
        host = self._libcuda.host_cuda_address(ctypes.c_uint64(address), ctypes.c_size_t(num_bytes))
        assert host, f"{name}: {address:#x} is no device memory of {num_bytes} bytes"
        pointer = ctypes.cast(host, ctypes.POINTER(ctypes.c_uint8))
        return np.ctypeslib.as_array(pointer, shape)


class Runtime:
    def __init__(self, logger: ILogger) -> None:
        self._logger = logger

    def deserialize_cuda_engine(self, content: bytes) -> ICudaEngine | None:
        if not content.startswith(MAGIC):
            self._logger.log(ILogger.ERROR, "the plan's magic tag does not match")  # type: ignore[attr-defined]
            return None
        return ICudaEngine(content.removeprefix(MAGIC))
