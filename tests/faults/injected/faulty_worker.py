"""The engine's process with an engine that can be broken: takes the place of `edge.guard.start`."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

import edge.guard.start as start
import edge.guard.worker as worker
from edge.basics.errors import EngineFailed, EngineLost
from edge.engines.engine import Engine, Enhanced
from edge.pictures.image import Image
from tests.faults.injected.switches import FOLDER_VARIABLE, Switch


class FaultyEngine:
    """Implements `edge.engines.engine.Engine`. What it does stands in the switch `engine`, `mode`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._switch = Switch("engine")
        self._last: Image | None = None
        self._noise = np.random.default_rng(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def enhance(self, image: Image, out: Image | None = None) -> Enhanced:
        mode = self._switch.get().get("mode", "ok")
        if mode != "eats-memory":
            _EATEN.clear()
        if mode in _INSTEAD:
            _INSTEAD[mode]()
        result = self._engine.enhance(image, out)
        if mode in _SPOILT:
            result.image[:] = _SPOILT[mode](self, image)
        elif mode == "previous" and self._last is not None:
            result.image[:] = self._last
        else:
            self._last = result.image.copy()
        return result


def _raise(error: Exception) -> None:
    raise error


_INSTEAD: dict[str, Callable[[], object]] = {
    "raises": lambda: _raise(RuntimeError("the campaign broke the engine")),
    "fails": lambda: _raise(EngineFailed("the campaign broke the frame")),
    "lost": lambda: _raise(EngineLost("the campaign pulled the GPU")),
    "hangs": lambda: threading.Event().wait(3600),
    "slow": lambda: threading.Event().wait(0.45),
    "ten a second": lambda: threading.Event().wait(0.1),
    "exits": lambda: os._exit(3),
    "segfault": lambda: ctypes.string_at(0),
    "aborts": lambda: os.kill(os.getpid(), signal.SIGABRT),
    "eats-memory": lambda: _EATEN.append(np.ones(64 << 20, np.uint8)) if len(_EATEN) < 12 else None,
}
_EATEN: list[np.ndarray] = []
_SPOILT: dict[str, Callable[[FaultyEngine, Image], Any]] = {
    "black": lambda engine, image: 0,
    "constant": lambda engine, image: 117,
    "nan": lambda engine, image: engine._noise.integers(0, 256, image.shape, np.uint8),
    "inverted": lambda engine, image: 255 - image,
    "input": lambda engine, image: image,
}
"""An engine gives uint8, in which a NaN becomes any value: noise stands for it."""


def main() -> int:
    real = worker.corrected
    worker.corrected = lambda *given, **named: FaultyEngine(real(*given, **named))  # type: ignore[attr-defined]
    given = sys.argv[1:]
    return worker.serve(given[:4], start.begin(given, [os.environ[FOLDER_VARIABLE]]))


if __name__ == "__main__":
    sys.exit(main())
