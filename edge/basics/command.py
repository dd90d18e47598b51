"""What every command does alike: exit codes, and stopping on signals."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from edge.basics.errors import EdgeError
from edge.basics.texts import one_line


def exit_code_of(program: str, work: Callable[[], int], *, debug: bool, mark: str = "") -> int:
    """Run a command to its end and tell a failure in one line.

    Args:
        program: the command's name, in front of the line.
        mark: goes before the line; "<3>" makes it an error for the journal.
        debug: let the exception through, so that Python shows where it comes from.

    Returns:
        What `work` returns, or the exit code of its error; 130 for Ctrl-C.
    """
    try:
        return work()
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if debug:
            raise
        if isinstance(error, EdgeError):
            sys.stderr.write(f"{mark}{program}: {error}\n")
            return error.exit_code
        reason = one_line(str(error))
        sys.stderr.write(f"{mark}{program}: unexpected {type(error).__name__}: {reason}; --debug shows where\n")
        return 1


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and Ctrl-C set; a second signal ends the program at once."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    return stop
