"""A stretch of GPU work recorded once and launched as one."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from edge.engines.gpu.libcuda import call

RELAXED = 2
"""CU_STREAM_CAPTURE_MODE_RELAXED: an engine may allocate while it is recorded."""


class CudaGraph:
    """What `enqueue` puts on a stream, recorded.

    Args:
        stream: handle of a stream of the current context.
        enqueue: called once; what it enqueues is recorded and not run.

    Raises:
        CudaCallError: the driver refuses; launch the work piece by piece.
    """

    def __init__(self, stream: int, enqueue: Callable[[], None]) -> None:
        self._stream = ctypes.c_void_p(stream)
        self._exec = ctypes.c_void_p()
        graph = ctypes.c_void_p()
        call("cuStreamBeginCapture_v2", self._stream, ctypes.c_int(RELAXED))
        try:
            enqueue()
        finally:
            call("cuStreamEndCapture", self._stream, ctypes.byref(graph))
        try:
            call("cuGraphInstantiateWithFlags", ctypes.byref(self._exec), graph, ctypes.c_ulonglong(0))
        finally:
            call("cuGraphDestroy", graph)

    def launch(self) -> None:
        call("cuGraphLaunch", self._exec, self._stream)

    def close(self) -> None:
        """Safe to call twice."""
        if self._exec:
            recorded, self._exec = self._exec, ctypes.c_void_p()
            call("cuGraphExecDestroy", recorded)
