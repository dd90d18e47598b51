"""A USB camera: V4L2 through OpenCV, newest frame first, never waiting long for a silent one."""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.basics.errors import CameraLost, DeviceMissing
from edge.calibration.of_unit import same_control
from edge.config import CAMERA_CONTROLS
from edge.frames.frame import Frame
from edge.frames.lending import Lend, nothing_lent
from edge.frames.stages import Adjustment
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX, Fit
from edge.pictures.image import Image
from edge.sources.capture import Capture, CaptureHolder, opened_capture
from edge.sources.jpeg import JpegReader
from edge.sources.judgement import Fault, FrameJudge
from edge.sources.pace import FrameFitter
from edge.sources.v4l2_controls import adjust, adjustments_of

_log = logging.getLogger(__name__)

PixelFormat = Literal["MJPG", "YUYV"]

DEVICE_FOLDER = Path("/dev")
SILENCE_NS = 2_000_000_000
_SLICE_NS = 100_000_000
_POLL_NS = 1_000_000
_WAITED_NS = 2_000_000
_NUM_BUFFERS = 4  # OpenCV's own number; with fewer, many drivers drop every other frame
_MAX_TAKEN = 8
_CONTROLS = {
    "auto_exposure": cv2.CAP_PROP_AUTO_EXPOSURE,
    "exposure": cv2.CAP_PROP_EXPOSURE,
    "gain": cv2.CAP_PROP_GAIN,
    "auto_white_balance": cv2.CAP_PROP_AUTO_WB,
    "white_balance_kelvin": cv2.CAP_PROP_WB_TEMPERATURE,
    "brightness": cv2.CAP_PROP_BRIGHTNESS,
    "contrast": cv2.CAP_PROP_CONTRAST,
    "saturation": cv2.CAP_PROP_SATURATION,
    "gamma": cv2.CAP_PROP_GAMMA,
    "sharpness": cv2.CAP_PROP_SHARPNESS,
}


class CaptureFormat(NamedTuple):
    """What a camera is asked for, or grants."""

    width_px: int
    height_px: int
    fourcc: str
    fps: float

    def __str__(self) -> str:
        return f"{self.width_px}x{self.height_px} {self.fourcc} at {self.fps:g} fps"


class CameraSource:
    """A V4L2 camera at 1920x1080.

    Compressed frames are taken from the driver as they are and decoded by simplejpeg straight to RGB: 8 ms
    for 1080p on the build machine, against 11 to 17 ms by OpenCV and a swap of channels, for equal pixels. Each picture
    goes through the `FrameJudge`.
    `seq` counts what the camera gave, so what was passed over for a newer frame shows as a gap.

    Args:
        uri: as the user wrote it.
        device: path below /dev.
        pixel_format: what to ask the camera for.
        fps: what to ask the camera for.
        fit: what is done with a picture that is not 16:9.
        controls: settings to make, as `edge.config.CAMERA_CONTROLS` names them, in that order.
        judge: of the program; one of its own by default.
        open_capture: opens the device; a test passes its own.
        lend: memory for the pictures.

    Raises:
        DeviceMissing: no such device, no permission, or it cannot be opened as a camera.
    """

    paced = True

    def __init__(
        self,
        uri: str,
        device: str,
        *,
        pixel_format: PixelFormat = "MJPG",
        fps: float = 30.0,
        fit: Fit = "crop",
        controls: Mapping[str, float] | None = None,
        judge: FrameJudge | None = None,
        open_capture: Callable[[str], Capture] | None = None,
        lend: Lend = nothing_lent,
    ) -> None:
        self.uri = uri
        self._device = device
        capture = (open_capture or opened_camera)(device)
        self._holder = CaptureHolder(capture)
        self._fitter = FrameFitter(uri, _log, fit)
        self._judge = judge or FrameJudge()
        self._jpegs = JpegReader(device, lend)
        self._seq = -1
        self._asked = CaptureFormat(FRAME_WIDTH_PX, FRAME_HEIGHT_PX, pixel_format, fps)
        self._granted = _configured(capture, self._asked)
        if self._granted != self._asked:
            _log.warning("%s: asked for %s, the camera gives %s", uri, self._asked, self._granted)
        self._controls = _controlled(capture, uri, controls or {})
        self.fps = self._granted.fps
        self.camera_mode = f"{self._granted.width_px}x{self._granted.height_px} {self._granted.fourcc}"
        if fit == "pad" and self._granted.width_px * 9 != self._granted.height_px * 16:
            self.camera_mode += " padded"

    def read(self) -> Frame | None:
        """See `edge.frames.stages.Source.read`."""
        while True:
            with self._holder.reading() as is_open:
                if not is_open or not self._take_newest(self._holder.capture):
                    return None
                image = self._rgb_from_taken()
            if not isinstance(image, str):
                frame = Frame(self._fitter.fitted(image), self._seq, self._t_capture_ns)
                return self._judge.accept(self._device, frame, self._arrived_ns)
            self._judge.refuse(self._device, image)

    def controls(self) -> dict[str, float]:
        """The camera's settings as its driver gave them when it was opened; one that it does not have is left out."""
        return dict(self._controls)

    def about(self) -> dict[str, Any]:
        """What was asked of the camera and what it grants, as `/health` and `--check` tell it."""
        return {
            "asked": str(self._asked),
            "granted": str(self._granted),
            "controls": self.controls(),
            "picture": self._fitter.record(),
        }

    def adjustments(self) -> dict[str, Adjustment]:
        """See `edge.frames.stages.Adjustable`."""
        return adjustments_of(self._device)

    def adjust(self, values: Mapping[str, float]) -> None:
        """See `edge.frames.stages.Adjustable`."""
        self._controls = {**self._controls, **adjust(self._device, values)}

    def close(self) -> None:
        """See `edge.frames.stages.Source.close`."""
        self._holder.close()

    def _take_newest(self, capture: Capture) -> bool:
        """Take frames from the driver until the newest is in hand; False once closed.

        The driver queues up to four. A frame that had to be waited for is the newest, and so is the last of
        a queue, unless the queue was full: then the driver had nowhere to put newer ones.
        """
        patience_ns = SILENCE_NS
        for num_taken in range(1, _MAX_TAKEN + 1):
            begin_ns = time.monotonic_ns()
            if not self._wait(capture, patience_ns):
                break
            has_waited = time.monotonic_ns() - begin_ns > _WAITED_NS
            self._arrived_ns = time.monotonic_ns()
            self._t_capture_ns = self._judge.taken_ns(_stamp_ns(capture), self._arrived_ns)
            self._taken = self._retrieved(capture)
            self._seq += 1
            self._judge.skipped(num_taken > 1)
            if has_waited:
                break
            patience_ns = _POLL_NS if num_taken < _NUM_BUFFERS else SILENCE_NS
        return not self._holder.closing

    def _wait(self, capture: Capture, patience_ns: int) -> bool:
        """Wait for a frame, in slices so that `close` ends it. False: none came, which only a poll may."""
        deadline_ns = time.monotonic_ns() + patience_ns
        while not self._holder.closing:
            try:
                is_ready, ready = capture.waitAny([capture], min(patience_ns, _SLICE_NS))
            except cv2.error as error:
                raise CameraLost(f"{self._device}: the camera went away; check its cable") from error
            if is_ready and not ready:
                raise CameraLost(f"{self._device}: the camera hung up; check its cable")
            if is_ready:
                return True
            if time.monotonic_ns() >= deadline_ns:
                if patience_ns < SILENCE_NS:
                    return False
                raise CameraLost(
                    f"{self._device}: no picture from the camera for {SILENCE_NS // 10**9} s; check its cable"
                )
        return False

    def _retrieved(self, capture: Capture) -> NDArray[Any]:
        ok, taken = capture.retrieve()
        if not ok or taken is None:
            raise CameraLost(f"{self._device}: the camera gave nothing; check its cable")
        return np.asarray(taken)

    def _rgb_from_taken(self) -> Image | Fault:
        """The taken picture as RGB at the camera's size, or what is wrong with it."""
        if self._granted.fourcc in ("MJPG", "JPEG"):
            return self._jpegs.rgb(self._taken.tobytes())
        if self._granted.fourcc == "YUYV":
            image = rgb_from_yuyv(self._taken, self._granted.width_px, self._granted.height_px)
            return "incomplete" if image is None else image
        return np.asarray(cv2.cvtColor(self._taken, cv2.COLOR_BGR2RGB), np.uint8)


def rgb_from_yuyv(data: NDArray[Any], width_px: int, height_px: int) -> Image | None:
    """Decode one frame of YUV 4:2:2 in any array shape; None where bytes are missing."""
    if data.size != width_px * height_px * 2:
        return None
    yuyv = data.reshape(height_px, width_px, 2)
    return np.asarray(cv2.cvtColor(yuyv, cv2.COLOR_YUV2RGB_YUYV), np.uint8)


def _stamp_ns(capture: Capture) -> int | None:
    """The driver's time stamp of the frame in hand, None where it gives none.

    OpenCV hands the V4L2 buffer's stamp on in ms, on the monotonic clock with every common driver.
    """
    stamp_ns = round(capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
    return stamp_ns if stamp_ns > 0 else None


def _controlled(capture: Capture, uri: str, wanted: Mapping[str, float]) -> dict[str, float]:
    """Make the settings, and read back all that the driver has."""
    for name in CAMERA_CONTROLS:
        if name in wanted:
            capture.set(_CONTROLS[name], wanted[name])
    read = {name: capture.get(prop) for name, prop in _CONTROLS.items()}
    found = {name: value for name, value in read.items() if value != -1}
    for name, value in wanted.items():
        if not same_control(value, found.get(name)):
            has = f"has {found[name]:g}" if name in found else "has no such setting"
            _log.warning("%s: %s = %g was not taken, the camera %s; v4l2-ctl -L names what it takes",
                         uri, name, value, has)  # fmt: skip
    return found


def _configured(capture: Capture, asked: CaptureFormat) -> CaptureFormat:
    """Ask the camera, and read back what its driver really granted."""
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*asked.fourcc))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, asked.width_px)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, asked.height_px)
    capture.set(cv2.CAP_PROP_FPS, asked.fps)
    fourcc = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("ascii", "replace")
    is_raw = fourcc in ("MJPG", "JPEG", "YUYV")
    capture.set(cv2.CAP_PROP_CONVERT_RGB, 0 if is_raw else 1)
    fps = capture.get(cv2.CAP_PROP_FPS)
    width_px, height_px = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    return CaptureFormat(int(width_px), int(height_px), fourcc, fps if 1 <= fps <= 240 else asked.fps)


def opened_camera(device: str) -> Capture:
    """Open a V4L2 device.

    Raises:
        DeviceMissing: no such device, no permission, in use, or no camera; the line says which.
    """
    try:
        os.close(os.open(device, os.O_RDWR | os.O_NONBLOCK))
    except PermissionError as error:
        raise DeviceMissing(
            f"{device}: no permission; add the user to the group video (usermod -aG video USER), log in again"
        ) from error
    except OSError as error:
        what = "no such camera" if error.errno == errno.ENOENT else (error.strerror or str(error))
        raise DeviceMissing(f"{device}: {what}; {_present_cameras()}") from error
    capture = opened_capture(device, cv2.CAP_V4L2)
    if capture is None:
        raise DeviceMissing(f"{device}: cannot be opened as a camera; another program may be using it")
    return capture


def _present_cameras() -> str:
    present = sorted(str(path) for path in DEVICE_FOLDER.glob("video*"))
    return f"cameras present: {' '.join(present)}" if present else "no camera is present (no /dev/video*)"
