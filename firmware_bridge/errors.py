"""What can go wrong on the way to the camera head, each with the exit code of `edge-bridge` (sysexits.h)."""

from __future__ import annotations


class BridgeError(Exception):
    """A failure in one line: what, the value, what was expected, what to do."""

    exit_code = 1


class UsageError(BridgeError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class PortError(BridgeError):
    """The serial port is missing, busy, not allowed, or went away."""

    exit_code = 69


class WrongDevice(PortError):
    """Something is on the port, but it is no camera head."""


class VersionMismatch(PortError):
    """The two sides speak different major versions of the protocol."""


class CommandFailed(BridgeError):
    """A command was not answered with success."""


class Refused(CommandFailed):
    """The device answered NAK: the command had no effect.

    Attributes:
        reason: as in the NAK.
    """

    def __init__(self, message: str, reason: int) -> None:
        super().__init__(message)
        self.reason = reason


class OutcomeUnknown(CommandFailed):
    """No answer came, or the device restarted: the command took effect once or not at all."""


class OutOfRange(CommandFailed, ValueError):
    """A value that host and device both refuse; nothing was sent."""


class BadPayload(BridgeError):
    """A payload that does not have the layout of its type."""
