"""Errors that reach a person, each with the exit code that the service manager sees.

Codes follow sysexits.h where it has one: 69 EX_UNAVAILABLE, 74 EX_IOERR, 78 EX_CONFIG.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from edge.basics.texts import one_line

EXIT_CODES: Final[Mapping[int, str]] = {
    0: "done; `--check`: all of it is well",
    1: "a check failed, some of the files failed, or an error that nobody foresaw (`--debug` shows where)",
    2: "the command line asks for something that cannot be",
    69: "a camera, GPU, camera head or another device is missing",
    74: "a file, a folder or the network could not be read or written",
    78: "configuration or model is wrong; the service stays down until somebody has mended it",
    130: "Ctrl-C while a command worked",
}
"""What a shell or service manager sees -> its meaning, for a person."""


class EdgeError(Exception):
    """A failure told in one line: what, the value, what was expected, what to do."""

    exit_code = 1

    def __str__(self) -> str:
        """One printable line, whatever a file's name, a key or a library put into it."""
        return one_line(super().__str__())


class UsageError(EdgeError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class NotNow(EdgeError):
    """What is asked for cannot be at this moment, and nothing has changed; the API answers 409 with the line."""


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
