"""onnxruntime, which is loaded here and nowhere else, so that it is told first to report nothing.

Since 1.29 it looks up a host of its vendor's, opens a connection to it and keeps a device's number under HOME, in every
process that loads it, unless this variable is set before.
"""

from __future__ import annotations

import os
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["onnxruntime", "quantiser"]


def quantiser() -> Any:
    """Its module for int8, which needs onnx: where models are made."""
    from onnxruntime import quantization

    return quantization
