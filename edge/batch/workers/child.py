"""How a worker's process starts: it makes its engine, and loads the rest of the program while that opens.

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
from contextlib import closing
from multiprocessing.connection import Connection

from edge.basics.errors import EdgeError
from edge.basics.logs import set_handler
from edge.basics.python_child import LEFT_TO_THE_PROGRAM, end_with


class Line:
    """What this process says, from any thread of it."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, threading.Lock()

    def say(self, *words: object) -> None:
        """Raises OSError where nobody listens any more."""
        with self._lock:
            self._connection.send(words)


class _ToTheLine(logging.Handler):
    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError):
            self._line.say("said", record.levelno, self.format(record))


def run(connection: Connection) -> None:
    line = Line(connection)
    set_handler(_ToTheLine(line), logging.INFO)
    make_engine, profile, scratch, is_alone = connection.recv()
    try:
        engine = make_engine()
    except EdgeError as error:
        line.say("no engine", str(error), error.exit_code)
        return
    with closing(engine):
        from edge.batch.workers.serving import serve

        line.say("ready")
        serve(connection, line.say, engine, profile, scratch, is_alone=is_alone)


def main(argv: Sequence[str]) -> int:
    descriptor, parent = map(int, argv)
    for number in LEFT_TO_THE_PROGRAM:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, LEFT_TO_THE_PROGRAM)  # what it starts, such as FFmpeg, hears them
    end_with(parent)
    with Connection(descriptor) as connection, contextlib.suppress(EOFError, ConnectionError):
        run(connection)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
