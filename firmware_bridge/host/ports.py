"""Which serial port the camera head is on, and opening it for nobody else."""

from __future__ import annotations

import contextlib
import errno
import getpass
import grp
import os
import select
from dataclasses import dataclass
from pathlib import Path

import serial

from firmware_bridge.command_line import hint
from firmware_bridge.errors import PortError

FIXED_NAME = Path("/dev/edge-camera-head")
"""What the shipped udev rule calls it."""
BY_ID = Path("/dev/serial/by-id")
BAUD_RATES = (115_200, 1_000_000)
_READ_BYTES = 4096
_WRITE_TIMEOUT_S = 0.5
UDEV_RULE = Path(__file__).parent.parent / "udev" / "70-edge-camera-head.rules"


@dataclass(frozen=True, slots=True)
class PortEntry:
    """A serial port that a camera head may be on.

    Attributes:
        path: a name that stays the same when plugs are moved.
        device: what it stands for now, such as /dev/ttyACM0.
    """

    path: Path
    device: Path


def known_ports() -> list[PortEntry]:
    """The fixed name first, then every port by its id."""
    names = [FIXED_NAME] if FIXED_NAME.exists() else []
    names += sorted(BY_ID.iterdir()) if BY_ID.is_dir() else []
    return [PortEntry(name, name.resolve()) for name in names]


def chosen_port(choice: str) -> Path:
    """The port that `auto`, a path or a name in /dev/serial/by-id stands for.

    Raises:
        PortError: there is none, or `auto` would have to guess.
    """
    if choice == "auto":
        ports = known_ports()
        if ports and (ports[0].path == FIXED_NAME or len(ports) == 1):
            return ports[0].path
        if ports:
            names = ", ".join(port.path.name for port in ports)
            raise PortError(f"port = 'auto': several serial ports ({names}); name one, or install {UDEV_RULE}")
        raise PortError(f"port = 'auto': neither {FIXED_NAME} nor anything in {BY_ID}; is the camera head plugged in?")
    path = Path(choice)
    if not path.is_absolute() and (BY_ID / choice).exists():
        path = BY_ID / choice
    if not path.exists():
        meant = "" if path.is_absolute() else hint(choice, ("auto",))
        lists = "is the camera head plugged in? edge-bridge ports lists what is there"
        raise PortError(f"{choice}: no such port{meant or f'; {lists}'}")
    return path


class SerialLine:
    """An open port. Used by one thread.

    Raises (all methods):
        PortError: the port cannot be opened, or went away.
    """

    def __init__(self, path: Path, baud: int) -> None:
        self.path = path
        try:
            self._serial = serial.Serial(
                str(path), baud, timeout=0, write_timeout=_WRITE_TIMEOUT_S, exclusive=True, dsrdtr=False
            )
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise PortError(_why_not_open(path, error)) from error

    def read(self) -> bytes:
        """What has come; empty where nothing has."""
        try:
            data: bytes = self._serial.read(_READ_BYTES)
        except OSError as error:
            raise PortError(f"{self.path}: unplugged") from error
        return data

    def write(self, data: bytes) -> None:
        try:
            self._serial.write(data)
        except OSError as error:
            raise PortError(f"{self.path}: unplugged, or it takes no bytes") from error

    def wait(self, timeout_s: float, wake_fd: int | None = None) -> None:
        """Until bytes come, `wake_fd` can be read, or the time is over."""
        try:
            fds = [self._serial.fileno(), *([] if wake_fd is None else [wake_fd])]
            select.select(fds, [], [], max(0.0, timeout_s))
        except (OSError, ValueError) as error:
            raise PortError(f"{self.path}: unplugged") from error

    def close(self) -> None:
        with contextlib.suppress(OSError):  # it may be gone already
            self._serial.close()


def _why_not_open(path: Path, error: OSError | ValueError) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EACCES:
        return (
            f"{path}: {getpass.getuser()} may not open it; add the user to the group {_group_of(path)} "
            f"(sudo usermod -aG {_group_of(path)} {getpass.getuser()}, then log in anew) or install {UDEV_RULE}"
        )
    if number in (errno.EAGAIN, errno.EBUSY):
        return f"{path}: another program has it open; stop that one (sudo fuser -v {path} names it)"
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EIO):
        return f"{path}: no such port; is the camera head plugged in?"
    if not path.is_char_device() or os.strerror(errno.ENOTTY) in str(error):  # pyserial hands on the words alone
        return f"{path}: this is no serial port; edge-bridge ports lists what is there"
    return f"{path}: cannot be opened: {error}"


def _group_of(path: Path) -> str:
    try:
        return grp.getgrgid(path.stat().st_gid).gr_name
    except (OSError, KeyError):
        return "dialout"
