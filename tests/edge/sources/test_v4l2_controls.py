"""A camera's settings over V4L2: ranges, changes while it streams, all or none."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from edge.basics.errors import ConfigError, DeviceMissing
from edge.config import CAMERA_CONTROLS
from edge.sources.camera import _CONTROLS
from edge.sources.v4l2_controls import GET_CONTROL, NUMBERS, QUERY_CONTROL, SET_CONTROL, adjust, adjustments_of
from tests.doubles.v4l2_driver import Control, Driver, Drivers

AUTO, EXPOSURE, GAIN, BRIGHTNESS = (NUMBERS[one] for one in ("auto_exposure", "exposure", "gain", "brightness"))


@pytest.fixture
def driver() -> Driver:
    controls = {
        AUTO: Control(0, 3, 1, 3, 3),
        EXPOSURE: Control(3, 2047, 1, 250, 250, flags=0x10),
        GAIN: Control(0, 100, 0, 0, 0, refused=(66,)),
        BRIGHTNESS: Control(0, 10, 1, 5, 5, flags=0x4),
    }
    return Driver("Camera", controls=controls)


@pytest.fixture
def device(tmp_path: Path) -> str:
    path = tmp_path / "video0"
    path.touch()
    return str(path)


@pytest.fixture
def drivers(device: str, driver: Driver) -> Drivers:
    return Drivers({Path(device): driver})


def test_the_requests_are_those_of_the_kernel() -> None:
    """As gcc makes them of linux/videodev2.h: VIDIOC_QUERYCTRL, VIDIOC_G_CTRL, VIDIOC_S_CTRL."""
    assert (QUERY_CONTROL, GET_CONTROL, SET_CONTROL) == (0xC0445624, 0xC008561B, 0xC008561C)
    assert struct.calcsize("=2I32s4iI2I") == 68


def test_the_names_are_those_of_the_configuration() -> None:
    assert tuple(NUMBERS) == CAMERA_CONTROLS == tuple(_CONTROLS)


def test_ranges_are_told_as_the_driver_has_them(device: str, drivers: Drivers) -> None:
    found = adjustments_of(device, drivers)
    assert list(found) == ["auto_exposure", "exposure", "gain"], "what cannot be changed is left out"
    assert found["exposure"].record() == {
        "low": 3, "high": 2047, "step": 1, "default": 250, "now": 250, "active": False,
    }  # fmt: skip
    assert found["gain"].step == 1, "a driver that names no step"


def test_what_the_camera_does_by_itself_is_switched_first(device: str, drivers: Drivers, driver: Driver) -> None:
    assert adjust(device, {"exposure": 120, "auto_exposure": 1}, drivers) == {"auto_exposure": 1, "exposure": 120}
    assert (driver.controls[AUTO].now, driver.controls[EXPOSURE].now) == (1, 120)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"auto_exposure": 1, "exposure": 2048}, "exposure = 2048: expected a number from 3 to 2047"),
        ({"auto_exposure": 1, "gamma": 2}, "gamma: this camera has auto_exposure, exposure, gain"),
        ({"auto_exposure": 1, "brightness": 2}, "brightness: this camera has"),
        ({"auto_exposure": 1, "gain": 66}, "gain = 66: the camera does not take it (Input/output error)"),
    ],
)
def test_settings_are_made_all_or_none(
    device: str, drivers: Drivers, driver: Driver, values: dict[str, float], message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        adjust(device, values, drivers)
    assert str(refused.value).startswith(message)
    assert [control.now for control in driver.controls.values()] == [3, 250, 0, 5]


def test_a_device_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceMissing, match="No such file"):
        adjustments_of(str(tmp_path / "video9"))
