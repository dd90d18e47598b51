"""What a V4L2 device says of itself: name, formats, sizes, rates. Layouts as in linux/videodev2.h."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

Ioctl = Callable[[int, int, bytearray], object]

CAPABILITY = struct.Struct("=16s32s32s6I")
FORMAT = struct.Struct("=3I32s5I")
FRAME_SIZE = struct.Struct("=3I6I2I")
FRAME_INTERVAL = struct.Struct("=5I6I2I")
WRITE, READ = 1, 2
_CAPTURE, _CAPTURE_PLANES, _HAS_DEVICE_CAPS = 0x1, 0x1000, 0x80000000
_DISCRETE = 1
_MAX_LISTED = 256


def ioctl_number(direction: int, number: int, layout: struct.Struct) -> int:
    """`_IOC(direction, 'V', number, size)` of asm-generic/ioctl.h."""
    return direction << 30 | layout.size << 16 | ord("V") << 8 | number


QUERY_CAPABILITY = ioctl_number(READ, 0, CAPABILITY)
ENUM_FORMAT = ioctl_number(READ | WRITE, 2, FORMAT)
ENUM_FRAME_SIZES = ioctl_number(READ | WRITE, 74, FRAME_SIZE)
ENUM_FRAME_INTERVALS = ioctl_number(READ | WRITE, 75, FRAME_INTERVAL)


@dataclass(frozen=True, slots=True)
class Mode:
    """One way in which a camera gives pictures.

    Attributes:
        fourcc: its pixel format.
        rates: frames per second, highest first; empty where the driver does not list them.
        is_range: any size up to this one.
    """

    fourcc: str
    width_px: int
    height_px: int
    rates: tuple[float, ...]
    is_range: bool = False


@dataclass(frozen=True, slots=True)
class Device:
    """A V4L2 device that gives pictures.

    Attributes:
        name: of the camera; driver, bus: of the kernel and where it is plugged in.
    """

    name: str
    driver: str
    bus: str
    modes: tuple[Mode, ...]


def asked(path: Path, ioctl: Ioctl = fcntl.ioctl) -> Device | None:
    """What a device says; None where it gives no pictures, such as a camera's second node for metadata.

    Raises:
        OSError: it cannot be opened, or is no V4L2 device.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        buffer = bytearray(CAPABILITY.size)
        ioctl(descriptor, QUERY_CAPABILITY, buffer)
        driver, card, bus, _, of_all, of_node, *_ = CAPABILITY.unpack(buffer)
        able = of_node if of_all & _HAS_DEVICE_CAPS else of_all
        if not able & (_CAPTURE | _CAPTURE_PLANES):
            return None
        kind = 1 if able & _CAPTURE else 9  # V4L2_BUF_TYPE_VIDEO_CAPTURE, and ..._MPLANE
        modes = tuple(mode for code in _formats(descriptor, kind, ioctl) for mode in _modes(descriptor, code, ioctl))
        return Device(_text(card), _text(driver), _text(bus), modes)
    finally:
        os.close(descriptor)


def _formats(descriptor: int, kind: int, ioctl: Ioctl) -> Iterator[int]:
    for found in _listed(descriptor, ENUM_FORMAT, FORMAT, (kind,), ioctl):
        yield found[4]


def _modes(descriptor: int, code: int, ioctl: Ioctl) -> Iterator[Mode]:
    fourcc = code.to_bytes(4, "little").decode("ascii", "replace").strip()
    for found in _listed(descriptor, ENUM_FRAME_SIZES, FRAME_SIZE, (code,), ioctl):
        is_range = found[2] != _DISCRETE
        width_px, height_px = (found[4], found[7]) if is_range else (found[3], found[4])
        rates = sorted(set(_rates(descriptor, (code, width_px, height_px), ioctl)), reverse=True)
        yield Mode(fourcc, width_px, height_px, tuple(rates), is_range)


def _rates(descriptor: int, asked_for: tuple[int, int, int], ioctl: Ioctl) -> Iterator[float]:
    """Frames per second; of a range the highest."""
    for found in _listed(descriptor, ENUM_FRAME_INTERVALS, FRAME_INTERVAL, asked_for, ioctl):
        numerator, denominator = found[5], found[6]
        if numerator:
            yield round(denominator / numerator, 2)


def _listed(
    descriptor: int, request: int, layout: struct.Struct, asked_for: tuple[int, ...], ioctl: Ioctl
) -> Iterator[tuple[int, ...]]:
    """Every entry of a V4L2 list; the driver ends it by EINVAL, and one that has no such list by ENOTTY."""
    for index in range(_MAX_LISTED):
        head = struct.pack(f"={1 + len(asked_for)}I", index, *asked_for)
        buffer = bytearray(head.ljust(layout.size, b"\0"))
        try:
            ioctl(descriptor, request, buffer)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                return
            raise
        found = layout.unpack(buffer)
        yield found
        if layout is not FORMAT and found[len(asked_for) + 1] != _DISCRETE:
            return  # a range is the only entry


def _text(field: bytes) -> str:
    text = field.partition(b"\0")[0].decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "?" for char in text)
