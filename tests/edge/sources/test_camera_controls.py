"""What a camera says of itself for a calibration: its mode, and the settings that its driver has."""

import cv2

from edge.config import CAMERA_CONTROLS
from edge.frames.stages import Adjustable, about, camera_mode
from edge.sources.camera import _CONTROLS, CameraSource


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
    told = about(source)
    assert (told["asked"], told["granted"]) == ("1920x1080 YUYV at 30 fps", "1920x1080 YUYV at 30 fps")
    assert (told["controls"], told["picture"]) == (source.controls(), None)
    source.close()


class Stubborn(Capture):
    """A driver that keeps its gain."""

    def set(self, prop, value):
        self.order = [*getattr(self, "order", []), prop]
        return True if prop == cv2.CAP_PROP_GAIN else super().set(prop, value)


def test_settings_are_made_at_the_opening_and_what_was_not_taken_is_told(caplog):
    capture = Stubborn()
    wanted = {"exposure": 90.0, "auto_exposure": 1.0, "gain": 4.0}
    source = CameraSource("camera:/dev/video0", "/dev/video0", controls=wanted, open_capture=lambda _: capture)
    assert source.controls() == {"auto_exposure": 1.0, "exposure": 90.0, "auto_white_balance": 0.0}
    made = [prop for prop in capture.order if prop in (cv2.CAP_PROP_AUTO_EXPOSURE, cv2.CAP_PROP_EXPOSURE)]
    assert made == [cv2.CAP_PROP_AUTO_EXPOSURE, cv2.CAP_PROP_EXPOSURE], "what it does by itself comes first"
    assert "gain = 4 was not taken, the camera has no such setting" in caplog.text


def test_every_setting_of_the_configuration_is_known_to_the_camera():
    assert tuple(_CONTROLS) == CAMERA_CONTROLS


def test_a_change_while_it_runs_is_told_as_what_it_has(monkeypatch):
    source = CameraSource("camera:/dev/video0", "/dev/video0", open_capture=lambda _: Capture())
    assert isinstance(source, Adjustable)
    asked = []
    monkeypatch.setattr("edge.sources.camera.adjust", lambda *asked_for: asked.append(asked_for) or {"exposure": 90.0})
    source.adjust({"exposure": 90.0})
    assert asked == [("/dev/video0", {"exposure": 90.0})]
    assert about(source)["controls"] == {"exposure": 90.0, "auto_white_balance": 0.0}
