"""What a worker's process does once it has begun: one piece after the other, until its line closes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

from edge.basics.errors import EdgeError
from edge.basics.memory import keep_memory
from edge.batch.piece import BatchEngine, Worker
from edge.batch.steps import NoEngine, OutputFolderError
from edge.batch.workers.in_thread import made_or_why
from edge.batch.workers.spool import spooled
from edge.engines.threads import settle_opencv
from edge.models.profile import Profile


def serve(
    connection: Connection,
    say: Callable[..., object],
    engine: BatchEngine,
    profile: Profile,
    scratch: Path,
    *,
    is_alone: bool,
) -> None:
    """Raises EOFError or OSError when the line closes.

    Args:
        say: to the other end; its first word is one that `Processes` knows.
    """
    settle_opencv()
    keep_memory()
    doing = 0
    worker = Worker(
        engine,
        profile,
        scratch,
        on_expected=lambda num_frames: say("expected", doing, num_frames),
        on_frame=lambda: say("frame", doing),
        is_alone=is_alone,
    )
    with closing(worker):
        while True:
            doing, piece = connection.recv()
            try:
                made = made_or_why(worker, piece)
                if isinstance(made, EdgeError):
                    say("failed", doing, str(made), made.exit_code)
                else:
                    say("made", doing, spooled(made, scratch))
            except NoEngine as error:
                say("no engine", str(error), error.exit_code)
            except OutputFolderError as error:
                say("full", str(error))
