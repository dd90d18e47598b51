"""What every command does alike: exit codes, its three standard streams, and stopping on signals."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from edge.basics.errors import EdgeError
from edge.basics.texts import one_line, printable
from firmware_bridge.command_alike import unless_unread


def exit_code_of(program: str, work: Callable[[], int], *, debug: bool, mark: str = "") -> int:
    """Run a command to its end and tell a failure in one line.

    Args:
        program: the command's name, in front of the line.
        mark: goes before the line; "<3>" makes it an error for the journal.
        debug: let the exception through, so that Python shows where it comes from.

    Returns:
        What `work` returns, or the exit code of its error; 130 for Ctrl-C, 141 where nobody reads its output any more.
    """
    try:
        return unless_unread(work)
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


def say(*lines: str) -> None:
    """Write lines to standard output, whatever a name or a number from outside has in it (`edge.basics.texts`)."""
    sys.stdout.write("".join(f"{printable(line)}\n" for line in lines))
    sys.stdout.flush()


def have_standard_streams() -> None:
    """Put /dev/null in the place of a standard stream that is closed.

    Else the next file, socket or camera that is opened becomes descriptor 0, 1 or 2: its process is read from and
    written to by everybody, and children do not get it.
    """
    for wanted in (0, 1, 2):
        try:
            os.fstat(wanted)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != wanted:
                os.dup2(opened, wanted)
                os.close(opened)
            os.set_inheritable(wanted, True)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - Python leaves None for a closed one
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def ends_with_terminal() -> bool:
    """Whether the program was started from a terminal, and nobody asked by `nohup` to outlive it."""
    return signal.getsignal(signal.SIGHUP) != signal.SIG_IGN and has_terminal()


def has_terminal() -> bool:
    """Whether there is a terminal; after SIGHUP: whether it is still there, so that the signal came from elsewhere."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM, Ctrl-C and the closing of the terminal set; a second signal ends the program at once."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()
        # A shell hands the hangup on that the kernel sent already: the second one is no impatience.
        signal.signal(number, signal.SIG_IGN if number == signal.SIGHUP else signal.SIG_DFL)

    hangup = (signal.SIGHUP,) if ends_with_terminal() else ()
    for number in (signal.SIGTERM, signal.SIGINT, *hangup):
        signal.signal(number, on_signal)
    return stop
