"""TensorRT's own messages: kept for our errors, and in the log at debug level, never loose on stderr."""

from __future__ import annotations

import logging
from typing import Any

from edge.engines.gpu.trt_versions import TrtApi

log = logging.getLogger(__name__)
NUM_KEPT = 20


def collecting_logger(api: TrtApi) -> Any:
    """A TensorRT logger whose `errors` are the last error messages, each in one line."""
    trt = api.trt

    class Collected(trt.ILogger):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            line = " ".join(message.split())
            log.debug("%s: %s", api.runtime, line)
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.errors = [*self.errors, line][-NUM_KEPT:]

    return Collected()


def last_error(logger: Any) -> str:
    return str(logger.errors[-1])[:300] if logger.errors else "it gives no reason"
