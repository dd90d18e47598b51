"""Stands for V4L2's ioctls: answers as a driver does, in the kernel's own layouts, for files that play devices."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.sources.v4l2 import ENUM_FORMAT, ENUM_FRAME_INTERVALS, ENUM_FRAME_SIZES, QUERY_CAPABILITY
from edge.sources.v4l2_controls import GET_CONTROL, QUERY_CONTROL, SET_CONTROL


def code(fourcc: str) -> int:
    return int.from_bytes(fourcc.encode(), "little")


@dataclass
class Control:
    """A setting: its range, what it is now, and values that the driver refuses although they are in range."""

    low: int
    high: int
    step: int
    default: int
    now: int
    flags: int = 0
    refused: tuple[int, ...] = ()


@dataclass
class Driver:
    """One device. `modes`: fourcc -> size -> intervals as (numerator, denominator); `controls`: by V4L2's numbers."""

    card: str
    driver: str = "uvcvideo"
    bus: str = "usb-0000:00:14.0-2"
    caps: int = 0x1
    modes: dict[str, dict[tuple[int, int], Sequence[tuple[int, int]]]] = field(default_factory=dict)
    stepwise: bool = False
    controls: dict[int, Control] = field(default_factory=dict)


class Drivers:
    """Implements `edge.sources.v4l2.Ioctl`."""

    def __init__(self, drivers: dict[Path, Driver]) -> None:
        self._drivers = drivers

    def __call__(self, descriptor: int, request: int, buffer: bytearray) -> int:
        driver = self._drivers.get(Path(os.readlink(f"/proc/self/fd/{descriptor}")))  # noqa: PTH115
        if driver is None:
            raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")
        if request == QUERY_CAPABILITY:
            names = [text.encode().ljust(size, b"\0") for text, size in
                     ((driver.driver, 16), (driver.card, 32), (driver.bus, 32))]  # fmt: skip
            buffer[:] = b"".join(names) + struct.pack("=6I", 0x60200, 0x80000000 | 0x1, driver.caps, 0, 0, 0)
            return 0
        if request in (QUERY_CONTROL, GET_CONTROL, SET_CONTROL):
            return self._of_control(driver, request, buffer)
        index, asked = struct.unpack_from("=2I", buffer)
        formats = list(driver.modes)
        if request == ENUM_FORMAT:
            self._end_at(index, formats)
            struct.pack_into("=I", buffer, 44, code(formats[index]))
            return 0
        sizes = driver.modes[next(name for name in formats if code(name) == asked)]
        if request == ENUM_FRAME_SIZES:
            self._end_at(index, sizes)
            width_px, height_px = list(sizes)[index]
            if driver.stepwise:
                struct.pack_into("=7I", buffer, 8, 3, 16, width_px, 8, 16, height_px, 8)
            else:
                struct.pack_into("=3I", buffer, 8, 1, width_px, height_px)
            return 0
        assert request == ENUM_FRAME_INTERVALS, hex(request)
        intervals = sizes[struct.unpack_from("=2I", buffer, 8)]
        self._end_at(index, intervals)
        struct.pack_into("=3I", buffer, 16, 1, *intervals[index])
        return 0

    def _of_control(self, driver: Driver, request: int, buffer: bytearray) -> int:
        number, value = struct.unpack_from("=Ii", buffer)
        control = driver.controls.get(number)
        if control is None:
            raise OSError(errno.EINVAL, "Invalid argument")
        if request == QUERY_CONTROL:
            struct.pack_into(
                "=4iI", buffer, 40, control.low, control.high, control.step, control.default, control.flags
            )
        elif request == GET_CONTROL:
            struct.pack_into("=i", buffer, 4, control.now)
        elif value in control.refused:
            raise OSError(errno.EIO, "Input/output error")
        else:
            control.now = value
        return 0

    def _end_at(self, index: int, entries: object) -> None:
        if index >= len(entries):  # type: ignore[arg-type]
            raise OSError(errno.EINVAL, "Invalid argument")
