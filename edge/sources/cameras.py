"""`edge-enhance cameras`: what this machine has, and the URI to copy."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.basics.command import exit_code_of, say
from edge.basics.errors import DeviceMissing
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX
from edge.sources.v4l2 import Device, Mode, asked
from firmware_bridge.command_line import Parser

DEVICE_FOLDER = Path("/dev")
MONITOR = "gst-device-monitor-1.0"
_MONITOR_S = 10.0
_READABLE = ("MJPG", "YUYV")
_BY_GSTREAMER = {
    **dict.fromkeys(("UYVY", "YVYU", "NV12", "NV21", "NV16", "YU12", "YV12", "RGB3", "BGR3", "GREY"), ""),
    **dict.fromkeys(("H264", "HEVC", "JPEG"), " ! decodebin"),
}
"""Formats that a pipeline reads -> what comes behind `v4l2src` in it."""
_OF_A_JETSON = "tegra-video"
"""The driver of sensors whose raw pixels are made a picture by the chip; their numbers are those of `csi:`."""
_WANTED_FPS = 30.0
EXAMPLE = "example: edge-enhance --live --source 'camera:/dev/v4l/by-id/usb-...-video-index0?format=MJPG&fps=30'"


def main(argv: Sequence[str]) -> int:
    parser = Parser(
        prog="edge-enhance cameras",
        description="Lists cameras with their formats, sizes and rates, and the URI for each.",
        epilog=EXAMPLE,
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    args = parser.parse_args(argv)
    return exit_code_of("edge-enhance cameras", _list_cameras, debug=args.debug)


def _list_cameras() -> int:
    lines = [*v4l2_lines(), *gstreamer_lines()]
    if not lines:
        raise DeviceMissing("no camera is present (no /dev/video*); plug one in, and look at dmesg if it stays so")
    say(*lines)
    return 0


def v4l2_lines() -> Iterator[str]:
    """What is said of each /dev/video*: its name, its URI, and a line a format and size."""
    num_csi = 0
    for path in sorted(DEVICE_FOLDER.glob("video*"), key=_number):
        try:
            device = asked(path)
        except PermissionError:
            yield f"{path}  no permission; add the user to the group video (usermod -aG video USER), log in again"
            continue
        except OSError as error:
            yield f"{path}  cannot be asked: {error.strerror or error}"
            continue
        if device is not None:
            yield f"{path}  {device.name} ({device.driver}, {device.bus})"
            is_csi = device.driver == _OF_A_JETSON
            yield f"    csi:{num_csi}?fps=30" if is_csi else f"    {uri_of(path, device)}"
            num_csi += is_csi
            yield from (f"    {_words_of(mode)}" for mode in device.modes)


def uri_of(path: Path, device: Device) -> str:
    """The source URI of a camera in its best mode; or why it has none."""
    mode = best_mode(device)
    if mode is None:
        fourccs = list(dict.fromkeys(mode.fourcc for mode in device.modes))
        for fourcc in fourccs:
            if fourcc in _BY_GSTREAMER:
                return f"gst:v4l2src device={lasting_name(path)}{_BY_GSTREAMER[fourcc]}"
        formats = ", ".join(fourccs) or "no format"
        return f"no URI: it gives {formats}, expected {' or '.join((*_READABLE, *_BY_GSTREAMER))}"
    fps = max((rate for rate in mode.rates if rate <= _WANTED_FPS), default=min(mode.rates, default=_WANTED_FPS))
    return f"camera:{lasting_name(path)}?format={mode.fourcc}&fps={fps:g}"


def best_mode(device: Device) -> Mode | None:
    """1920x1080 where there is one, else what is nearest to it; MJPG before YUYV, whose rate is low at that size."""

    def rank(mode: Mode) -> tuple[bool, int, int, float]:
        reaches = mode.is_range and mode.width_px >= FRAME_WIDTH_PX and mode.height_px >= FRAME_HEIGHT_PX
        is_whole = reaches or (mode.width_px, mode.height_px) == (FRAME_WIDTH_PX, FRAME_HEIGHT_PX)
        off_px = abs(mode.width_px * mode.height_px - FRAME_WIDTH_PX * FRAME_HEIGHT_PX)
        return not is_whole, _READABLE.index(mode.fourcc), off_px, -max(mode.rates, default=0.0)

    return min((mode for mode in device.modes if mode.fourcc in _READABLE), key=rank, default=None)


def lasting_name(path: Path) -> Path:
    """The name below /dev/v4l/by-id, which stays when other cameras come and go; the path itself where it has none."""
    for link in sorted((DEVICE_FOLDER / "v4l" / "by-id").glob("*")):
        if link.resolve() == path.resolve():
            return link
    return path


def gstreamer_lines() -> Iterator[str]:
    """Cameras that GStreamer knows and V4L2 does not list, such as CSI ones behind libcamera."""
    program = shutil.which(MONITOR)
    if program is None:
        return
    try:
        done = subprocess.run([program, "Video/Source"], capture_output=True, timeout=_MONITOR_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        yield f"GStreamer cannot be asked: {error}"
        return
    for block in done.stdout.decode("utf-8", "replace").split("Device found:")[1:]:
        name = re.search(r"^\s*name\s*:\s*(.*)$", block, re.MULTILINE)
        launch = re.search(r"gst-launch-1\.0\s+(.*?)\s*!", block)
        element = "" if launch is None else launch[1]
        if not element.startswith("v4l2src"):
            yield f"{'a camera' if name is None else name[1].strip()}  (GStreamer: {element or 'no element'})"
            yield f"    gst:{element}" if element else "    no URI: GStreamer names no element for it"


def _words_of(mode: Mode) -> str:
    up_to = "up to " if mode.is_range else ""
    rates = ", ".join(f"{rate:g}" for rate in mode.rates)
    return f"{mode.fourcc} {up_to}{mode.width_px}x{mode.height_px} at {f'{rates} /s' if rates else 'an unknown rate'}"


def _number(path: Path) -> tuple[int, str]:
    digits = re.search(r"(\d+)$", path.name)
    return (int(digits[1]) if digits else 0, path.name)
