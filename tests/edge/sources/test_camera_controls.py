"""What a camera says of itself for a calibration: its mode, and the settings that its driver has."""

import cv2

from edge.frames.stages import camera_mode
from edge.sources.camera import CameraSource


class Capture:
    """As much of `cv2.VideoCapture` as opening and reading settings needs; -1 is what a driver lacks."""

    def __init__(self):
        self.values = {cv2.CAP_PROP_EXPOSURE: 120.0, cv2.CAP_PROP_AUTO_WB: 0.0}

    def set(self, prop, value):
        self.values[prop] = value
        return True

    def get(self, prop):
        return float(self.values.get(prop, -1))

    def release(self):
        self.values = {}


def test_mode_and_settings_are_read_from_the_driver():
    source = CameraSource("camera:/dev/video0", "/dev/video0", pixel_format="YUYV", open_capture=lambda _: Capture())
    assert camera_mode(source) == "1920x1080 YUYV"
    assert source.controls() == {"exposure": 120.0, "auto_white_balance": 0.0}
    source.close()
    assert source.controls() == {}
