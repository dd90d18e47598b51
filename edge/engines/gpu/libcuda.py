"""The few calls of libcuda that pycuda has none for, or one that does not work with today's numpy (host
registration)."""

from __future__ import annotations

import ctypes
from typing import Any


class CudaCallError(Exception):
    """A driver call failed; `code` is its CUresult."""

    def __init__(self, name: str, code: int) -> None:
        super().__init__(f"{name} gave CUDA error {code}")
        self.code = code


def call(name: str, *arguments: Any) -> None:
    """Call libcuda, which pycuda has loaded already, in the current context.

    Raises:
        CudaCallError: the driver's answer is not CUDA_SUCCESS.
    """
    code = getattr(ctypes.CDLL("libcuda.so.1"), name)(*arguments)
    if code:
        raise CudaCallError(name, code)
