"""Errors that reach a person, each with the exit code that the service manager sees.

Codes follow sysexits.h where it has one: 69 EX_UNAVAILABLE, 74 EX_IOERR, 78 EX_CONFIG.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from edge.texts import one_line


class EdgeError(Exception):
    """A failure told in one line: what, the value, what was expected, what to do."""

    exit_code = 1

    def __str__(self) -> str:
        """One printable line, whatever a file's name, a key or a library put into it."""
        return one_line(super().__str__())


class UsageError(EdgeError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class DeviceMissing(EdgeError):
    """A camera or another device is not there."""

    exit_code = 69


class CameraLost(DeviceMissing):
    """The camera was there and went away; opening it again may help."""


class EngineLost(DeviceMissing):
    """A GPU or its engine stopped working; opening it again may help."""


class EngineFailed(EdgeError):
    """An engine gave a picture that must not be shown, or none; the next frame may be well."""


class InputOutputError(EdgeError):
    """A file, a folder or the network could not be read or written."""

    exit_code = 74


class ConfigError(EdgeError):
    """The configuration is wrong; the service must not be restarted on it."""

    exit_code = 78


class ModelError(EdgeError):
    """A model is missing, altered or not what its manifest says."""

    exit_code = 78


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
        told = one_line(str(error))
        sys.stderr.write(f"{mark}{program}: unexpected {type(error).__name__}: {told}; --debug shows where\n")
        return 1
