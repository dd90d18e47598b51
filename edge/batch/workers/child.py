"""A worker's process: it is told what engine to make, then does one piece after the other until its line closes.

    python -I isolated.py PATH edge.batch.workers.child LINE PARENT

LINE is the descriptor of a socket; PARENT the process with which this one ends. `edge.batch.workers.processes` is the
other end.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from edge.basics.errors import EdgeError
from edge.basics.logs import set_handler
from edge.basics.python_child import end_with

if TYPE_CHECKING:
    from edge.batch.workers.processes import EngineMaker
    from edge.models.profile import Profile

LEFT_TO_THE_PROGRAM = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Line:
    """What this process says, from any thread of it."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, threading.Lock()

    def say(self, *words: object) -> None:
        """Say something; ends the process where nobody listens any more."""
        with self._lock:
            self._connection.send(words)


class _ToTheLine(logging.Handler):
    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._line.say("said", record.levelno, self.format(record))
        except OSError:
            self.handleError(record)


def serve(connection: Connection) -> None:
    line = Line(connection)
    set_handler(_ToTheLine(line), logging.INFO)
    maker: EngineMaker
    profile: Profile
    scratch: Path
    maker, profile, scratch = connection.recv()
    try:
        engine = maker()
    except EdgeError as error:
        line.say("ready")
        line.say("no engine", str(error), error.exit_code)
        return
    from edge.batch.piece import Worker  # while the engine opens
    from edge.batch.steps import NoEngine, OutputFolderError
    from edge.batch.workers.in_thread import made_or_why
    from edge.engines.threads import settle_opencv

    settle_opencv()
    line.say("ready")
    doing = 0
    worker = Worker(
        engine,
        profile,
        scratch,
        on_expected=lambda num_frames: line.say("expected", doing, num_frames),
        on_frame=lambda: line.say("frame", doing),
    )
    while True:
        doing, piece = connection.recv()
        try:
            made = made_or_why(worker, piece)
        except NoEngine as error:
            line.say("no engine", str(error), error.exit_code)
        except OutputFolderError as error:
            line.say("full", str(error))
        else:
            if isinstance(made, EdgeError):
                line.say("failed", doing, str(made), made.exit_code)
            else:
                line.say("made", doing, made)


def main(argv: Sequence[str]) -> int:
    descriptor, parent = map(int, argv)
    for number in LEFT_TO_THE_PROGRAM:
        signal.signal(number, signal.SIG_IGN)
    end_with(parent)
    with Connection(descriptor) as connection, contextlib.suppress(EOFError, ConnectionError):
        serve(connection)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
