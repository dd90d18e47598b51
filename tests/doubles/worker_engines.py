"""Engines for workers' processes: made there, by what can be pickled."""

from __future__ import annotations

import logging
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

from edge.basics.errors import ModelError
from edge.engines.engine import Enhanced
from edge.pictures.image import Image
from tests.doubles.files_bench import InvertingEngine

DEADLY, DEADLY_ONCE, SLOW = 200, 100, 150
"""Level of the picture's corner."""


class DeadlyEngine(InvertingEngine):
    """Inverts; ends its process at some pictures, as a decoder that crashes or a kernel without memory would.

    Args:
        folder: for its memory of what it did once.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        logging.getLogger("engine").warning("found out")

    def enhance(self, image: Image) -> Enhanced:
        corner = int(image[0, 0, 0])
        once = self._folder / "died"
        if corner == DEADLY or (corner == DEADLY_ONCE and not once.exists()):
            if corner == DEADLY_ONCE:
                once.touch()
            os.kill(os.getpid(), signal.SIGSEGV)
        if corner == SLOW:
            (self._folder / "began").touch()
            signal.pause()
        return super().enhance(image)


def deadly(folder: Path, num_workers: int) -> Any:
    """See `edge.batch.workers.processes.Processes`."""
    return lambda num_pieces: [partial(DeadlyEngine, folder)] * min(num_workers, num_pieces)


def no_engine() -> InvertingEngine:
    raise ModelError("model.onnx: is wrong")


def ends_at_once() -> InvertingEngine:
    os._exit(7)


def ends_at_first(folder: Path, num_times: int) -> InvertingEngine:
    """Ends its process so many times before it makes one; and once more in the place of each that dies at a picture."""
    begun = len(list(folder.glob("begun-*")))
    (folder / f"begun-{begun}").touch()
    if begun < num_times or (begun == num_times + 1 and (folder / "died").exists()):
        os.kill(os.getpid(), signal.SIGKILL)
    return DeadlyEngine(folder)
