"""Pieces done one after the other, in the thread that asks for them."""

from __future__ import annotations

import logging
import threading
import traceback
from collections import deque
from pathlib import Path

from edge.basics.errors import EdgeError, InputOutputError
from edge.batch.piece import BatchEngine, Made, Piece, Worker
from edge.batch.steps import NoEngine, OutputFolderError, Stopped
from edge.batch.workers.workers import Outcome, Watch
from edge.models.profile import Profile

log = logging.getLogger(__name__)


class InThread:
    """Implements `edge.batch.workers.workers.Workers`; whoever made the engine closes it."""

    def __init__(self, engine: BatchEngine, profile: Profile, stop: threading.Event) -> None:
        self._engine, self._profile, self._stop = engine, profile, stop
        self._waiting: deque[tuple[int, Piece]] = deque()
        self._worker: Worker | None = None
        self._number = 0

    @property
    def model_sha256(self) -> str:
        return self._engine.model_sha256

    def begin(self, scratch: Path, num_pieces: int, watch: Watch) -> None:
        self._worker = Worker(
            self._engine,
            self._profile,
            scratch,
            self._stop,
            lambda num_frames: watch.on_expected(self._number, num_frames),
            lambda: watch.on_frame(self._number),
        )

    @property
    def room(self) -> int:
        return 1 - len(self._waiting)

    def give(self, number: int, piece: Piece) -> None:
        self._waiting.append((number, piece))

    def take(self, timeout_s: float) -> Outcome | None:
        if not self._waiting:
            return None
        assert self._worker is not None, "it has begun"
        self._number, piece = self._waiting.popleft()
        return Outcome(self._number, made_or_why(self._worker, piece))

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()


def made_or_why(worker: Worker, piece: Piece) -> EdgeError | Made:
    """What came of a piece; raises what ends the whole run."""
    try:
        return worker.do(piece)
    except (OutputFolderError, NoEngine):
        raise
    except EdgeError as error:
        return error
    except Stopped:
        raise
    except OSError as error:  # a name that a system call takes badly costs no other file
        return InputOutputError(f"{piece.path}: {error.strerror or type(error).__name__}")
    except Exception as error:  # noqa: BLE001 - whatever a file's content does to a library costs no other file
        at = "".join(traceback.format_tb(error.__traceback__))  # without its words: they may be a patient's
        log.debug("%s in\n%s", type(error).__name__, at)
        return EdgeError(f"{piece.path}: cannot be enhanced ({type(error).__name__}); --debug shows where")
