"""The GPU and its CUDA context, through pycuda."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge.basics.errors import DeviceMissing
from edge.engines.gpu.libcuda import CudaCallError, call
from edge.engines.gpu.plan import Gpu


def load_cuda() -> Any:
    """`pycuda.driver`, initialised.

    Raises:
        DeviceMissing: no pycuda, no NVIDIA driver or no GPU; says which.
    """
    try:
        import pycuda.driver as cuda
    except (ImportError, OSError) as error:
        missing = "no NVIDIA driver (libcuda.so.1)" if "libcuda" in str(error) else f"pycuda is not there ({error})"
        raise DeviceMissing(f"no GPU engine: {missing}; docs/install.md says how to install it") from error
    try:
        cuda.init()
        count = cuda.Device.count()
    except cuda.Error as error:
        raise DeviceMissing(f"no GPU engine: the NVIDIA driver finds no usable GPU ({error})") from error
    if count == 0:
        raise DeviceMissing("no GPU engine: the NVIDIA driver finds no GPU")
    return cuda


def gpu_of(cuda: Any) -> Gpu:
    """What the first GPU is; needs no context."""
    device = cuda.Device(0)
    attribute = cuda.device_attribute
    return Gpu(
        name=str(device.name()),
        compute_capability=tuple(device.compute_capability()),
        num_sm=int(device.get_attribute(attribute.MULTIPROCESSOR_COUNT)),
        integrated=bool(device.get_attribute(attribute.INTEGRATED)),
    )


@contextmanager
def current_context(cuda: Any) -> Iterator[None]:
    """The first GPU's primary context, current in this thread during the block and let go on every path out."""
    context = cuda.Device(0).retain_primary_context()
    context.push()
    try:
        yield
    finally:
        context.detach()
        # pycuda takes a detached context off its own stack, but leaves a primary one on the driver's.
        with contextlib.suppress(CudaCallError):
            call("cuCtxPopCurrent_v2", ctypes.byref(ctypes.c_void_p()))
