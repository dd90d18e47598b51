"""A V4L2 camera's settings: their ranges, and changing them while it streams. Layouts as in linux/videodev2.h.

The kernel lets another descriptor of the device change settings, so the one that streams is left alone.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from edge.basics.errors import ConfigError, DeviceMissing
from edge.frames.stages import Adjustment
from edge.sources.v4l2 import READ, WRITE, Ioctl, ioctl_number

QUERY = struct.Struct("=2I32s4iI2I")
CONTROL = struct.Struct("=Ii")
QUERY_CONTROL = ioctl_number(READ | WRITE, 36, QUERY)
GET_CONTROL = ioctl_number(READ | WRITE, 27, CONTROL)
SET_CONTROL = ioctl_number(READ | WRITE, 28, CONTROL)
_DISABLED, _READ_ONLY, _INACTIVE, _WRITE_ONLY = 0x1, 0x4, 0x10, 0x40
NUMBERS: Mapping[str, int] = {
    "auto_exposure": 0x009A0901,
    "exposure": 0x009A0902,
    "gain": 0x00980913,
    "auto_white_balance": 0x0098090C,
    "white_balance_kelvin": 0x0098091A,
    "brightness": 0x00980900,
    "contrast": 0x00980901,
    "saturation": 0x00980902,
    "gamma": 0x00980910,
    "sharpness": 0x0098091B,
}
"""Name of `edge.config.CAMERA_CONTROLS` -> V4L2_CID_... of linux/v4l2-controls.h, as OpenCV maps them."""


def adjustments_of(device: str, ioctl: Ioctl = fcntl.ioctl) -> dict[str, Adjustment]:
    """Every setting that the device has and that can be changed."""
    with _opened(device) as descriptor:
        return dict(_found(descriptor, ioctl))


def adjust(device: str, values: Mapping[str, float], ioctl: Ioctl = fcntl.ioctl) -> dict[str, float]:
    """Make settings, all or none; what each is then.

    Raises:
        ConfigError: the camera has no such setting, it is out of range, or the driver refuses it.
        DeviceMissing: the device cannot be opened.
    """
    with _opened(device) as descriptor:
        known = dict(_found(descriptor, ioctl))
        for name, value in values.items():
            _refuse_out_of_range(name, value, known)
        made: list[str] = []
        try:
            for name in (name for name in NUMBERS if name in values):  # what it does by itself comes first
                _set(descriptor, name, round(values[name]), ioctl)
                made.append(name)
        except ConfigError:
            for name in reversed(made):
                _set(descriptor, name, round(known[name].now), ioctl)
            raise
        return {name: one.now for name, one in _found(descriptor, ioctl) if name in values}


def _found(descriptor: int, ioctl: Ioctl) -> Iterator[tuple[str, Adjustment]]:
    for name, number in NUMBERS.items():
        asked = bytearray(QUERY.pack(number, 0, b"", 0, 0, 0, 0, 0, 0, 0))
        control = bytearray(CONTROL.pack(number, 0))
        try:
            ioctl(descriptor, QUERY_CONTROL, asked)
            _, _, _, low, high, step, default, flags, *_ = QUERY.unpack(asked)
            if flags & (_DISABLED | _READ_ONLY | _WRITE_ONLY):
                continue
            ioctl(descriptor, GET_CONTROL, control)
        except OSError:  # EINVAL: it has none
            continue
        yield name, Adjustment(low, high, max(1, step), default, CONTROL.unpack(control)[1], not flags & _INACTIVE)


def _refuse_out_of_range(name: str, value: float, known: Mapping[str, Adjustment]) -> None:
    if name not in known:
        raise ConfigError(f"{name}: this camera has {', '.join(known) or 'no settings'}")
    low, high = known[name].low, known[name].high
    if not low <= value <= high:
        raise ConfigError(f"{name} = {value:g}: expected a number from {low:g} to {high:g}")


def _set(descriptor: int, name: str, value: int, ioctl: Ioctl) -> None:
    try:
        ioctl(descriptor, SET_CONTROL, bytearray(CONTROL.pack(NUMBERS[name], value)))
    except OSError as error:
        raise ConfigError(f"{name} = {value}: the camera does not take it ({error.strerror})") from error


@contextmanager
def _opened(device: str) -> Iterator[int]:
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise DeviceMissing(f"{device}: {error.strerror}; check the camera's cable") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)
