"""The GPU of these tests: real pycuda over a libcuda of host memory, and a fake TensorRT whose plans are ONNX
graphs."""

from __future__ import annotations

from tests.doubles.gpu_unit import gpu, libcuda, pycuda_part, unit

__all__ = ["gpu", "libcuda", "pycuda_part", "unit"]
